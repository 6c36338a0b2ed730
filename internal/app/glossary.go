package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"poterne/internal/glossary"
	"poterne/internal/journal"
	"poterne/internal/seal"
	"poterne/internal/store"
)

// gloss has the categories of fields mean what they meant when entries were written under them,
// also where the configuration would have one mean another thing: then nothing is served, and
// what was written can still be read.
func (o *Opened) gloss(ctx context.Context) error {
	known, err := store.NewGlossary(o.DB).Known(ctx)
	switch {
	case errors.Is(err, seal.ErrBroken): // no start gets past that: see declare
		return nil
	case err != nil:
		return err
	case len(known.Categories) == 0: // the first start declares what the configuration says
		return nil
	}
	if o.Rules.Categories, err = o.declared.After(known.Categories); err != nil {
		o.Rules.Categories = known.Categories
	}
	return nil
}

// Glossed is what keeps the categories of the configuration from being those that entries were
// written under.
func Glossed(ctx context.Context, o *Opened) error {
	known, err := store.NewGlossary(o.DB).Known(ctx)
	if err == nil {
		_, err = o.declared.After(known.Categories)
	}
	return err
}

// notRun says of a configuration what is wrong with its categories.
func notRun(err error) error {
	return fmt.Errorf("this configuration is not run: [[field]]: %w", err)
}

// declare writes down what the categories of fields are, when that has changed or was written
// long ago. It is refused where one of them would mean another thing than before.
func (o *Opened) declare(ctx context.Context, log *slog.Logger) error {
	entry, err := journal.Do(ctx, o.Writer(), &glossary.Declare{Categories: o.declared})
	switch {
	case errors.Is(err, journal.Unchanged):
	case err != nil:
		return notRun(err)
	default:
		log.InfoContext(ctx, "what the categories of fields are was written down", slog.Uint64("categories", entry.Count))
	}
	return nil
}
