package app

import (
	"context"
	"log/slog"
	"time"

	"poterne/internal/config"
)

// sealsEvery is how often the file of the seal keys is read again: keys are rotated while
// nodes run.
const sealsEvery = 2 * time.Second

// followSeals takes up rotated seal keys until ctx ends. With a file that cannot be read
// the program goes on with the keys it has.
func (o *Opened) followSeals(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(sealsEvery)
	defer ticker.Stop()
	known, failed := o.Seals.Text(), ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		keys, err := config.ReadSealKeys(o.SealFile)
		if err == nil && keys.Text() == known {
			continue
		}
		if err == nil {
			err = o.DB.Seal(ctx, keys)
		}
		switch {
		case err == nil:
			known, failed = keys.Text(), ""
			log.InfoContext(ctx, "the seal keys were read again")
		case err.Error() != failed:
			failed = err.Error()
			log.ErrorContext(ctx, "the seal keys could not be read again: this node goes on with those it has", slog.Any("err", err))
		}
	}
}
