package person_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/person"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// civils is a register of people by their family names; their identifiers are their numbers.
type civils map[string]byte

func (c civils) Find(_ context.Context, civil register.Civil) ([]string, error) {
	if n, is := c[civil.Family]; is && civil == known(civil.Family).Normal() {
		return []string{fmt.Sprint(n)}, nil
	}
	return nil, nil
}

func known(family string) register.Civil {
	return register.Civil{Family: family, Given: "Camille", Birth: "2010-05-17", Gender: "female", Birthplace: "01053", Country: "99100"}
}

func (c civils) Contacts(context.Context, string) (person.Held, error) {
	return person.Held{Contacts: person.Contacts{Mail: "camille@boite.example"}}, nil
}

func (c civils) SetContacts(context.Context, string, ledger.Number, person.Contacts) error {
	return nil
}

// letterbox takes mails, unless it is away.
type letterbox struct {
	mu   sync.Mutex
	away bool
	got  []mail.Message
}

func (l *letterbox) Send(_ context.Context, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return errors.New("away")
	}
	l.got = append(l.got, m)
	return nil
}

// A representative reads the page of whoever they represent under a mandate that two people recorded,
// of which the person was told three days before, until it ends, and nothing else. Each look is written
// down before it is shown, and is on the person's page.
//
// Promise: PERSON-1
func TestPERSON_1_ARepresentativeReadsUnderAMandateOfTwoPeopleAndIsSeen(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	box := new(letterbox)
	node := func() *person.Mandates {
		m := portaltest.MandatesOf(h, civils{"AUBRY": 1, "PETIT": 2}, civils{}, box)
		m.Person = func(identifier string) (register.PersonID, error) { return somebody(identifier[0] - '0'), nil }
		m.Log = slog.New(slog.DiscardHandler)
		return m
	}
	h.Mandates = node()
	people := h.People(h.Now)
	line := opened(h, theo, 1)
	others := opened(h, theo, 2)
	after := func(d time.Duration) {
		t.Helper()
		h.Moved.Add(int64(d))
		if err := h.Mandates.Settle(t.Context()); err != nil {
			t.Error(err)
		}
	}
	after(0)

	guardian := known("BONNET")
	bonnet := func(birthplace, country, birth string) register.Civil {
		return register.Civil{Family: "BONNET", Given: "Camille", Birth: birth, Gender: "female", Birthplace: birthplace, Country: country}
	}
	as := func(civil register.Civil, own register.PersonID, method, path string, form url.Values) (int, string) {
		t.Helper()
		v := person.Visitor{Own: !own.IsZero(), Identity: h.Mandates.Identity(civil)}
		if !v.Own {
			own = register.PersonID(v.Identity)
		}
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Accept-Language", "en")
		r.Header.Set(portaltest.Actor, own.Hex())
		r.Header.Set(portaltest.Reference, v.Reference())
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		people.ServeHTTP(w, r)
		return w.Code, portaltest.Read(t, w.Body.String())
	}
	reads := func(path string) int {
		t.Helper()
		code, _ := as(guardian, register.PersonID{}, http.MethodGet, path, nil)
		return code
	}
	form := func(of, with register.Civil, kind ledger.State, begins, until time.Time) url.Values {
		f := url.Values{"kind": {string(kind)}, "because": {"TJ Valbourg 26/118"}, "begins": {begins.Format(time.DateOnly)}, "until": {until.Format(time.DateOnly)}}
		for prefix, c := range map[string]register.Civil{"of": of, "with": with} {
			for field, text := range map[string]string{"family": c.Family, "given": c.Given, "birth": c.Birth, "gender": c.Gender, "birthplace": c.Birthplace, "country": c.Country} {
				f.Set(prefix+"-"+field, text)
			}
		}
		return f
	}
	asks := func(who roster.AccountID, f url.Values) int {
		t.Helper()
		answer, _ := h.Goes(who, http.MethodPost, "/mandates", f)
		return answer.StatusCode
	}
	signs := func(who roster.AccountID, number ledger.Number, what string) int {
		t.Helper()
		answer, _ := h.Goes(who, http.MethodPost, fmt.Sprintf("/mandates/%d/%s", number, what), nil)
		return answer.StatusCode
	}
	last := func() person.MandateView {
		t.Helper()
		all, err := h.Mandates.All(t.Context())
		if err != nil || len(all) == 0 {
			t.Fatalf("%v, %v", all, err)
		}
		return all[0]
	}
	today := h.Now()
	whole := form(known("AUBRY"), guardian, person.Guardianship, today, today.AddDate(0, 6, 0))

	// Who records, and what.
	if code := asks(claire, whole); code == http.StatusSeeOther {
		t.Error("it is asked for without a confirmation")
	}
	confirms(t, h, portaltest.Security, claire, theo, jeanne)
	for name, code := range map[string]int{
		"an adviser": asks(theo, whole), "a manager": asks(jeanne, whole),
		"of nobody in the register":         asks(claire, form(known("DURAND"), guardian, person.Guardianship, today, today.AddDate(0, 6, 0))),
		"of oneself":                        asks(claire, form(known("AUBRY"), known("AUBRY"), person.Guardianship, today, today.AddDate(0, 6, 0))),
		"of an incomplete identity":         asks(claire, form(known("AUBRY"), register.Civil{Family: "BONNET"}, person.Guardianship, today, today.AddDate(0, 6, 0))),
		"for more than a year":              asks(claire, form(known("AUBRY"), guardian, person.Guardianship, today, today.AddDate(0, 12, 2))),
		"that is over":                      asks(claire, form(known("AUBRY"), guardian, person.Guardianship, today.AddDate(0, -2, 0), today.AddDate(0, -1, 0))),
		"with somebody who is nowhere born": asks(claire, form(known("AUBRY"), bonnet("", "99100", "1962-08-24"), person.Guardianship, today, today.AddDate(0, 6, 0))),
		"with a commune by its name":        asks(claire, form(known("AUBRY"), bonnet("Vichy", "99100", "1962-08-24"), person.Guardianship, today, today.AddDate(0, 6, 0))),
		"with a country by its name":        asks(claire, form(known("AUBRY"), bonnet("", "Italy", "1962-08-24"), person.Guardianship, today, today.AddDate(0, 6, 0))),
		"with a day as people write it":     asks(claire, form(known("AUBRY"), bonnet("01053", "99100", "24/08/1962"), person.Guardianship, today, today.AddDate(0, 6, 0))),
		"with a name without end":           asks(claire, form(known("AUBRY"), register.Civil{Family: strings.Repeat("A", 30000), Given: "Camille", Birth: "1962-08-24", Gender: "female", Birthplace: "01053", Country: "99100"}, person.Guardianship, today, today.AddDate(0, 6, 0))),
		"of no kind":                        asks(claire, form(known("AUBRY"), guardian, "friend", today, today.AddDate(0, 6, 0))),
	} {
		if code == http.StatusSeeOther {
			t.Errorf("%s: it is taken", name)
		}
	}
	if code := asks(claire, whole); code != http.StatusSeeOther {
		t.Fatalf("asking: %d", code)
	}
	number := last().Number
	path := fmt.Sprintf("/represented/%d", number)
	if code := reads(path); code != http.StatusNotFound {
		t.Errorf("what one person recorded shows the page: %d", code)
	}
	if code := signs(claire, number, "approve"); code == http.StatusSeeOther {
		t.Error("one person asks and approves")
	}
	box.away = true // the person cannot be told at once
	if code := signs(portaltest.Security, number, "approve"); code != http.StatusSeeOther {
		t.Fatalf("approving: %d", code)
	}
	h.Moved.Add(int64(4 * 24 * time.Hour))
	if err := h.Mandates.Settle(t.Context()); err == nil {
		t.Error("nobody says that the person cannot be told")
	}
	if code := reads(path); code != http.StatusNotFound {
		t.Errorf("it shows the page before the person was told: %d", code)
	}
	box.away = false
	after(0)
	if len(box.got) != 1 || box.got[0].To != "camille@boite.example" || strings.Contains(box.got[0].Text, "BONNET") {
		t.Errorf("the person is told by %d mails", len(box.got))
	}
	after(71 * time.Hour)
	if code := reads(path); code != http.StatusNotFound {
		t.Errorf("it shows the page before three days: %d", code)
	}
	if _, said := as(known("AUBRY"), somebody(1), http.MethodGet, "/mandates", nil); !strings.Contains(said, "CAMILLE BONNET") || !strings.Contains(said, "Guardianship") || !strings.Contains(said, "One other person will soon be able to read this page") || strings.Contains(said, "may read this page.") {
		t.Errorf("the person reads: %s", said)
	}
	after(2 * time.Hour)

	// What it shows, and what it does not.
	if code, said := as(guardian, register.PersonID{}, http.MethodGet, "/represented", nil); code != http.StatusOK || !strings.Contains(said, "CAMILLE AUBRY") {
		t.Errorf("the list: %d %s", code, said)
	}
	code, said := as(guardian, register.PersonID{}, http.MethodGet, path, nil)
	if code != http.StatusOK || !strings.Contains(said, "Who looked at the file of CAMILLE AUBRY") || strings.Contains(said, "Who may read this page") || strings.Contains(said, "My contact details") {
		t.Errorf("%d: %s", code, said)
	}
	for _, of := range []string{path, path + "/easy", fmt.Sprintf("%s/lines/%d", path, line)} {
		if _, said := as(guardian, register.PersonID{}, http.MethodGet, of, nil); !strings.Contains(said, "“you” means CAMILLE AUBRY") || strings.Contains(said, "your file") || strings.Contains(said, "my file") {
			t.Errorf("%s speaks to the representative as if the file were theirs: %s", of, said)
		}
	}
	if _, said := as(known("AUBRY"), somebody(1), http.MethodGet, "/mandates", nil); !strings.Contains(said, "One other person may read this page.") {
		t.Errorf("the person is not told that it is in force: %s", said)
	}
	for of, want := range map[string]int{
		fmt.Sprintf("%s/lines/%d", path, line): http.StatusOK, fmt.Sprintf("%s/lines/%d", path, others): http.StatusNotFound, path + "/lines.csv": http.StatusOK, path + "/lines.json": http.StatusOK,
		path + "/contacts": http.StatusNotFound, path + "/concerned": http.StatusNotFound, path + "/mandates": http.StatusNotFound, "/represented/0" + path[len("/represented/"):]: http.StatusNotFound,
		fmt.Sprintf("/represented/%d", number+1): http.StatusNotFound,
		// Whoever only represents has no page, nor contact details.
		"/": http.StatusSeeOther, "/contacts": http.StatusNotFound, "/concerned": http.StatusSeeOther, "/mandates": http.StatusSeeOther, fmt.Sprintf("/lines/%d", line): http.StatusSeeOther,
	} {
		if got := reads(of); got != want {
			t.Errorf("%s: %d", of, got)
		}
	}
	for name, who := range map[string]register.Civil{"the other person": known("PETIT"), "one letter less": known("BONNE"), "another birthday": {Family: "BONNET", Given: "Camille", Birth: "2010-05-18", Gender: "female", Birthplace: "01053", Country: "99100"}} {
		if code, _ := as(who, somebody(2), http.MethodGet, path, nil); code != http.StatusNotFound {
			t.Errorf("%s reads: %d", name, code)
		}
	}
	if code, _ := as(guardian, register.PersonID{}, http.MethodPost, fmt.Sprintf("%s/lines/%d/ask", path, line), url.Values{"what": {"was-me"}}); code != http.StatusNotFound {
		t.Errorf("it was the person's to say: %d", code)
	}
	if code, _ := as(guardian, register.PersonID{}, http.MethodPost, fmt.Sprintf("%s/lines/%d/ask", path, line), url.Values{"what": {"why"}}); code != http.StatusSeeOther {
		t.Errorf("asking why: %d", code)
	}
	if code, _ := as(guardian, register.PersonID{}, http.MethodPost, fmt.Sprintf("/mandates/%d/revoke", number), nil); code == http.StatusOK {
		t.Errorf("revoking: %d", code)
	}
	if code, _ := as(known("AUBRY"), somebody(1), http.MethodPost, fmt.Sprintf("/mandates/%d/revoke", number), nil); code != http.StatusNotFound {
		t.Errorf("a guardianship is revoked: %d", code)
	}
	before := h.Gate.Next()
	for name, of := range map[string]struct {
		method, path, what string
		code               int
	}{
		"the same once more":         {http.MethodPost, fmt.Sprintf("%s/lines/%d/ask", path, line), "why", http.StatusSeeOther},
		"no question":                {http.MethodPost, fmt.Sprintf("%s/lines/%d/ask", path, line), "nonsense", http.StatusNotFound},
		"about a line of another":    {http.MethodPost, fmt.Sprintf("%s/lines/%d/ask", path, others), "why", http.StatusNotFound},
		"a line of another":          {http.MethodGet, fmt.Sprintf("%s/lines/%d", path, others), "", http.StatusNotFound},
		"the proof of another's":     {http.MethodGet, fmt.Sprintf("%s/lines/%d/proof", path, others), "", http.StatusNotFound},
		"a line that is not written": {http.MethodGet, path + "/lines/99999", "", http.StatusNotFound},
	} {
		if code, _ := as(guardian, register.PersonID{}, of.method, of.path, url.Values{"what": {of.what}}); code != of.code || h.Gate.Next() != before {
			t.Errorf("%s: %d, and %d entries say that something was shown or asked", name, code, h.Gate.Next()-before)
			before = h.Gate.Next()
		}
	}
	if _, said := as(known("AUBRY"), somebody(1), http.MethodGet, "/mandates", nil); !strings.Contains(said, "The page was read") || !strings.Contains(said, "All lines were downloaded") || !strings.Contains(said, "A question was asked") {
		t.Errorf("the person sees of the looks: %s", said)
	}

	// A node that has not read the ledger shows nobody anything.
	h.Mandates = node()
	people = h.People(h.Now)
	if code := reads(path); code != http.StatusServiceUnavailable {
		t.Errorf("before the ledger is read: %d", code)
	}
	after(0)
	if code := reads(path); code != http.StatusOK {
		t.Errorf("another node: %d", code)
	}

	// It ends at once, whatever session is open; and whoever owns the database brings nothing back.
	h.Tamper(`create table old as select * from mandate`)
	confirms(t, h, portaltest.Security, claire)
	if err := h.Mandates.End(t.Context(), number, portaltest.Security); err != nil {
		t.Fatalf("ending: %v", err)
	}
	if code := reads(path); code != http.StatusNotFound {
		t.Errorf("after its end: %d", code)
	}
	h.Tamper(`delete from mandate`, `insert into mandate select * from old`)
	if code := reads(path); code != http.StatusNotFound {
		t.Errorf("put back: %d", code)
	}
	h.Mandates = node()
	people = h.People(h.Now)
	after(0)
	if m := last(); m.Lasts(h.Now()) {
		t.Error("the row that was put back is not ended")
	}
	h.Tamper(`update mandate set over_us = null, over_by = ''`, `insert into mandate select number + 1000, person, representative, kind, hidden, begins_us, until_us, asked_by, approved_by, asked_us, told_us, null, '', seal from old`)
	for _, forged := range []string{path, fmt.Sprintf("/represented/%d", number+1000)} {
		if code := reads(forged); code != http.StatusNotFound {
			t.Errorf("a row without a seal: %d", code)
		}
	}

	// A minor comes of age, and a person takes back what they gave.
	h.Tamper(`delete from mandate`, `drop table old`)
	confirms(t, h, portaltest.Security, claire)
	young := h.Now().AddDate(-18, 1, 0).Format(time.DateOnly)
	child := known("AUBRY")
	child.Birth = young
	h.Mandates.Register = oneOf{child}
	typed := person.Typed{Represented: child, Representative: guardian, Kind: person.ParentalAuthority, Reference: "acte de naissance", Begins: h.Now(), Until: h.Now().AddDate(0, 2, 0)}
	if err := h.Mandates.Ask(t.Context(), claire, typed); !errors.Is(err, person.MandateMinor) {
		t.Errorf("parental authority lasts beyond majority: %v", err)
	}
	typed.Until = h.Now().AddDate(0, 1, -2)
	if err := h.Mandates.Ask(t.Context(), claire, typed); err != nil {
		t.Fatalf("parental authority: %v", err)
	}
	minor := last().Number
	typed.Kind = person.PowerOfAttorney
	if err := h.Mandates.Ask(t.Context(), claire, typed); err != nil {
		t.Fatalf("a power of attorney: %v", err)
	}
	given := last().Number
	for _, n := range []ledger.Number{minor, given} {
		if err := h.Mandates.Approve(t.Context(), n, portaltest.Security); err != nil {
			t.Fatalf("approving: %v", err)
		}
	}
	after(73 * time.Hour)
	for _, n := range []ledger.Number{minor, given} {
		if code := reads(fmt.Sprintf("/represented/%d", n)); code != http.StatusOK {
			t.Errorf("mandate %d: %d", n, code)
		}
	}
	if code, _ := as(known("PETIT"), somebody(2), http.MethodPost, fmt.Sprintf("/mandates/%d/revoke", given), nil); code != http.StatusNotFound {
		t.Errorf("another revokes it: %d", code)
	}
	if code, _ := as(child, somebody(1), http.MethodPost, fmt.Sprintf("/mandates/%d/revoke", given), nil); code != http.StatusSeeOther {
		t.Errorf("revoking: %d", code)
	}
	if code := reads(fmt.Sprintf("/represented/%d", given)); code != http.StatusNotFound {
		t.Errorf("after it was taken back: %d", code)
	}
	after(29 * 24 * time.Hour)
	if code := reads(fmt.Sprintf("/represented/%d", minor)); code != http.StatusNotFound {
		t.Errorf("after the child came of age: %d", code)
	}
}

