package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// letters keeps what is mailed.
type letters struct{ texts []string }

func (l *letters) Send(_ context.Context, m mail.Message) error {
	l.texts = append(l.texts, m.Text)
	return nil
}

// kept is a database with a session, an invitation and a passkey in it, and all that is secret
// in it and beside it.
func kept(t *testing.T) (dir string, s config.Settings, vault *configtest.Vault) {
	t.Helper()
	dir, s = written(t)
	vault = configtest.NewVault()
	vault.AddFiles(t, dir)
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	long, box := time.Now().AddDate(-1, 0, 0), &letters{}
	staff := accounts.List{Organisations: []roster.Organisation{{ID: "ml", SIRET: "90000000000017", Name: "Mission locale"}}}
	for id, role := range map[roster.AccountID]roster.Role{"chief": roster.Manager, "deputy": roster.Manager, "nadia": roster.Security, "karim": roster.Adviser} {
		staff.Accounts = append(staff.Accounts, roster.Account{ID: id, Organisation: "ml", Role: role, Name: string(id), Opened: long, Identity: roster.Identity{Issuer: "https://connect.example", Subject: string(id)}})
	}
	life := o.Accounts(o.Writer())
	life.Sender = box
	number := ledger.Number(0)
	for _, step := range []func() error{
		func() error { return storetest.TakeRosterBy(t, o.Writer(), staff) },
		func() (err error) {
			for _, id := range []roster.AccountID{"chief", "deputy"} {
				if err := (actor{string(id)}).record(t.Context(), o, ledger.Entry{Kind: ledger.SteppedUp}); err != nil {
					return err
				}
			}
			number, err = life.Propose(t.Context(), accounts.Proposal{
				By: "chief", Organisation: "ml", Role: roster.Adviser, Name: "Alix", Mail: "alix@ml.example", Because: "embauche",
				Rights: []accounts.Right{{Service: "people", Purpose: "accompany"}}, Until: ledger.Cut(time.Now().AddDate(0, 6, 0)),
			})
			return err
		},
		func() error { return life.Approve(t.Context(), number, "deputy") },
		func() error {
			return life.Enrol(t.Context(), roster.Passkey{Account: "karim", ID: []byte("an identifier of a passkey"), Key: []byte("the key of a passkey"), Name: "clé"}, ledger.Entry{Factor: string(signin.Strong)})
		},
		func() error {
			sum := func(text string) signin.Digest { return sha256.Sum256([]byte(text)) }
			return store.NewSessions(o.DB).Open(t.Context(), signin.Row{
				Key: sum("key"), ID: "s-1", Account: "karim", Organisation: "ml", Factor: signin.Strong, Started: time.Now(), Current: sum("current"), Next: sum("next"),
				Seed: "a seed of the next token", Rotated: time.Now(), Seen: time.Now(), Hint: "an ID token of the provider's",
			})
		},
		o.Close,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	_, rest, _ := strings.Cut(box.texts[0], "token=")
	vault.Add(configtest.Secret{What: "the token of an invitation", Text: []byte(strings.Fields(rest)[0])})
	for _, column := range []string{"session.key", "session.current", "session.next", "session.seed", "session.hint", "proposal.invitation", "passkey.id", "passkey.public_key"} {
		for _, value := range values(t, s, column) {
			vault.Add(configtest.Secret{What: column, Text: []byte(value)})
		}
	}
	return dir, s, vault
}

// values are those of a column, or of an expression over a table.
func values(t *testing.T, s config.Settings, column string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, _, _ := strings.Cut(column, ".")
	rows, err := db.QueryContext(t.Context(), "select "+column+" from "+table+" order by 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		list = append(list, string(value))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// apart are the commands that open no database of somebody's: each brings an invented house.
var apart = []string{"demo", "prove-it", "replay"}

// said is what is typed for a flag or an argument, by its name; a first value of its own
// otherwise.
var said = map[string]string{
	"as": "nadia", "by": "nadia", "approved-by": "chief", "because": "un motif", "account": "karim", "id": "karim", "target": "karim", "service": "people", "route": "GET /export",
	"people": "3", "identifiers": "1e9", "accounts": "50", "number": "0", "hold": "1", "since": "2026-11", "source": "agenda", "origin": "poterne.example/ledger", "identifier": "1",
	"purpose": "essai", "reach": "account", "act": "freeze", "line": "cause-found", "form": "man",
}

// typedFor is a command as somebody types it who fills in everything that it needs, or all
// that it takes.
func typedFor(t *testing.T, leaf *kong.Node, dir string, all bool) (args []string) {
	t.Helper()
	file := filepath.Join(dir, "list.csv")
	if err := os.WriteFile(file, []byte("person,identifier\n1,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	value := func(v *kong.Value) string {
		switch {
		case v.Name == "config" || v.Name == "file" && strings.HasPrefix(leaf.FullPath(), "poterne config"):
			return filepath.Join(dir, "poterne.toml")
		case v.Name == "key":
			return filepath.Join(dir, "checkpoint.pub")
		case v.Target.Type() == reflect.TypeFor[ledger.Month]():
			return "2026-11"
		case v.Target.Type() == reflect.TypeFor[time.Duration]():
			return "1h"
		case v.Name == "since":
			return time.Now().AddDate(0, 0, -7).Format(time.DateOnly)
		case v.Target.Type() == reflect.TypeFor[moment]():
			return time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
		case v.Name == "dir":
			return t.TempDir()
		case v.Name == "out" || v.Name == "to" || v.Name == "html":
			return filepath.Join(t.TempDir(), "out")
		case v.Tag.Type == "existingfile" || strings.HasPrefix(v.Name, "file") || v.Name == "register":
			return file
		case said[v.Name] != "":
			return said[v.Name]
		case v.Enum != "":
			return strings.Split(v.Enum, ",")[0]
		}
		return "1"
	}
	args = strings.Fields(strings.TrimPrefix(leaf.FullPath(), "poterne "))
	chosen := make(map[string]bool) // of flags of which one is written
	for _, group := range leaf.AllFlags(true) {
		for _, f := range group {
			switch {
			case f.Name == "help" || f.Name == "version" || f.Name == "incident":
				continue
			case !f.Required && f.Name != "config" && f.Name != "as" && !all, slices.ContainsFunc(f.Xor, func(group string) bool { return chosen[group] }):
				continue
			case f.IsBool():
				args = append(args, "--"+f.Name)
			default:
				args = append(args, "--"+f.Name+"="+value(f.Value))
			}
			for _, group := range f.Xor {
				chosen[group] = true
			}
		}
	}
	for _, p := range leaf.Positional {
		args = append(args, value(p))
	}
	return args
}

// Every command that the command line has is asked, with what it needs and with all that it
// takes, and prints no secret, nor what one could be found by. Afterwards each factor is what it was.
func TestENTRY_7_NoCommandPrintsOrSetsSomebodyElsesSecret(t *testing.T) {
	dir, s, vault := kept(t)
	factors := func() string {
		return strings.Join(append(values(t, s, "account.id || issuer || provider || subject"), values(t, s, "passkey.account || hex(id) || hex(public_key) || (ended_us is null)")...), "\n")
	}
	before, done := factors(), 0
	for _, leaf := range kong.Must(&commands{}, kong.Name("poterne")).Model.Leaves(true) {
		if slices.Contains(apart, leaf.Name) {
			continue
		}
		for _, all := range []bool{false, true} {
			args := typedFor(t, leaf, dir, all)
			ctx, stop := context.WithTimeout(t.Context(), long)
			switch {
			case slices.Contains(args, "--follow"): // it goes on
				stop()
				ctx, stop = context.WithTimeout(t.Context(), 100*time.Millisecond)
			case leaf.Name == "serve": // what it answers and logs, package app holds
				stop()
			}
			var out, errs bytes.Buffer
			if code := run(ctx, args, &streams{strings.NewReader("person\n1\n"), &out, &errs}); code == 0 {
				done++
			} else if code == 2 && !all {
				t.Errorf("%q is not put properly: %s", args, errs.String())
			}
			stop()
			for _, what := range vault.Shown("", "", strings.Join(args, " "), append(out.Bytes(), errs.Bytes()...)) {
				t.Errorf("poterne %s prints %s", strings.Join(args, " "), what)
			}
		}
	}
	if done < 30 {
		t.Errorf("only %d commands did what they were asked", done)
	}
	if after := factors(); after != before {
		t.Errorf("the factors were\n%s\nand are\n%s", before, after)
	}
	for _, planted := range []string{vault.Text(t, "session.key"), vault.Text(t, "the token of an invitation"), vault.Text(t, "the file seal.key")} {
		if shown := vault.Shown("", "", "", fmt.Appendf(nil, "| %x |", planted)); len(shown) != 1 {
			t.Errorf("a command that prints a secret shows %v", shown)
		}
	}
}
