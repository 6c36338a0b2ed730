package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/containment"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// namingIn is concealed, with a desk, and a list of who was shown to Pauline.
func namingIn(t *testing.T) (dir string, s config.Settings, list string) {
	t.Helper()
	dir, s, _ = concealed(t)
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	account := func(id roster.AccountID, in roster.OrganisationID, role roster.Role) roster.Account {
		return roster.Account{ID: id, Organisation: in, Role: role, Name: string(id), Identity: roster.Identity{Issuer: "https://connect.example", Subject: string(id)}}
	}
	if err := storetest.TakeRosterBy(t, o.Writer(), accounts.List{
		Organisations: []roster.Organisation{{ID: "ml", SIRET: "12345678901234", Name: "ML"}, {ID: "garde", SIRET: "12345678901242", Name: "Garde"}},
		Accounts: []roster.Account{
			account("jeanne", "ml", roster.Manager), account("samir", "garde", roster.Security), account("nadia", "garde", roster.Security),
			account("pauline.mercier", "ml", roster.Adviser),
		},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := (containment.Service{Writer: o.Writer()}).Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "nadia", By: "samir", Because: "vol"}); err != nil {
		t.Fatal(err)
	}
	list = filepath.Join(dir, "people.csv")
	if code, _, errs := asked(t, dir, "ledger", "shown-to", "--as", "samir", "--account", "pauline.mercier", "--out", list); code != 0 {
		t.Fatal(errs)
	}
	return dir, s, list
}

// file writes a file in a folder.
func file(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// named is what the ledger says of naming people.
func named(t *testing.T, s config.Settings) (details []string) {
	t.Helper()
	o, err := app.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for entry, err := range o.Ledger.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == ledger.Named {
			details = append(details, fmt.Sprintf("%s: approved by %s; %d people; list sha256:%s; %s", entry.Account, entry.Approver, entry.Count, entry.Digest, entry.Note))
		}
	}
	return details
}

// Promise: LEDGER-2
func TestLEDGER_2_PeopleAreNamedAgainByTwoPersons(t *testing.T) {
	dir, s, list := namingIn(t)
	identifiers := file(t, dir, "identifiers.csv", "\ufeffoffice;identifier\nA;3\nA; 1 \nB;404\nB;2\n")
	out := filepath.Join(dir, "named.csv")
	code, said, errs := asked(t, dir, "name", "--list", list, "--register", identifiers, "--by", "jeanne", "--approved-by", "samir", "--because", "prévenir", "--out", out)
	if code != 0 || said != "2 pseudonyms, 2 people named in "+out+"\n" || errs != "" {
		t.Fatalf("exit %d, printed\n%s%s", code, said, errs)
	}
	text, err := os.ReadFile(out)
	if want := "person,identifier\n" + s.Pseudonym.Person("1").Hex() + ",1\n" + s.Pseudonym.Person("2").Hex() + ",2\n"; err != nil || string(text) != want {
		t.Errorf("named are\n%swant\n%s%v", text, want, err)
	}
	if about, err := os.Stat(out); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("others may read them: %v, %v", about.Mode(), err)
	}
	asking, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(asking)
	want := []string{"jeanne: approved by samir; 2 people; list sha256:" + hex.EncodeToString(digest[:]) + "; prévenir"}
	if got := named(t, s); !slices.Equal(got, want) {
		t.Errorf("the ledger says %q", got)
	}
}

// A pseudonym that nobody has is told of, and the answer is no; a proof's pseudonym
// leads to its person with the month that it is of.
func TestPseudonymsThatLeadToNobodyAreListed(t *testing.T) {
	dir, s, _ := namingIn(t)
	hidden := s.Pseudonym.Person("2")
	key, err := s.Pseudonyms.Key(202611)
	if err != nil {
		t.Fatal(err)
	}
	key.Pseudonyms().Conceal(&hidden)
	stranger := register.PersonID{1, 2, 3}
	list := file(t, dir, "proofs.csv", "entry,person\n3,"+hidden.Hex()+"\n7,"+stranger.Hex()+"\n3,"+hidden.Hex()+"\n")
	identifiers := file(t, dir, "identifiers.csv", "identifier\n1\n2\n3\n")
	out := filepath.Join(dir, "named.csv")
	question := []string{"name", "--list", list, "--register", identifiers, "--by", "samir", "--approved-by", "jeanne", "--because", "x", "--out", out, "--epoch", "2026-11"}
	code, said, errs := asked(t, dir, question...)
	if code != 1 || said != "2 pseudonyms, 1 people named in "+out+"\n" || !strings.Contains(errs, "has 1 of the pseudonyms, which are in "+out+".missing") {
		t.Fatalf("exit %d, printed\n%s%s", code, said, errs)
	}
	if text, err := os.ReadFile(out); err != nil || string(text) != "person,identifier\n"+s.Pseudonym.Person("2").Hex()+",2\n" {
		t.Errorf("named are\n%s%v", text, err)
	}
	key.Pseudonyms().Reveal(&stranger) // as the program would know them
	if text, err := os.ReadFile(out + ".missing"); err != nil || string(text) != "person\n"+stranger.Hex()+"\n" {
		t.Errorf("missing are\n%s%v", text, err)
	}
}

