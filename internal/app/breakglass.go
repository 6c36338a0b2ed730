package app

import (
	"context"
	"log/slog"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/journal"
	"poterne/internal/store"
)

// breakGlass is the access that is left when the identity provider is away; nil where there is none.
func (o *Opened) breakGlass(w journal.Writer) *breakglass.Service {
	if o.BreakGlass == nil {
		return nil
	}
	return breakglass.New(breakglass.Service{Writer: w, Rows: store.NewBreakGlass(o.DB), Sealed: o.BreakGlass.Sealed, Now: o.Now})
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
