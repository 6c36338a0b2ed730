package main

import (
	"context"
	"errors"
	"os"

	"poterne/internal/i18n"
	"poterne/internal/lab/proof"
)

type proveCommand struct {
	Dir   string        `type:"path" placeholder:"FOLDER" help:"Do it in this new folder, and keep it; in a temporary one that goes away when not given."`
	HTML  string        `name:"html" type:"path" placeholder:"FILE" help:"Write the table as one page, too, in both languages."`
	Kills int           `default:"20" help:"How many times the program is killed under load."`
	Lang  i18n.Language `default:"fr" enum:"fr,en" help:"Language of what is printed: fr or en."`
}

// Run shows what is claimed on this machine, and answers no when something does not hold.
func (c *proveCommand) Run(ctx context.Context, on *streams) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	report, err := proof.Show(ctx, proof.Proof{Binary: program, Dir: c.Dir, Kills: c.Kills, Out: on.Out, In: c.Lang})
	return errors.Join(report.WriteTable(on.Out, c.Lang), writeWhole(c.HTML, report.WriteHTML), err)
}
