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
	body, err := json.Marshal(civil)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+m.Token)
	answer, err := remote.Do(r)
	if err != nil {
		return nil, unavailable(errors.New("the register does not answer who has a civil status"))
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, largest))
	if err != nil || answer.StatusCode != http.StatusOK {
		return nil, unavailable(fmt.Errorf("the register answers %d", answer.StatusCode))
	}
	var said struct {
		People []string `json:"people"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, unavailable(errors.New("what the register answers cannot be read"))
	}
	return said.People, nil
}

func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Public: "the register cannot be asked now", Err: err}
}
