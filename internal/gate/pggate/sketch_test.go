package pggate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"poterne/internal/gate/pggate"
	"poterne/internal/gate/shape"
)

// A statement that nobody declared is refused, and leaves what it looks like: its text without a
// constant, and its columns as the server describes them, which runs nothing. Nothing of anybody
// is kept, and what is drafted of it declares nobody harmless.
//
// Promise: RUN-9
func TestRUN_9_WhatIsRefusedAsUndeclaredSQLLeavesItsShape(t *testing.T) {
	book := shape.NewBook()
	w := newWorld(t, false, func(d *pggate.Deps) { d.Shapes = book })
	w.behindTheDoor("create sequence ran; grant usage on sequence ran to poterne; create function noted() returns int language sql as $$ select nextval('ran')::int $$")
	c := w.client("default_query_exec_mode=simple_protocol")
	for _, sql := range []string{
		"select id, surname, phone, updated, noted() as fourcade from person where surname = '‹p30›' and n > -7 -- of Fourcade",
		"select id from person where surname = Fourcade", `select id as "‹p31›" from person`, `select id as "$4716", phone as "$Fourcade" from person`, "select $‹p32›$‹p33›$‹p32›$", "select id from person where surname = E'‹p34\\'›", "select '‹p35›",
		"select id, phone from person where n in (4711, 4712)", "select id, phone from person where n in (4713, 4714, 4715)",
		"with gone as (delete from person where id = '‹p36›' returning id) select id from gone", "delete from person where surname = '‹p37›'", "select 1; select '‹p38›'", "set role fourcade",
	} {
		if _, err := c.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was answered", sql)
		}
	}
	prepared := "select note, noted() as times from note where person = $1"
	if _, err := w.client().Prepare(t.Context(), "", prepared); err == nil {
		t.Error("it was prepared")
	}
	shapes := book.Shapes("reports")
	kept, err := json.Marshal(shapes)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"‹", "ourcade", "47", "noted", "-7"} {
		if strings.Contains(string(kept), value) {
			t.Errorf("%s is kept: %s", value, kept)
		}
	}
	of := func(document string) (one shape.Shape) {
		i := slices.IndexFunc(shapes, func(s shape.Shape) bool { return s.Document == document })
		if i < 0 {
			t.Errorf("%s is not kept: %s", document, kept)
			return one
		}
		return shapes[i]
	}
	one := of("select id, surname, phone, updated, _() as _ from person where surname = $1 and n > $2")
	var columns []string
	for _, part := range one.Parts {
		columns = append(columns, part.Path+" "+part.Type)
	}
	if got := strings.Join(columns, ", "); got != "id text, surname text, phone text, updated date, {} 5 integer" {
		t.Errorf("its columns are %s", got)
	}
	if len(one.Query) != 2 || one.Query[0].Type != "text" || one.Query[1].Type != "integer" || one.Query[1].Kinds[shape.Number] != 1 {
		t.Errorf("its parameters are %v", one.Query)
	}
	if list := of("select id, phone from person where n = any($1)"); list.Times != 2 || len(list.Query) != 1 || list.Query[0].Type != "integer[]" {
		t.Errorf("a list is kept as %v", list)
	}
	if one := of("select note, _() as times from note where person = $1"); len(one.Parts) != 2 || one.Exact {
		t.Errorf("what was prepared is kept as %v", one)
	}
	if one := of("select id from person where surname = _"); one.Code != "42703" || len(one.Parts) != 0 {
		t.Errorf("what the server does not know is kept as %v", one)
	}
	if one := of("delete from person where surname = $1"); len(one.Parts)+len(one.Code) != 0 {
		t.Errorf("the server was asked for what changes something: %v", one)
	}
	w.behindTheDoor("do $$ begin if (select is_called from ran) then raise 'a statement was run'; end if; end $$")

	draft := shape.Draft(shapes, nil, "dossier")
	for _, want := range []string{`person = { id = "dossier" }`, `fields = { name = "surname", contact = "phone"`, "server did not describe it so (42703)"} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	for line := range strings.Lines(draft) {
		if said, _, _ := strings.Cut(line, "#"); strings.Contains(said, "plain") || strings.Contains(said, "shows") {
			t.Errorf("it says %s", line)
		}
	}
}

// The server hears of nothing undeclared where the service does not learn, or from whoever may not use it.
//
// Promise: RUN-9
func TestRUN_9_TheServerIsAskedOnlyWhereTheServiceLearns(t *testing.T) {
	book := shape.NewBook()
	w := newWorld(t, false, func(d *pggate.Deps) { d.Shapes = book })
	if _, err := w.client("dbname=quiet").Exec(t.Context(), "select id from person"); err == nil {
		t.Error("it was answered")
	}
	w.who.gives("karim's", "karim")
	_, _ = w.psql(w.with("karim", "karim's", ""), "select id, phone from person")
	quiet, refused := book.Shapes("quiet"), book.Shapes("reports")
	if len(quiet) != 1 || len(quiet[0].Parts) != 0 || quiet[0].Code != "" {
		t.Errorf("it was asked: %v", quiet)
	}
	if len(refused) != 1 || refused[0].Document != "select id, phone from person" || !refused[0].Exact || len(refused[0].Parts) != 0 || refused[0].Code != "" {
		t.Errorf("it was asked for somebody who may not: %v", refused)
	}
	if draft := shape.Draft(quiet, nil, "dossier"); !strings.Contains(draft, "With learn =") {
		t.Errorf("the draft does not say what to do:\n%s", draft)
	}
}
