package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"poterne/internal/roster"
)

// Dropped is how many accounts that give rights have each role that the configuration does
// not declare: they are shown nobody.
func Dropped(ctx context.Context, o *Opened) (map[roster.Role]int, error) {
	accounts, err := o.Roster.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the roles of accounts: %w", err)
	}
	dropped := make(map[roster.Role]int)
	for _, a := range accounts {
		if _, err := roster.ParseRole(string(a.Role), o.Rules.Roles()); err != nil && a.Gives(o.Now()) {
			dropped[a.Role]++
		}
	}
	return dropped, nil
}

func (o *Opened) warnOfRoles(ctx context.Context, log *slog.Logger) error {
	dropped, err := Dropped(ctx, o)
	for _, role := range slices.Sorted(maps.Keys(dropped)) {
		log.Warn("accounts have a role that is not declared, and are shown nobody: write a [[role]] with its id, or give them another",
			slog.String("role", string(role)), slog.Int("accounts", dropped[role]))
	}
	return err
}
