package main

import (
	"context"

	"poterne/internal/i18n"
	"poterne/internal/lab/demo"
)

type demoCommand struct {
	Dir       string        `help:"Where to keep its files; a temporary folder when empty." type:"path"`
	Listen    string        `default:"localhost:8080" help:"Where the portal listens. What the town needs listens on free ports of this machine."`
	QuietTown bool          `help:"Let nobody work in the background."`
	People    int           `default:"100000" help:"How many people the register has."`
	Seed      uint64        `default:"1" help:"What the town is grown from."`
	Attack    string        `xor:"played" help:"Play an attack once it runs; list says which there are." placeholder:"NAME"`
	Exercise  bool          `xor:"played" help:"Play a whole incident with the clock running fast, from the theft to the closed file, and end with its sheet."`
	Lang      i18n.Language `default:"fr" enum:"fr,en" help:"Language of what is printed: fr or en."`
}

// Run shows the whole product until it is told to stop.
func (d *demoCommand) Run(ctx context.Context, on *streams) error {
	switch {
	case d.Attack == "list":
		demo.ListAttacks(on.Out, d.Lang)
		return nil
	case d.Attack != "" && !demo.Knows(d.Attack):
		return usage("there is no attack %q; poterne demo --attack list says which there are", d.Attack)
	}
	shown := demo.Demo{
		Dir: d.Dir, Listen: d.Listen, QuietTown: d.QuietTown, People: d.People, Seed: d.Seed, Attack: d.Attack, Exercise: d.Exercise, Lang: d.Lang,
	}
	return shown.Run(ctx, on.Out, on.Err)
}
