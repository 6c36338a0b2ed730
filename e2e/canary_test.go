package e2e

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// search is the address of a search for a person by name and birth date.
func (d *demo) search(person int) string {
	p := d.register.Person(person)
	return "/dossier/search?" + url.Values{"surname": {p.Surname}, "birth": {p.Birth.Format(time.DateOnly)}, "first": {p.First}}.Encode()
}

// canaries are people of the town who exist for Poterne only, today.
func (d *demo) canaries(count int) (people []int) {
	for i := 0; i < d.register.Size() && len(people) < count; i++ {
		if d.isCanary(d.register.FT(i)) {
			people = append(people, i)
		}
	}
	return people
}

// finds reports whether a search shows a person, and that the page came.
func (d *demo) finds(b *life.Browser, person int) bool {
	d.t.Helper()
	page := d.get(b, d.search(person))
	if page.Status != http.StatusOK {
		d.t.Errorf("a search answers %d", page.Status)
	}
	return strings.Contains(string(page.Body), d.register.Dossier(person))
}

// Promise: WATCH-3
func TestWATCH_3_CanariesOfTheDemonstrationCatchWhoeverOpensThem(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	birds := d.canaries(3)
	grounds := func(account roster.AccountID) (why []policy.Why) {
		for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
			if e.Account == account && (e.Why != policy.Granted || e.Kind == ledger.Placed) {
				why = append(why, e.Why)
			}
		}
		return why
	}

	// By its number, a canary is never shown; one's own people still are.
	pauline := d.browser("pauline.mercier")
	page := d.get(pauline, d.file(birds[0]))
	body := strings.ToLower(string(page.Body))
	if page.Status != http.StatusForbidden || strings.Contains(body, strings.ToLower(d.register.Person(birds[0]).Surname)) {
		t.Errorf("a canary opened by its number: %d", page.Status)
	}
	if strings.Contains(body, "canar") || strings.Contains(body, "does not exist") {
		t.Error("the page says what it was that she opened")
	}
	if page := d.get(pauline, d.file(d.stranger(0))); page.Status != http.StatusForbidden {
		t.Errorf("then a stranger: %d", page.Status)
	}
	if page := d.get(pauline, d.file(d.staff.Caseload("pauline.mercier")[0])); page.Status != http.StatusOK {
		t.Errorf("somebody of her caseload: %d", page.Status)
	}
	if why := grounds("pauline.mercier"); !slices.Contains(why, policy.CanaryOpened) {
		t.Errorf("the ledger says %v", why)
	}

	// In a search it is found as anybody is; the next stranger asks for a step-up, and
	// another canary freezes.
	odile := d.browser("odile.garnier")
	for range 3 {
		if !d.finds(odile, birds[1]) {
			t.Fatal("a canary is not found by name and birth date")
		}
	}
	if page := d.get(odile, d.file(d.stranger(1))); page.Status != http.StatusForbidden {
		t.Errorf("a stranger after a canary in a search: %d", page.Status)
	}
	if why := grounds("odile.garnier"); why[len(why)-1] != policy.CanaryListed || slices.Contains(why, policy.CanaryOpened) {
		t.Errorf("the ledger says %v", why)
	}
	if d.finds(odile, birds[2]) {
		t.Error("a second canary is shown")
	}
	if why := grounds("odile.garnier"); !slices.Contains(why, policy.CanaryOpened) {
		t.Errorf("the ledger says %v", why)
	}
}
