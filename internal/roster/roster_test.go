package roster_test

import (
	"strings"
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
		"a\u034f2": false, "a\ufe0f": false, "a\u3164": false, "a\u115f": false, "\u2800a": false, "a\u180b": false, // which are letters or marks, and nobody sees
		"ａ-2": false, "ﬁn": false, "a\u20112": false, "straße": true, "陳": true, "Олена": true,
		"n\u0430dia": false, "nadi\u03b1": false, "мaрия": false, // one letter is of another script
	} {
		if err := roster.CheckID(id); (err == nil) != right {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestANameIsSeenWhole(t *testing.T) {
	for name, right := range map[string]bool{
		"Nguyễn Văn An": true, "Nguye\u0302\u0303n": true, "Ahou N'Guessan": true, "Siobhán O’Brien": true, "陳 大文": true, "Łukasz Żak": true, "Jean-Rémi d’Ornano": true,
		"Βασίλης Martin": true, "Олена Марія": true, "محمد": true, "Mission locale d’Évry (91) – « Bourg »": true, "Cap emploi & Cie": true, "Mission\u00a0locale": true, "नेपाल क्\u200dष": true,
		"VIDAL I GAL·LA": true, "约翰·史密斯": true, "עו״ד ז׳בוטינסקי": true, "علی\u200cرضا": true, "Жанна (Jeanne)": true, "Asso «Дом» № 5®": true,
		"": false, " ": false, "\u00a0": false, "Pau\u200bline": false, "Pau\u200cline": false, "Pau\u00adline": false, "Pauline\ufe0f": false, "Paul\u034fine": false, "\u3164": false, "Pauline\u2060": false,
		"\u202eeniluaP": false, "Pauline\u2066": false, "Pauline\ufeff": false, "Pauline\n": false, "Pauline\u2028": false, "Paul\xff": false, "Pauline\U000e0041": false, "Pauline\u2800": false,
		"P\u0430uline Martin": false, "Pauline M\u03b1rtin": false,
	} {
		if err := roster.CheckName(name); (err == nil) != right {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, pair := range [][2]string{{"Nguyễn", "Nguye\u0302\u0303n"}, {"Siobhán O’Brien", "siobhán  O'Brien "}, {"Mission\u00a0locale", "MISSION locale"}, {"Jean‑Rémi", "Jean-Rémi"}, {"Jean–Rémi", "Jean-Rémi"}, {"O‘Brien", "O'Brien"}, {"O´Brien", "O'Brien"}, {"O`Brien", "O'Brien"}, {"Oʻ Brien", "O＇ Brien"}} {
		if roster.Alike(pair[0]) != roster.Alike(pair[1]) {
			t.Errorf("%q and %q are told apart", pair[0], pair[1])
		}
	}
	if roster.Alike("Helene") == roster.Alike("Hélène") {
		t.Error("two names are one")
	}
}

func TestALongNameIsCountedInCharacters(t *testing.T) {
	for name, right := range map[string]bool{
		strings.Repeat("გ", roster.LongestName): true, strings.Repeat("e\u0301", roster.LongestName/2): true,
		strings.Repeat("გ", roster.LongestName+1): false, strings.Repeat("a", roster.LongestName+1): false, "Pau\u200bline": false,
	} {
		if err := roster.CheckTypedName(name); (err == nil) != right {
			t.Errorf("%q: %v", name, err)
		}
	}
}
