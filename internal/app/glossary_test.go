package app

import (
	"database/sql"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/glossary"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/store"
)

// Promise: RUN-10. Before a register of land, the program shows, writes and reads categories of
// its operator's own: under other configurations afterwards they are read as they were meant, and
// one under which they would mean something else is not run.
func TestRUN_10_FieldCategoriesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	land, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(configtest.Land(config.Example)))
	if err != nil {
		t.Fatal(err)
	}
	p := newPartner(t, func(o *Opened) {
		land.Services[0].Upstream = o.Services[0].Upstream
		o.Services, o.Rules.Purposes, o.Rules.Categories, o.Rules.Theirs, o.declared = land.Services, land.Rules.Purposes, land.Rules.Categories, land.Rules.Theirs, land.Rules.Categories
	})
	p.joins()
	token, _ := p.token(p.assertion(nil))
	p.is(http.StatusOK, token, "/people/users/4711", "the programme's own")
	var shown, declared ledger.Entry
	for e, err := range p.Ledger.Entries(t.Context(), 0) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Disclosed():
			shown = e
		case e.Kind == ledger.Glossed:
			declared = e
		}
	}
	if declared.Count != 14 || declared.Digest.IsZero() || shown.Fields == 0 {
		t.Fatalf("the ledger has %+v, %+v", declared, shown)
	}
	if got := ledger.LineOf(shown, p.Rules.Categories).Fields; !slices.Equal(got, []string{"holder"}) {
		t.Errorf("it was shown %v", got)
	}

	read := func(text string) (*Opened, error) {
		s, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s.Database, s.Pseudonym, s.Pseudonyms, s.Seals, s.Signer, s.Verifier = p.Database, p.Settings.Pseudonym, p.Pseudonyms, p.Settings.Seals, p.Settings.Signer, p.Settings.Verifier
		o, err := Open(t.Context(), s)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = o.Close() })
		return o, o.declare(t.Context(), slog.New(slog.DiscardHandler))
	}
	text := configtest.Land(config.Example)
	renamed, err := read(strings.Replace(text, `"the holder"`, `"the keeper"`, 1))
	if err != nil || renamed.Rules.Categories.Of(shown.Fields).Name(i18n.English) != "the keeper" {
		t.Errorf("under another name: %v", err)
	}
	gone, err := read(strings.ReplaceAll(strings.Replace(text, "[[field]]\nid = \"heirs\"\nnumber = 13\ncounts_as = \"family\"\nname_fr = \"heirs (fr)\"\nname_en = \"the heirs\"\nyours_en = \"your heirs\"\n", "", 1), "heirs", "x"))
	if err != nil || gone.Rules.Categories.Of(1<<12).Name(i18n.French) != "heirs (fr)" || gone.Rules.Categories.Declared()&(1<<12) != 0 {
		t.Errorf("one that is gone: %v", err)
	}
	for name, changed := range map[string]string{
		"renumbered":        strings.Replace(text, "number = 24\n", "number = 1\n", 1),
		"its number reused": strings.ReplaceAll(text, "holder", "keeper"),
		"this register's":   config.Example,
	} {
		o, err := read(changed)
		if err == nil || !strings.Contains(err.Error(), "this configuration is not run: [[field]]") || !strings.Contains(err.Error(), "number") {
			t.Errorf("%s: %v", name, err)
		}
		if o == nil {
			continue
		}
		if got := ledger.LineOf(shown, o.Rules.Categories).Fields; !slices.Equal(got, []string{"holder"}) {
			t.Errorf("%s: what was written is read as %v", name, got)
		}
		if Glossed(t.Context(), o) == nil {
			t.Errorf("%s: the doctor says nothing", name)
		}
	}
}

// Promise: RUN-10, RIGHTS-9. Whoever owns the database makes no entry mean something else.
func TestRUN_10_WhoOwnsTheDatabaseRenamesNoCategory(t *testing.T) {
	t.Parallel()
	_, o := assembled(t)
	known, err := store.NewGlossary(o.DB).Known(t.Context())
	if err != nil || len(known.Categories) != 14 || !known.Categories.Equal(nil) {
		t.Fatalf("%+v, %v", known, err)
	}
	db, err := sql.Open("sqlite", o.Database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), `update field_category set class = 'other' where number = 3`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewGlossary(o.DB).Known(t.Context()); err == nil || !strings.Contains(err.Error(), `"nir"`) {
		t.Errorf("a category that was changed in the database: %v", err)
	}
	if err := o.declare(t.Context(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a start goes on")
	}
	if again, err := Open(t.Context(), o.Settings); err != nil || again.Rules.Categories.Joined(register.NIR) != "nir" {
		t.Errorf("what was written cannot be read: %v", err)
	} else {
		_ = again.Close()
	}
	found, err := o.Audit().Every(t.Context())
	if err != nil || len(found) != 1 || found[0].Table != "field_category" || found[0].Key != "nir" {
		t.Errorf("the audit finds %v, %v", found, err)
	}
}

// Promise: RUN-10, RIGHTS-9. A category that nobody declares any more is known by its row alone:
// without it, or with an older one in its place, what was written under it would be read as
// something else, and an authority be told so.
func TestRUN_10_NoCategoryIsForgottenOrPutBackInTheDatabase(t *testing.T) {
	t.Parallel()
	_, o := assembled(t)
	declares := func(c register.Categories) {
		t.Helper()
		if _, err := journal.Do(t.Context(), o.Writer(), &glossary.Declare{Categories: c}); err != nil {
			t.Fatal(err)
		}
	}
	with := func(class register.Class) register.Categories {
		return append(slices.Clone(register.Categories(nil).All()), register.Category{Number: 15, ID: "addiction", Class: class})
	}
	known := store.NewGlossary(o.DB)
	db, err := sql.Open("sqlite", o.Database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	does := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	declares(with(register.Other))
	does(`create table older as select * from field_category where number = 15`)
	declares(with(register.Medical))
	declares(nil)
	does(`create table newer as select * from field_category where number = 15`)
	for _, step := range []struct {
		what string
		does []string
		ok   bool
	}{
		{"as it was declared", nil, true},
		{"its row is gone", []string{`delete from field_category where number = 15`}, false},
		{"an older row is in its place", []string{`insert into field_category select * from older`}, false},
		{"all is as it was", []string{`delete from field_category where number = 15`, `insert into field_category select * from newer`}, true},
	} {
		for _, statement := range step.does {
			does(statement)
		}
		if got, err := known.Known(t.Context()); (err == nil) != step.ok || step.ok && got.Categories.Of(1<<14).Class != register.Medical {
			t.Errorf("%s: %+v, %v", step.what, got.Categories.Of(1<<14), err)
		}
		if found, err := o.Audit().Every(t.Context()); err != nil || (len(found) == 0) != step.ok {
			t.Errorf("%s: the audit finds %v, %v", step.what, found, err)
		}
	}
}
