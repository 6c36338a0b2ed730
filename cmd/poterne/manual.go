package main

import (
	"github.com/alecthomas/kong"

	"poterne/internal/config"
	"poterne/internal/manual"
)

type manualCommand struct {
	Form string `arg:"" enum:"man,toml,bash,zsh,fish" help:"man, toml (of the configuration), bash, zsh or fish."`
}

// Run writes what a package installs beside the program.
func (m *manualCommand) Run(parsed *kong.Context, on *streams) error {
	if m.Form == "toml" {
		return manual.Literal(on.Out, "poterne.toml", "the configuration of poterne", config.Example)
	}
	return manual.Forms[m.Form](on.Out, parsed.Model)
}
