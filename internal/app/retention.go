package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"poterne/internal/custody"
	"poterne/internal/journal"
)

// retain writes in the ledger how long it is kept, when that has changed.
func (o *Opened) retain(ctx context.Context, log *slog.Logger) error {
	retain := custody.Retain{Setting: o.Retention}
	_, err := journal.Do(ctx, o.Writer(), retain)
	switch {
	case errors.Is(err, journal.Unchanged):
	case err != nil:
		return fmt.Errorf("writing down how long the ledger is kept: %w", err)
	default:
		log.InfoContext(ctx, "how long the ledger is kept has changed", slog.Int("months", o.Retention.Months))
	}
	return nil
}
