package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/store"
)

// breakGlass is the access that is left when the identity provider is away; nil where there is none.
func (o *Opened) breakGlass(w journal.Writer) *breakglass.Service {
	if o.BreakGlass == nil {
		return nil
	}
	return breakglass.New(breakglass.Service{Writer: w, Rows: store.NewBreakGlass(o.DB), Sealed: o.BreakGlass.Sealed, Now: o.Now})
}

// stop puts an order of the break-glass access in force, once however often it is sent.
func stop(ctx context.Context, w journal.Writer, o order.Order) error {
	if _, err := journal.Do(ctx, w, containment.Place{Order: o, Once: true}); !errors.Is(err, journal.Unchanged) {
		return err
	}
	return nil
}

// brokenUntil says until when somebody is in by it: what every page of staff says.
func (p *Program) brokenUntil(glass *breakglass.Service, now func() time.Time) func(context.Context) time.Time {
	return func(ctx context.Context) time.Time {
		state, err := glass.State(ctx)
		if err != nil {
			p.log.WarnContext(ctx, "the break-glass access could not be looked at", slog.Any("err", err))
		}
		if !state.Open(now()) {
			return time.Time{}
		}
		return state.Until
	}
}