// Whom the register has no more is represented by nobody: the mandate ends as soon as somebody would be shown anything
// under it, by an entry that says why, and stays ended. Who has the civil status of another is still there.
//
// Promise: PERSON-1
func TestPERSON_1_AMandateEndsOnceTheRegisterHasThePersonNoMore(t *testing.T) {
	for name, how := range map[string]func(*person.Mandates, person.Identity, ledger.Number) error{
		"at a look": func(m *person.Mandates, of person.Identity, number ledger.Number) error {
			_, err := m.Look(t.Context(), of, number, person.LookedAtPage, "", func(register.PersonID) error { return nil })
			if !fault.Is(err, fault.Absent) {
				return fmt.Errorf("it is shown: %w", err)
			}
			return nil
		},
		"at a sign-in": func(m *person.Mandates, of person.Identity, _ ledger.Number) error {
			list, err := m.To(t.Context(), of)
			if err == nil && len(list) > 0 {
				return errors.New("it is listed")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
			held := civils{"AUBRY": 1}
			m := portaltest.MandatesOf(h, held, civils{}, new(letterbox))
			m.Person = func(identifier string) (register.PersonID, error) { return somebody(identifier[0] - '0'), nil }
			confirms(t, h, portaltest.Security, claire)
			if err := m.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := m.Ask(t.Context(), claire, person.Typed{
				Represented: known("AUBRY"), Representative: known("BONNET"), Kind: person.Guardianship, Reference: "TJ Valbourg 26/118", Begins: h.Now(), Until: h.Now().AddDate(0, 6, 0),
			}); err != nil {
				t.Fatal(err)
			}
			only := func() person.MandateView {
				t.Helper()
				all, err := m.All(t.Context())
				if err != nil || len(all) != 1 {
					t.Fatal(len(all), err)
				}
				return all[0]
			}
			number, of := only().Number, m.Identity(known("BONNET"))
			if err := m.Approve(t.Context(), number, portaltest.Security); err != nil {
				t.Fatal(err)
			}
			h.Moved.Add(int64(73 * time.Hour))
			m.Register = several{}
			if list, err := m.To(t.Context(), of); err != nil || len(list) != 1 || !only().Lasts(h.Now()) {
				t.Fatalf("beside another of the same civil status: %d, %v", len(list), err)
			}
			m.Register = held
			delete(held, "AUBRY")
			if err := how(m, of, number); err != nil {
				t.Error(err)
			}
			if only().Lasts(h.Now()) {
				t.Error("it goes on")
			}
			held["AUBRY"] = 1
			if list, err := m.To(t.Context(), of); err != nil || len(list) > 0 {
				t.Errorf("it begins again: %d, %v", len(list), err)
			}
			said := ""
			for e, err := range store.NewLedger(h.DB).Entries(t.Context(), number) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == ledger.Mandated && e.Cause == number {
					said = string(e.State) + " by " + string(e.Account)
				}
			}
			if said != "unregistered by poterne" {
				t.Errorf("the ledger says %q", said)
			}
		})
	}
}

