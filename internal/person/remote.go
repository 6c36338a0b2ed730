package person

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Remote asks an application of the register, at an address that only Poterne reaches: a
// civil status by POST as JSON, {"family": …}, is answered {"people": ["identifier", …]}.
type Remote struct {
	Address *url.URL
	Token   string // Poterne shows it; the application believes nobody else
}

// patience is how long the register may take; a person waits for it.
const patience = 5 * time.Second

// largest bounds what the register answers.
const largest = 4 << 10

// remote follows no redirection, which could carry a civil status elsewhere.
var remote = &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Find implements Register.
func (m Remote) Find(ctx context.Context, civil register.Civil) ([]string, error) {
	var said struct {
		People json.RawMessage `json:"people"`
	}
	if err := m.ask(ctx, http.MethodPost, civil, &said); err != nil {
		return nil, err
	}
	var people []string
	if err := json.Unmarshal(said.People, &people); err != nil { // nothing of them is said: that is not that there is nobody
		return nil, unavailable(errors.New(`what the register answers has no list "people"`))
	}
	return people, nil
}

// Contacts implements Addresses, at the address where the register keeps contact details:
// {"person": "identifier"} by POST is answered {"mail": …, "phone": …, "post": …, "name": …,
// "recovered": …}.
func (m Remote) Contacts(ctx context.Context, identifier string) (held Held, err error) {
	err = m.ask(ctx, http.MethodPost, map[string]string{"person": identifier}, &held)
	return held, err
}

// SetContacts implements Addresses, at the same address: by PUT, {"person": …, "number": …,
// "mail": …, "phone": …, "post": …}.
func (m Remote) SetContacts(ctx context.Context, identifier string, number ledger.Number, to Contacts) error {
	return m.ask(ctx, http.MethodPut, struct {
		Person string        `json:"person"`
		Number ledger.Number `json:"number"`
		Contacts
	}{identifier, number, to}, nil)
}

// ask sends JSON, and reads JSON where it is wanted. What is not there is fault.Absent.
func (m Remote) ask(ctx context.Context, method string, said, answered any) error {
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, m.Address.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+m.Token)
	answer, err := remote.Do(r)
	if err != nil {
		return unavailable(errors.New("the register does not answer"))
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, largest))
	switch {
	case err == nil && answer.StatusCode == http.StatusNotFound:
		return &fault.Error{Kind: fault.Absent}
	case err != nil || answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNoContent:
		return unavailable(fmt.Errorf("the register answers %d", answer.StatusCode))
	case answered == nil:
		return nil
	}
	if err := json.Unmarshal(raw, answered); err != nil {
		return unavailable(errors.New("what the register answers cannot be read"))
	}
	return nil
}

func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Public: "the register cannot be asked now", Err: err}
}
