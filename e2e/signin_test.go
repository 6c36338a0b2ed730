package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"poterne/internal/lab/town/life"
)

// theirs presses the button of one person on the identity provider's page, and
// comes back.
func theirs(t *testing.T, b *life.Browser, choice life.Page, button string) life.Page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, choice.Address.String(), strings.NewReader(url.Values{"person": {button}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", choice.Address.Scheme+"://"+choice.Address.Host)
	page, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// An address that somebody asked for while they were signed out names a person. It
// goes by the browser and the identity provider, and lies nowhere in the database
// or its journal. And whoever begins sign-ins without end takes none away that was
// begun before, a step-up no more than a first sign-in.
//
// Promises: ENTRY-1, ENTRY-6
func TestENTRY_1_ASignInUnderWayIsKeptByItsBrowserAlone(t *testing.T) {
	t.Parallel()
	const floods = 20_000
	application := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	h.serve()
	const back = "/people/list?from=Mirabeau-Quentin-1987-03-04"

	first := life.NewBrowser(h.origin)
	choice := h.get(first, "/.poterne/begin?return="+url.QueryEscape(back))
	inside := h.browser("samir.cohen")
	stepUp, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.origin+"/.poterne/step-up", strings.NewReader(url.Values{"return": {"/desk"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	stepUp.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asked, err := inside.Do(stepUp)
	if err != nil {
		t.Fatal(err)
	}

	t.Log("The name is in no file of the database.")
	for _, name := range []string{h.database(), h.database() + "-wal", h.database() + "-shm", h.database() + "-journal"} {
		raw, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("Mirabeau")) || bytes.Contains(raw, []byte("1987-03-04")) {
			t.Errorf("somebody's name and birth date are in %s", name)
		}
	}

	t.Log("Twenty thousand begin, and go nowhere.")
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for range floods / 32 {
				answer, err := client.Get(h.origin + "/.poterne/begin?return=%2F")
				if err != nil {
					t.Error(err)
					return
				}
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusSeeOther {
					t.Errorf("beginning: status %d", answer.StatusCode)
					return
				}
			}
		})
	}
	group.Wait()

	t.Log("Who began before them goes on.")
	if page := theirs(t, first, choice, "0"); page.Address.RequestURI() != back {
		t.Errorf("the sign-in begun before ends at %s with %d", page.Address.RequestURI(), page.Status)
	}
	if page := theirs(t, inside, asked, "3"); page.Address.Path != "/desk" || page.Status != http.StatusOK {
		t.Errorf("the step-up begun before ends at %s with %d", page.Address.RequestURI(), page.Status)
	}
}