// several is a register of two people of every civil status.
type several struct{}

func (several) Find(context.Context, register.Civil) ([]string, error) {
	return []string{"8", "9"}, nil
}

// oneOf is a register of one person.
type oneOf struct{ of register.Civil }

func (o oneOf) Find(_ context.Context, civil register.Civil) ([]string, error) {
	if civil == o.of.Normal() {
		return []string{"1"}, nil
	}
	return nil, nil
}

// asked is a register that counts how often it is asked.
type asked struct {
	civils
	times *atomic.Int64
}

func (a asked) Find(ctx context.Context, civil register.Civil) ([]string, error) {
	a.times.Add(1)
	return a.civils.Find(ctx, civil)
}

// Whoever records mandates learns of nobody whether the register has them but by an answer that is written
// down, and not without end: what nobody could be recorded with is refused before the register is asked,
// and each try counts, found or not, also of many at once.
//
// Promise: PERSON-1
func TestPERSON_1_WhoeverRecordsMandatesTriesNoCivilStatusesWithoutEnd(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	var times atomic.Int64
	h.Mandates = portaltest.MandatesOf(h, asked{civils{"AUBRY": 1}, &times}, civils{}, new(letterbox))
	h.Mandates.Person = func(identifier string) (register.PersonID, error) { return somebody(identifier[0] - '0'), nil }
	confirms(t, h, portaltest.Security, claire)
	today := h.Now()
	tries := func(who roster.AccountID, family string, kind ledger.State, until time.Time) error {
		return h.Mandates.Ask(t.Context(), who, person.Typed{Represented: known(family), Representative: known("BONNET"), Kind: kind, Reference: "TJ Valbourg 26/118", Begins: today, Until: until})
	}
	for name, until := range map[string]time.Time{"for more than a year": today.AddDate(0, 13, 0), "that is over": today} {
		is, isNot := tries(claire, "AUBRY", person.Guardianship, until), tries(claire, "DURAND", person.Guardianship, until)
		if !errors.Is(is, person.MandateUntil) || !errors.Is(isNot, person.MandateUntil) || times.Load() != 0 {
			t.Errorf("%s: %v of somebody, %v of nobody, and the register was asked %d times", name, is, isNot, times.Load())
		}
	}
	if err := tries(claire, "AUBRY", "friend", today.AddDate(0, 6, 0)); err == nil || times.Load() != 0 {
		t.Errorf("of no kind: %v, and the register was asked", err)
	}

	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			if err := tries(claire, fmt.Sprint("DURAND ", string(rune('A'+n))), person.Guardianship, today.AddDate(0, 6, 0)); !errors.Is(err, person.MandateNone) && !errors.Is(err, person.MandatesOften) {
				t.Errorf("of nobody: %v", err)
			}
		})
	}
	all.Wait()
	if n := times.Load(); n != 20 {
		t.Errorf("the register was asked %d times", n)
	}
	if err := tries(claire, "AUBRY", person.Guardianship, today.AddDate(0, 6, 0)); !errors.Is(err, person.MandatesOften) || times.Load() != 20 {
		t.Errorf("then of somebody: %v", err)
	}
	if err := tries(portaltest.Security, "AUBRY", person.Guardianship, today.AddDate(0, 6, 0)); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	h.Tamper(`delete from mandate`) // nor is whoever owns the database of help
	h.Mandates = portaltest.MandatesOf(h, asked{civils{"AUBRY": 1}, &times}, civils{}, new(letterbox))
	if err := tries(claire, "DURAND", person.Guardianship, today.AddDate(0, 6, 0)); !errors.Is(err, person.MandatesOften) {
		t.Errorf("on a node that has just begun: %v", err)
	}
	h.Moved.Add(int64(25 * time.Hour))
	confirms(t, h, claire)
	if err := tries(claire, "DURAND", person.Guardianship, today.AddDate(0, 6, 0)); !errors.Is(err, person.MandateNone) {
		t.Errorf("the day after: %v", err)
	}
}