func TestNobodyIsNamedWhenItIsNotInOrder(t *testing.T) {
	dir, s, list := namingIn(t)
	identifiers := file(t, dir, "identifiers.csv", "identifier\n1\n2\n")
	out := filepath.Join(dir, "named.csv")
	good := map[string]string{"--list": list, "--register": identifiers, "--by": "jeanne", "--approved-by": "samir", "--because": "x", "--out": out}
	secret := s.Pseudonym.Person("1").Hex()
	for what, test := range map[string]struct {
		change map[string]string
		exit   int
		want   string
	}{
		"one person":                   {map[string]string{"--approved-by": "jeanne"}, 1, `nobody is named: naming people takes two people: "jeanne" cannot do it and approve it`},
		"the same person of the desk":  {map[string]string{"--by": "samir"}, 1, `naming people takes two people: "samir" cannot do it and approve it`},
		"nobody approves":              {map[string]string{"--approved-by": ""}, 2, "--approved-by"},
		"an account that is not known": {map[string]string{"--approved-by": "samira"}, 1, `"samira" is no account`},
		"an agent":                     {map[string]string{"--by": "pauline.mercier"}, 1, "may not sign for naming people"},
		"who is suspended":             {map[string]string{"--approved-by": "nadia"}, 1, `"nadia" cannot sign while order`},
		"no reason":                    {map[string]string{"--because": " "}, 1, "takes a reason, which is written in the ledger"},
		"an empty list":                {map[string]string{"--list": file(t, dir, "empty.csv", "")}, 2, "empty.csv is empty"},
		"a list of nobody":             {map[string]string{"--list": file(t, dir, "header.csv", "person\n")}, 2, "header.csv is empty"},
		"a list of something else":     {map[string]string{"--list": file(t, dir, "other.csv", "who\nx\n")}, 2, `the first line of ` + filepath.Join(dir, "other.csv") + ` names no column "person"`},
		"a damaged line":               {map[string]string{"--list": file(t, dir, "damaged.csv", "person,times\n"+secret+",1\n"+secret[:30]+",1\n")}, 1, "damaged.csv:3: not a pseudonym"},
		"nobody in the list":           {map[string]string{"--list": file(t, dir, "nobody.csv", "person\n"+strings.Repeat("0", 32)+"\n")}, 1, "nobody.csv:2: not a pseudonym"},
		"a line with too many cells":   {map[string]string{"--list": file(t, dir, "cells.csv", "person\n"+secret+",1\n")}, 1, "cells.csv:2: not a line of CSV"},
		"no identifiers":               {map[string]string{"--register": filepath.Join(dir, "none.csv")}, 1, "none.csv: no such file"},
		"identifiers without a header": {map[string]string{"--register": file(t, dir, "bare.csv", "1\n2\n")}, 2, `bare.csv names no column "identifier"`},
		"a month that is no month":     {map[string]string{"--epoch": "november"}, 2, "is not a month"},
		"a month without a key":        {map[string]string{"--epoch": "2025-11"}, 1, "the epoch key begins with 2026-01"},
		"a file that is there":         {map[string]string{"--out": identifiers}, 1, "file exists"},
		"a second file that is there":  {map[string]string{"--out": strings.TrimSuffix(file(t, dir, "old.csv.missing", ""), ".missing")}, 2, "old.csv.missing is there already"},
	} {
		args := []string{"name"}
		for flag, value := range good {
			if changed, ok := test.change[flag]; ok {
				value = changed
			}
			if value != "" {
				args = append(args, flag, value)
			}
		}
		if epoch := test.change["--epoch"]; epoch != "" {
			args = append(args, "--epoch", epoch)
		}
		code, said, errs := asked(t, dir, args...)
		if code != test.exit || said != "" || !strings.Contains(errs, test.want) || strings.Contains(errs, secret[:30]) {
			t.Errorf("%s: exit %d, printed\n%s%s", what, code, said, errs)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was left over")
	}
	if got := named(t, s); len(got) > 0 {
		t.Errorf("the ledger says that people were named: %q", got)
	}
	// What is damaged in the register's list is found on the way: the entry stands, and
	// nobody's name does.
	damaged := file(t, dir, "torn.csv", "identifier,office\n1,A\n\"2\n")
	code, _, errs := asked(t, dir, "name", "--list", list, "--register", damaged, "--by", "jeanne", "--approved-by", "samir", "--because", "x", "--out", out)
	if code != 1 || !strings.Contains(errs, "torn.csv:") || len(named(t, s)) != 1 {
		t.Errorf("exit %d: %s", code, errs)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("half a list is left over")
	}
}
