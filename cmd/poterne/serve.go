package main

import (
	"context"
	"fmt"
	"log/slog"

	"poterne/internal/app"
	"poterne/internal/app/doctor"
)

type doctorCommand struct {
	database
	JSON bool `name:"json" help:"One JSON object on each line."`
}

// Run looks at what the program needs around it, and changes nothing.
func (d *doctorCommand) Run(ctx context.Context, on *streams) error {
	return doctor.Look(ctx, d.Config, d.JSON, on.Out)
}

type serveCommand struct {
	Config string `required:"" help:"The configuration file."`
}

// Run guards the declared services until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, on *streams) error {
	return app.Serve(ctx, c.Config, slog.New(slog.NewJSONHandler(on.Err, nil)))
}

type reloadCommand struct {
	Config string `required:"" help:"The configuration file that the node runs by."`
}

// Run has the node read its configuration anew.
func (c *reloadCommand) Run(ctx context.Context, on *streams) error {
	return toldTo(ctx, on, c.Config, app.Reload)
}

type reopenCommand struct {
	Config string `required:"" help:"The configuration file that the node runs by."`
}

// Run has the node open its access log anew.
func (c *reopenCommand) Run(ctx context.Context, on *streams) error {
	return toldTo(ctx, on, c.Config, app.Reopen)
}

func toldTo(ctx context.Context, on *streams, config string, asked app.Asked) error {
	done, err := app.Ask(ctx, config, asked)
	if err == nil {
		fmt.Fprintln(on.Out, done)
	}
	return err
}
