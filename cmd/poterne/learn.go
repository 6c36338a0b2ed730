package main

import (
	"context"
	"fmt"

	"poterne/internal/app"
	"poterne/internal/roster"
)

type learnCommand struct {
	database
	Service string `help:"Of this service only."`
}

// Run prints a draft of what is missing in the configuration. It declares nothing.
func (l *learnCommand) Run(ctx context.Context, on *streams) error {
	return l.with(ctx, on, func(o *app.Opened) error {
		drafts, err := o.Drafts(ctx, roster.ServiceID(l.Service))
		fmt.Fprint(on.Out, drafts)
		return err
	})
}
