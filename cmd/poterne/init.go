package main

import (
	"fmt"
	"time"

	"poterne/internal/config"
)

type initCommand struct {
	Dir          string `arg:"" type:"existingdir" default:"." help:"Where to put them."`
	config.First `embed:""`
}

// Run asks what was not said, writes what a first application needs, and says what to
// do next. It replaces nothing.
func (i *initCommand) Run(on *streams) error {
	i.Ask(on.In, on.Err)
	written, err := i.Write(i.Dir, time.Now())
	for _, file := range written {
		fmt.Fprintln(on.Out, file)
	}
	if err == nil {
		fmt.Fprint(on.Out, i.After())
	}
	return err
}
