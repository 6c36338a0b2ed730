package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// hearing is a running program with one source, that tells kinds for as long as
// longest, and whose facts come by push and by file.
type hearing struct {
	address, configFile string
	program             *app.Program
	settings            config.Settings
}

func newHearing(t *testing.T, kinds, longest string) *hearing {
	t.Helper()
	dir := configtest.Secrets(t)
	const was = `kinds = ["appointment"]`
	if strings.Count(config.Example, was) != 1 {
		t.Fatal("the example's agenda does not tell appointments")
	}
	text := strings.Replace(config.Example, was, "kinds = "+kinds+"\n"+longest, 1)
	l := &hearing{configFile: filepath.Join(dir, "poterne.toml")}
	if err := os.WriteFile(l.configFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.settings, err = config.Read(l.configFile); err != nil {
		t.Fatal(err)
	}
	o, err := app.Open(t.Context(), l.settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	list := accounts.List{Organisations: []roster.Organisation{{ID: "ml", SIRET: "12345678901234", Name: "Mission locale"}}}
	for _, id := range []roster.AccountID{"a-2", "b-1", "c-3"} {
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: "ml", Role: roster.Adviser, Opened: time.Now().AddDate(-1, 0, 0), Trained: time.Now().AddDate(0, 1, 0), Identity: roster.Identity{Subject: string(id)},
		})
		list.Habilitations = append(list.Habilitations, roster.Habilitation{
			Account: id, Service: "people", Purpose: "accompany", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour),
		})
	}
	list.Accounts = append(list.Accounts, roster.Account{
		ID: "m-4", Organisation: "ml", Role: roster.Manager, Opened: time.Now().AddDate(-1, 0, 0), Identity: roster.Identity{Subject: "m-4"},
	})
	if err := storetest.TakeRosterBy(t, o.Writer(), list); err != nil {
		t.Fatal(err)
	}
	if l.program, err = app.Assemble(t.Context(), o, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(context.WithoutCancel(t.Context()))
	address, ended := serving(ctx, t, l.program)
	l.address = address
	t.Cleanup(func() {
		leave()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// push sends lines where the source sends them, and file imports them; both return
// what was said about them.
func (l *hearing) push(t *testing.T, lines string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, l.address+"/.poterne/facts/agenda", strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "poterne.example"
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("0123456789abcdef", 2))
	r.Header.Set("Content-Type", "text/csv")
	code, body := send(r)
	if code != http.StatusOK {
		t.Fatalf("the push is answered with %d: %s", code, body)
	}
	return body
}

func (l *hearing) file(t *testing.T, lines string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "facts.csv")
	if err := os.WriteFile(name, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	run(t.Context(), []string{"facts", "import", "--config", l.configFile, "--as", "nadia", "--source", "agenda", name}, &streams{Out: &out, Err: &complaints})
	return out.String() + complaints.String()
}

// explained reports whether something explains why this account is shown a person.
func (l *hearing) explained(t *testing.T, account roster.AccountID, dossier string) bool {
	t.Helper()
	passage, err := l.program.Gate.Commit(t.Context(), policy.Ask{
		Act: policy.Show, Account: account, Service: "people", Purpose: "accompany", Route: "GET /users",
		People: []policy.Opening{{Person: l.settings.Pseudonym.Person(dossier), Fields: register.Name}},
	})
	if err != nil || len(passage.Decision.People) != 1 {
		t.Fatalf("%+v, %v", passage, err)
	}
	return passage.Decision.People[0].Why == policy.Explained
}

const factHeader = "id,kind,account,scheme,person,from,until,author,absent,substitute,declared_by\n"

// around is from a minute ago until so much later.
func around(later time.Duration) string {
	now := time.Now().UTC()
	return now.Add(-time.Minute).Format(time.RFC3339) + "," + now.Add(later).Format(time.RFC3339)
}

func TestSCOPE_2_WhatTheAskerWroteExplainsNothingHoweverTheyAreSpelled(t *testing.T) {
	l := newHearing(t, `["call", "caseload", "cover"]`, `longest = "2160h"`)
	ways := map[string]func(*testing.T, string) string{"by push": l.push, "by file": l.file}
	n := 100
	for way, take := range ways {
		for sentence, c := range map[string]struct {
			author    string
			explained bool
		}{
			"as the roster spells them":     {"a-2", false},
			"in capitals":                   {"A-2", false},
			"in full width":                 {"ａ-2", false},
			"with a hyphen of another kind": {"a\u20112", false},
			"with a space inside":           {"a -2", false},
			"unknown to the roster":         {"stranger", false},
			"a colleague, in capitals":      {"B-1", false},
			"a colleague":                   {"b-1", true},
			"nobody":                        {"", true},
		} {
			n++
			dossier := fmt.Sprint(n)
			said := take(t, fmt.Sprintf("%s%d,call,a-2,dossier,%s,%s,%s,,,\n", factHeader, n, dossier, around(10*time.Minute), c.author))
			if got := l.explained(t, "a-2", dossier); got != c.explained {
				t.Errorf("%s, an author %s: the call explains %v; it was said %s", way, sentence, got, said)
			}
			known := c.author == "" || c.author == "a-2" || c.author == "b-1"
			if refused := strings.Contains(said, "author: not in the roster; import the roster first"); refused == known {
				t.Errorf("%s, an author %s: it was said %s", way, sentence, said)
			}
			if strings.Contains(said, "stranger") {
				t.Errorf("%s: what the line holds is told: %s", way, said)
			}
		}
		for sentence, c := range map[string]struct{ absent, substitute, by, says string }{
			"declared by the substitute, in capitals":    {"b-1", "a-2", "A-2", "declared_by: not in the roster; import the roster first"},
			"declared by a colleague who manages nobody": {"b-1", "a-2", "c-3", "declared_by: a cover is declared by a manager"},
			"declared by nobody known":                   {"b-1", "a-2", "stranger", "declared_by: not in the roster; import the roster first"},
			"for nobody known":                           {"stranger", "a-2", "m-4", "absent: not in the roster; import the roster first"},
			"by nobody known":                            {"b-1", "stranger", "m-4", "substitute: not in the roster; import the roster first"},
		} {
			n++
			dossier := fmt.Sprint(n)
			said := take(t, fmt.Sprintf("%s%d,caseload,b-1,dossier,%s,%s,,,,\nc%d,cover,,,,%s,,%s,%s,%s\n",
				factHeader, n, dossier, around(time.Hour), n, around(time.Hour), c.absent, c.substitute, c.by))
			if !strings.Contains(said, c.says) || l.explained(t, "a-2", dossier) {
				t.Errorf("%s, a cover %s: it was said %s", way, sentence, said)
			}
		}
		n++
		said := take(t, fmt.Sprintf("%s%d,call,A-2,dossier,%d,%s,,,,\n", factHeader, n, n, around(time.Minute)))
		if !strings.Contains(said, "account: not in the roster; import the roster first") {
			t.Errorf("%s, for an account that nobody has: it was said %s", way, said)
		}
	}
	said := l.push(t, fmt.Sprintf("%s1,caseload,b-1,dossier,1,%s,,,,\nc1,cover,,,,%s,,b-1,a-2,m-4\n", factHeader, around(time.Hour), around(time.Hour)))
	if !l.explained(t, "a-2", "1") {
		t.Errorf("a cover that somebody else declared explains nothing: it was said %s", said)
	}
}

func TestSCOPE_2_ASourceTellsItsOwnKindsAndForNoLonger(t *testing.T) {
	l := newHearing(t, `["call"]`, "")
	far := func(from string) string { return from + ",2999-01-01T00:00:00Z" }
	now := time.Now().UTC()
	n := 200
	for way, take := range map[string]func(*testing.T, string) string{"by push": l.push, "by file": l.file} {
		for sentence, c := range map[string]struct{ kind, period, says string }{
			"a caseload until 2999":             {"caseload", far("2026-01-01T00:00:00Z"), "kind: this source does not tell caseload; the kinds that it is declared with are call"},
			"a caseload for a minute":           {"caseload", around(time.Minute), "kind: this source does not tell caseload; the kinds that it is declared with are call"},
			"a cover":                           {"cover", around(time.Minute), "kind: this source does not tell cover; the kinds that it is declared with are call"},
			"a call until 2999":                 {"call", far("2026-01-01T00:00:00Z"), "until: longer than this source may say; kind call holds for at most 15 minutes, from its beginning or from now"},
			"a call beyond its life":            {"call", around(time.Hour), "until: longer than this source may say; kind call holds for at most 15 minutes, from its beginning or from now"},
			"a call that nobody has yet made":   {"call", "2998-12-31T23:50:00Z,2999-01-01T00:00:00Z", "from: in the future; what happened is told once it has"},
			"a call of an hour ago":             {"call", now.Add(-time.Hour).Format(time.RFC3339) + "," + now.Add(10*time.Minute).Format(time.RFC3339), ""},
			"a call as the telephones tell one": {"call", around(10 * time.Minute), ""},
		} {
			n++
			cells := fmt.Sprintf("%d,%s,a-2,dossier,%d,%s,,,,\n", n, c.kind, n, c.period)
			if c.kind == "cover" {
				cells = fmt.Sprintf("%d,cover,,,,%s,,b-1,a-2,m-4\n", n, c.period)
			}
			said := take(t, factHeader+cells)
			if c.says == "" {
				late := sentence == "a call of an hour ago" // taken in, and over
				if l.explained(t, "a-2", fmt.Sprint(n)) == late || !strings.Contains(said, "rejected\":[]") && !strings.Contains(said, "1 lines kept, 0 rejected") {
					t.Errorf("%s, %s: it was said %s", way, sentence, said)
				}
				continue
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("%s, %s: it was said %s", way, sentence, said)
			}
			if c.kind == "cover" {
				continue
			}
			if l.explained(t, "a-2", fmt.Sprint(n)) {
				t.Errorf("%s, %s explains an opening", way, sentence)
			}
		}
	}
}

// What two ids of a roster look the same in, a source could mix up.
func TestARosterHasNoTwoIdsThatReadAlike(t *testing.T) {
	l := newHearing(t, `["call"]`, "")
	const organisation = "[[organisation]]\nid = \"ml\"\nsiret = \"12345678901234\"\nname = \"Mission locale\"\n"
	account := func(id string) string {
		return fmt.Sprintf("[[account]]\nid = %q\norganisation = \"ml\"\nrole = \"manager\"\nname = \"N\"\nissuer = \"https://c.example\"\nsubject = %q\n", id, id)
	}
	for sentence, c := range map[string]struct{ file, says string }{
		"one that is stored, in capitals":   {account("A-2"), `account[0].id: reads like "a-2", which the roster has`},
		"one that is stored, in full width": {account("ａ-2"), "account[0].id: holds a character that cannot be seen, or that is another way of writing one"},
		"two in one file":                   {account("Straße") + account("STRASSE"), `account[1].id: reads like "Straße", which the roster has`},
		"a space inside":                    {account("a 9"), "account[0].id: holds a space"},
		"a space of no width":               {account("a\u200b9"), "account[0].id: holds"},
		"an organisation in capitals":       {strings.Replace(organisation, `"ml"`, `"ML"`, 1), `organisation[0].id: reads like "ml", which the roster has`},
		"the same again":                    {organisation + account("a-2"), ""},
		"another":                           {account("a-22"), ""},
	} {
		name := filepath.Join(t.TempDir(), "roster.toml")
		if err := os.WriteFile(name, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, complaints bytes.Buffer
		code := run(t.Context(), []string{"roster", "import", "--config", l.configFile, "--as", "nadia", name}, &streams{Out: &out, Err: &complaints})
		if (code == 0) != (c.says == "") || !strings.Contains(complaints.String(), c.says) {
			t.Errorf("%s: %d, %s", sentence, code, complaints.String())
		}
	}
}
