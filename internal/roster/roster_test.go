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
	for _, role := range roster.Roles {
		reads := role != roster.Manager && role != roster.Security
		if role.ReadsFiles() != reads {
			t.Errorf("%s reads files: %v", role, role.ReadsFiles())
		}
	}
	if roster.Role("invented").ReadsFiles() {
		t.Error("a role nobody knows reads nothing")
	}
	if _, err := roster.ParseRole("boss"); err == nil {
		t.Error("an unknown role must be refused")
	}
}
