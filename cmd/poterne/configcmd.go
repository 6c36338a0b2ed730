package main

import (
	"context"
	"fmt"

	"poterne/internal/app"
	"poterne/internal/config"
)

type configCommands struct {
	Example configExample `cmd:"" help:"Print a complete configuration, with comments."`
	Check   configCheck   `cmd:"" help:"Say everything that is wrong with a configuration."`
	Propose configPropose `cmd:"" help:"Ask two people, in the portal, to allow what a configuration says, before a node reads it."`
}

type configPropose struct {
	File string `arg:"" help:"The configuration file."`
}

// Run asks for it, and says where it waits.
func (c *configPropose) Run(ctx context.Context, on *streams) error {
	said, err := app.Propose(ctx, c.File)
	if err == nil {
		fmt.Fprintln(on.Out, said)
	}
	return err
}

type configExample struct{}

// Run prints the example.
func (configExample) Run(on *streams) error {
	_, err := fmt.Fprint(on.Out, config.Example)
	return err
}

type configCheck struct {
	File  string `arg:"" help:"The configuration file."`
	Patch string `placeholder:"FILE" help:"A file whose tables are tried in place of those in it, such as poterne tune proposes."`
}

// Run reads the configuration and the secrets it names, and changes nothing.
func (c *configCheck) Run(on *streams) error {
	s, err := config.ReadPatched(c.File, c.Patch)
	if err != nil {
		return err
	}
	for _, service := range s.Services {
		for _, route := range service.Routes {
			if route.Broad() {
				fmt.Fprintf(on.Err, "warning: service %s, %s: whatever is below goes out by this route without being declared; is it narrow enough?\n", service.ID, route.Path)
			}
		}
	}
	fmt.Fprintf(on.Out, "%s: %d services, %d purposes, %d sources: nothing is missing\n", c.File, len(s.Services), len(s.Rules.Purposes), len(s.Silence))
	return nil
}
