package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"
)

// Marks are what some node has done already, for all nodes to see.
type Marks interface {
	// Once sets a mark until a time, and reports whether it was new.
	Once(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	// Forget takes a mark back.
	Forget(ctx context.Context, mark [sha256.Size]byte) error
}

// Once does what no node has done under a name, until a time. What fails may be tried again.
func Once(ctx context.Context, marks Marks, name string, until time.Time, do func() error) error {
	mark := sha256.Sum256([]byte(name))
	first, err := marks.Once(ctx, mark, until)
	if err != nil || !first {
		return err
	}
	if err := do(); err != nil {
		return errors.Join(err, marks.Forget(context.WithoutCancel(ctx), mark))
	}
	return nil
}

// Hourly has something done now and every hour until ctx ends; failed says, in the log, that it
// could not be done.
func Hourly(ctx context.Context, log *slog.Logger, failed string, do func(context.Context) error) error {
	return Every(ctx, time.Hour, do, func(err error) {
		log.WarnContext(ctx, failed, slog.Any("err", err))
	})
}