// Of whatever kind a mandate is, none that begins while somebody is a minor goes on once they are of age; one that
// takes effect on that day does. Born on 29 February, somebody is of age on 1 March, and without a day of birth as
// early as can be.
//
// Promise: PERSON-1
func TestPERSON_1_NoMandateOfAMinorGoesOnOnceTheyAreOfAge(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	confirms(t, h, portaltest.Security, claire)
	now := h.Now()
	day := func(date string) time.Time {
		t.Helper()
		at, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	soon := now.AddDate(0, 2, 0).Truncate(24 * time.Hour)
	birth := soon.AddDate(-18, 0, 0).Format(time.DateOnly)
	for name, c := range map[string]struct {
		birth         string
		kind          ledger.State
		begins, until time.Time
		taken         bool
	}{
		"a guardianship until that day":     {birth, person.Guardianship, now, soon, true},
		"a guardianship beyond it":          {birth, person.Guardianship, now, soon.AddDate(0, 0, 1), false},
		"a power of attorney beyond it":     {birth, person.PowerOfAttorney, now, soon.AddDate(0, 0, 1), false},
		"a curatorship from that day on":    {birth, person.Curatorship, soon, soon.AddDate(0, 6, 0), true},
		"parental authority from that day":  {birth, person.ParentalAuthority, soon, soon.AddDate(0, 6, 0), false},
		"of a day that is none":             {birth[:len("2006")] + "-13-40", person.Guardianship, now, soon.AddDate(0, 0, 1), false},
		"without a day, beyond its month":   {birth[:len("2006-05")] + "-00", person.Guardianship, now, day(soon.Format("2006-01")+"-01").AddDate(0, 0, 1), false},
		"without a day, up to its month":    {birth[:len("2006-05")] + "-00", person.Guardianship, now, day(soon.Format("2006-01") + "-01"), true},
		"of somebody who is of age already": {"1962-00-00", person.Guardianship, now, now.AddDate(0, 6, 0), true},
	} {
		child := known("AUBRY")
		child.Birth = c.birth
		h.Mandates = portaltest.MandatesOf(h, oneOf{child}, civils{}, new(letterbox))
		h.Mandates.Person = func(identifier string) (register.PersonID, error) { return somebody(identifier[0] - '0'), nil }
		err := h.Mandates.Ask(t.Context(), claire, person.Typed{Represented: child, Representative: known("BONNET"), Kind: c.kind, Reference: "TJ Valbourg 26/118", Begins: c.begins, Until: c.until})
		if c.taken && err != nil || !c.taken && !errors.Is(err, person.MandateMinor) && !errors.Is(err, person.MandateWho) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// keeps is a register that has one thing of everybody.
type keeps struct {
	civils
	held person.Held
}

func (k keeps) Contacts(context.Context, string) (person.Held, error) { return k.held, nil }

// Of whom the register has a mail address that is none, a letter tells; without one, nobody is taken for told.
//
// Promise: PERSON-1
func TestPERSON_1_AMandateIsToldByLetterWhereTheMailAddressIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		held person.Held
		to   []string // of the letter
	}{
		"a note in its place":          {person.Held{Name: " Camille  AUBRY", Contacts: person.Contacts{Mail: "non communiqué", Post: "12 rue du Puits\r\n\r\n99100 VALBOURG\r\n"}}, []string{"Camille AUBRY", "12 rue du Puits", "99100 VALBOURG"}},
		"one in letters of no server":  {person.Held{Name: "Camille AUBRY", Contacts: person.Contacts{Mail: "hélène@boite.example", Post: "99100 VALBOURG"}}, []string{"Camille AUBRY", "99100 VALBOURG"}},
		"and no postal address either": {person.Held{Name: "Camille AUBRY", Contacts: person.Contacts{Mail: "hélène@boite.example", Post: " \r\n"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
			box, letters := new(letterbox), &post{Post: mailing.Post{Settings: mailing.Settings{Letters: t.TempDir(), Now: h.Now}, From: portaltest.Controller}}
			m := portaltest.MandatesOf(h, civils{"AUBRY": 1}, keeps{held: c.held}, &sender{Server: mail.Server{Host: "127.0.0.1", Port: 1, Security: mail.Plain, From: "poterne@agence.example"}})
			m.Person = func(identifier string) (register.PersonID, error) { return somebody(identifier[0] - '0'), nil }
			m.Post = letters
			h.Mandates = m
			if err := m.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			confirms(t, h, portaltest.Security, claire)
			now := h.Now()
			if err := m.Ask(t.Context(), claire, person.Typed{Represented: known("AUBRY"), Representative: known("BONNET"), Kind: person.Guardianship, Reference: "TJ Valbourg 26/118", Begins: now, Until: now.AddDate(0, 6, 0)}); err != nil {
				t.Fatal(err)
			}
			all, err := m.All(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			if err := m.Approve(t.Context(), all[0].Number, portaltest.Security); err != nil {
				t.Fatal(err)
			}
			if all, err = m.All(t.Context()); err != nil || all[0].Told.IsZero() != (c.to == nil) {
				t.Errorf("told at %v, %v", all[0].Told, err)
			}
			if !slices.Equal(letters.to, c.to) || len(box.got) > 0 {
				t.Errorf("the letter goes to %q, want %q", letters.to, c.to)
			}
		})
	}
}

// Where the register has an address of the person, and nothing here writes to it, the person is not
// taken for told.
//
// Promise: PERSON-1
func TestPERSON_1_AMandateShowsNothingWhereNothingWritesToThePersonsAddress(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	m := portaltest.MandatesOf(h, civils{"AUBRY": 1}, civils{}, nil)
	m.Person = func(identifier string) (register.PersonID, error) { return somebody(identifier[0] - '0'), nil }
	h.Mandates = m
	if err := m.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	confirms(t, h, portaltest.Security, claire)
	guardian, now := known("BONNET"), h.Now()
	typed := person.Typed{Represented: known("AUBRY"), Representative: guardian, Kind: person.Guardianship, Reference: "TJ Valbourg 26/118", Begins: now, Until: now.AddDate(0, 6, 0)}
	if err := m.Ask(t.Context(), claire, typed); err != nil {
		t.Fatal(err)
	}
	all, err := m.All(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if err := m.Approve(t.Context(), all[0].Number, portaltest.Security); err != nil {
		t.Fatal(err)
	}
	h.Moved.Add(int64(4 * 24 * time.Hour))
	if err := m.Settle(t.Context()); err == nil {
		t.Error("nobody says that the person cannot be told")
	}
	if holds, err := m.To(t.Context(), m.Identity(guardian)); err != nil || len(holds) != 0 {
		t.Errorf("%d mandates are in force, %v", len(holds), err)
	}
}
