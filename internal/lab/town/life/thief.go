package life

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"time"

	"poterne/internal/roster"
)

// Thief is somebody who holds the session of an account, and goes through the
// register with it: over HTTP, one page after another, by the doors that staff use.
type Thief struct {
	Portal  string
	Account roster.AccountID    // whose session it is
	Button  string              // of its holder, on the identity provider's page
	Pause   time.Duration       // between two pages
	Pages   iter.Seq[string]    // the paths asked for, in order
	Took    func(person string) // is told of each person named in an answer, once, as it names them; nil: nobody asks
}

// tireless is how many answers in a row without anybody new make a thief give up.
const tireless = 40

// Steal signs in and asks for page after page, until there are no more, the session
// is over, nobody new comes any more, or ctx ends.
func (t Thief) Steal(ctx context.Context) error {
	browser := NewBrowser(t.Portal)
	if err := browser.SignIn(ctx, t.Button); err != nil {
		return fmt.Errorf("the thief cannot sign in: %w", err)
	}
	seen, vain := make(map[string]bool), 0
	for path := range t.Pages {
		page, err := browser.Get(ctx, path)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the thief cannot ask: %w", err)
		}
		vain++
		for _, person := range named(page) {
			if !seen[person] {
				seen[person], vain = true, 0
				if t.Took != nil {
					t.Took(person)
				}
			}
		}
		if vain == tireless || page.Status == http.StatusUnauthorized || !strings.HasPrefix(page.Address.String(), t.Portal) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(t.Pause):
		}
	}
	return nil
}

// person is how the town's applications name people in their answers, as they come through
// the guard.
var person = regexp.MustCompile(`(?:data-dossier="|data-ftid="|"ftid":"|data-field="dossier">)([^"<]+)`)

// named lists who is in an answer.
func named(page Page) (people []string) {
	if page.Status != http.StatusOK {
		return nil
	}
	for _, match := range person.FindAllSubmatch(page.Body, -1) {
		people = append(people, string(match[1]))
	}
	return people
}
