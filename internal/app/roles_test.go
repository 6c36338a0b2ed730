package app

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Promise: RUN-10. The start says how many accounts have a role that the configuration dropped,
// and no order is placed on a role that is not there.
func TestRUN_10_TheStartSaysWhoHasARoleThatWasDropped(t *testing.T) {
	s, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(config.Example))
	if err != nil {
		t.Fatal(err)
	}
	s.Database = filepath.Join(t.TempDir(), "poterne.db")
	o, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	list := accounts.List{Organisations: []roster.Organisation{{ID: "mission", SIRET: "99999999900011", Name: "Mission"}}}
	for id, role := range map[roster.AccountID]roster.Role{"pauline": roster.Adviser, "odile": roster.Desk, "ines": roster.Desk, "chief": roster.Manager} {
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: "mission", Role: role, Name: string(id), Opened: o.Now(),
			Identity: roster.Identity{Issuer: "https://login.example", Subject: string(id)},
		})
	}
	if _, err := journal.Do(t.Context(), o.Writer(), &accounts.Import{By: "operator", List: list}); err != nil {
		t.Fatal(err)
	}
	said := func() string {
		var log bytes.Buffer
		if err := o.warnOfRoles(t.Context(), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	onDesk := order.Order{Reach: order.Role, Target: string(roster.Desk), Effect: order.Frozen}
	if log := said(); log != "" || o.Reaches(t.Context(), onDesk) != nil {
		t.Errorf("with the example's roles the start says %q, and an order on one: %v", log, o.Reaches(t.Context(), onDesk))
	}
	o.Rules.Readers = []roster.Role{"inspector", roster.Adviser}
	if log := said(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "role=desk accounts=2") {
		t.Errorf("the start says %q", log)
	}
	onDesk.Target = "inspectors"
	if err := o.Reaches(t.Context(), onDesk); err == nil || !strings.Contains(err.Error(), `there is no role "inspectors"`) {
		t.Errorf("an order on a role that is not there: %v", err)
	}
}
