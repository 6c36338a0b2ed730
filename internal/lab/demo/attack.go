package demo

import (
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/lab/town"
	"poterne/internal/lab/town/life"
	"poterne/internal/roster"
)

// theft is a theft that the demonstration plays: thieves hold the sessions of
// some of the town's accounts, and use the doors that staff use.
type theft struct {
	name      string // the catalogue says what it is: demo.attack-NAME
	created   int    // accounts that a manager had created today
	elsewhere bool   // from devices that are not the owners', who had two weeks on theirs
	thieves   func(*world) []life.Thief
}

// The characters whose sessions are stolen.
const (
	pauline = roster.AccountID("pauline.mercier")
	karim   = roster.AccountID("karim.benali")
	lucas   = roster.AccountID("lucas.ferrand")
	helene  = roster.AccountID("helene.roux")
)

var thefts = []theft{
	{
		name: "kairos-2025",
		thieves: func(d *world) []life.Thief {
			return []life.Thief{d.thief(lucas, 300*time.Millisecond, d.candidates())}
		},
	},
	{
		name:      "france-2024",
		elsewhere: true,
		thieves: func(d *world) (thieves []life.Thief) {
			for i, account := range d.of(roster.Adviser)[:6] {
				thieves = append(thieves, d.thief(account, 500*time.Millisecond, d.strangers(i, 6)))
			}
			return thieves
		},
	},
	{
		name:    "missions-2025",
		created: 2,
		thieves: func(d *world) (thieves []life.Thief) {
			for i, account := range []roster.AccountID{helene, created(0), created(1)} {
				thieves = append(thieves, d.thief(account, 500*time.Millisecond, d.strangers(i, 3)))
			}
			return thieves
		},
	},
	{
		name:      "flat-sweep",
		elsewhere: true,
		thieves: func(d *world) []life.Thief {
			return []life.Thief{d.thief(pauline, 50*time.Millisecond, d.strangers(0, 1))}
		},
	},
	{
		name: "caseload-sweep",
		thieves: func(d *world) []life.Thief {
			return []life.Thief{d.thief(pauline, 250*time.Millisecond, d.files(slices.Values(d.staff.Caseload(pauline))))}
		},
	},
	{
		name: "burst",
		thieves: func(d *world) (thieves []life.Thief) {
			advisers := d.of(roster.Adviser)
			for i, account := range advisers {
				thieves = append(thieves, d.thief(account, 2*time.Second, first(5, d.strangers(i, len(advisers)))))
			}
			return thieves
		},
	},
	{
		name: "guessing",
		thieves: func(d *world) []life.Thief {
			return []life.Thief{d.thief(karim, 300*time.Millisecond, guesses())}
		},
	},
	{
		name: "birth-comb",
		thieves: func(d *world) []life.Thief {
			return []life.Thief{d.thief(karim, 300*time.Millisecond, comb())}
		},
	},
}

func (a theft) about(in i18n.Language) string { return in.Say("demo.attack-" + a.name) }

// Knows reports whether the demonstration has an attack of this name.
func Knows(attack string) bool {
	return slices.ContainsFunc(thefts, func(a theft) bool { return a.name == attack })
}

// theftNamed finds an attack of the demonstration; no name is no attack.
func theftNamed(name string) (theft, error) {
	i := slices.IndexFunc(thefts, func(a theft) bool { return a.name == name })
	switch {
	case name == "":
		return theft{}, nil
	case i < 0:
		return theft{}, fmt.Errorf("there is no attack %q", name)
	}
	return thefts[i], nil
}

// ListAttacks says which attacks there are.
func ListAttacks(out io.Writer, in i18n.Language) {
	for _, a := range thefts {
		fmt.Fprintf(out, "%-16s %s\n", a.name, a.about(in))
	}
}

// created is an account of the Mission locale that its manager had created.
func created(n int) roster.AccountID { return roster.AccountID(fmt.Sprintf("nouveau.compte-%d", n+1)) }

// creates has accounts created today.
func (d *world) creates(accounts int) {
	for n := range accounts {
		id := created(n)
		d.created = append(d.created, town.Agent{
			ID: id, Name: fmt.Sprintf("Nouveau Compte %d", n+1), Organisation: "mission-locale-valbourg", Role: roster.Adviser,
			Mail: string(id) + "@mission-locale-valbourg.example", Subject: string(id),
		})
	}
}

// of lists the accounts of a role, the characters first.
func (d *world) of(role roster.Role) (accounts []roster.AccountID) {
	for _, agent := range d.agents() {
		if agent.Role == role {
			accounts = append(accounts, agent.ID)
		}
	}
	return accounts
}

// thief holds the session of an account.
func (d *world) thief(account roster.AccountID, pause time.Duration, pages iter.Seq[string]) life.Thief {
	return life.Thief{Account: account, Button: d.button(account), Pause: pause, Pages: pages}
}

// files are the addresses of people's files.
func (d *world) files(people iter.Seq[int]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for person := range people {
			if !yield("/dossier/files/" + d.register.Dossier(person)) {
				return
			}
		}
	}
}

// strangers are the files of one of several equal parts of the register, from its
// end on, where people live whom nobody in the town accompanies. A thief does not
// know who is a canary.
func (d *world) strangers(part, parts int) iter.Seq[string] {
	return d.files(func(yield func(int) bool) {
		for n := d.register.Size() - 1 - part; n >= 0; n -= parts {
			if !yield(n) {
				return
			}
		}
	})
}

// candidates are the pages of the hole in Kairos.
func (d *world) candidates() iter.Seq[string] {
	return func(yield func(string) bool) {
		for from := 0; from < d.register.Size(); from += 1000 {
			if !yield(fmt.Sprintf("/kairos/api/candidates?count=1000&from=%d", from)) {
				return
			}
		}
	}
}

// guesses are dossier numbers that look like one, and almost never are.
func guesses() iter.Seq[string] {
	return func(yield func(string) bool) {
		for n := 10_000_000_000; yield(fmt.Sprintf("/dossier/files/%011dA", n)); n += 37 {
		}
	}
}

// comb searches for common surnames, birthday after birthday.
func comb() iter.Seq[string] {
	surnames := []string{"martin", "bernard", "thomas", "petit", "robert", "richard", "durand", "dubois", "moreau", "laurent"}
	return func(yield func(string) bool) {
		for day := time.Date(1990, time.January, 1, 0, 0, 0, 0, time.UTC); ; day = day.AddDate(0, 0, 1) {
			for _, surname := range surnames {
				if !yield("/dossier/search?" + url.Values{"surname": {surname}, "birth": {day.Format(time.DateOnly)}}.Encode()) {
					return
				}
			}
		}
	}
}

func first(n int, pages iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		left := n
		for page := range pages {
			if left--; left < 0 || !yield(page) {
				return
			}
		}
	}
}
