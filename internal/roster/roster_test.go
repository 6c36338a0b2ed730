package roster_test

import (
	"testing"
	"time"

	"poterne/internal/roster"
)

// Promise: RIGHTS-6 (end dates)
func TestRIGHTS_6_AHabilitationEndsByItself(t *testing.T) {
	from := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	until := from.AddDate(1, 0, 0)
	h := roster.Habilitation{Account: "a", Service: "dossier", Purpose: "accompany", From: from, Until: until}
	for name, test := range map[string]struct {
		service roster.ServiceID
		purpose roster.Purpose
		now     time.Time
		want    bool
	}{
		"before it begins":       {"dossier", "accompany", from.Add(-time.Microsecond), false},
		"when it begins":         {"dossier", "accompany", from, true},
		"just before it ends":    {"dossier", "accompany", until.Add(-time.Microsecond), true},
		"when it ends":           {"dossier", "accompany", until, false},
		"for another service":    {"kairos", "accompany", from, false},
		"for another purpose":    {"dossier", "train", from, false},
		"for an unnamed purpose": {"dossier", "", from, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := h.Covers(test.service, test.purpose, test.now); got != test.want {
				t.Errorf("covers = %v, want %v", got, test.want)
			}
		})
	}
}

func TestManagingAndReadingAreNotHeldByOneRole(t *testing.T) {
	for _, role := range roster.Given(roster.Readers) {
		reads := role != roster.Manager && role != roster.Security && role != roster.Privacy
		if role.ReadsFiles() != reads {
			t.Errorf("%s reads files: %v", role, role.ReadsFiles())
		}
	}
	if !roster.Role("dropped").ReadsFiles() { // the policy shows it nobody, and it MUST NOT manage
		t.Error("a role that the operator no longer names would manage accounts")
	}
	for _, none := range []roster.Role{"", "Boss", "a b"} {
		if none.ReadsFiles() {
			t.Errorf("%q is no role and reads files", none)
		}
	}
	if _, err := roster.ParseRole("boss", roster.Readers); err == nil {
		t.Error("an unknown role must be refused")
	}
}

func TestIdsThatReadAlikeAreAlike(t *testing.T) {
	for _, pair := range [][2]string{{"a-2", "A-2"}, {"a-2", "ａ-2"}, {"Straße", "STRASSE"}, {"ﬁn", "FIN"}} {
		if roster.Alike(pair[0]) != roster.Alike(pair[1]) {
			t.Errorf("%q and %q are told apart", pair[0], pair[1])
		}
	}
	if roster.Alike("a-2") == roster.Alike("a-22") {
		t.Error("a-2 and a-22 are taken for one")
	}
}

func TestAnIdIsSeenWhole(t *testing.T) {
	for id, right := range map[string]bool{
		"pauline.mercier": true, "a-2": true, "héloïse@ml.example": true,
		"provision/entra": false, "Provision/x": false, "ｓignals/x": false, "signals": true,
		"poterne": false, "ＰＯＴＥＲＮＥ": false, "poterne.martin": true,
		"a 2": false, " a": false, "a\u00a02": false, "a\u200b2": false, "a\u00ad2": false, "a\x00": false, "a\u202eb": false, "a\xff": false, "he\u0301": false,
	} {
		if err := roster.CheckID(id); (err == nil) != right {
			t.Errorf("%q: %v", id, err)
		}
	}
}
