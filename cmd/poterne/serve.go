package main

import (
	"context"
	"log/slog"

	"poterne/internal/app"
)

type serveCommand struct {
	Config string `required:"" help:"The configuration file."`
}

// Run guards the declared services until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, on *streams) error {
	return app.Serve(ctx, c.Config, slog.New(slog.NewJSONHandler(on.Err, nil)))
}
