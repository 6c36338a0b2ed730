package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"time"

	"poterne/internal/app"
	"poterne/internal/lab/town"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/typed"
)

type canariesCommands struct {
	Plan   canariesPlan   `cmd:"" help:"Work out how many canaries a register needs, and how many identifiers to reserve."`
	Check  canariesCheck  `cmd:"" help:"Look whether people have identifiers that are reserved. It is written in the ledger."`
	Export canariesExport `cmd:"" help:"Print the files to make in the register. It is written in the ledger."`
}

type canariesPlan struct {
	People      float64 `required:"" placeholder:"N" help:"How many files the register has."`
	Identifiers float64 `required:"" placeholder:"N" help:"How many identifiers can be written: 1e11 for eleven digits, without their check letter."`
	Share       float64 `default:"0.0005" help:"How much of the files should be live canaries."`
}

// Run prints a plan. It reads no configuration.
func (p *canariesPlan) Run(on *streams) error {
	plan := lookup.Plan{People: p.People, Identifiers: p.Identifiers, Share: p.Share}
	if !plan.Sensible() {
		return usage("write how many --people there are, at least as many --identifiers, and a --share of at most 0.01")
	}
	return plan.Write(on.Out)
}

type canariesCheck struct {
	database
	actor
	Files []string `arg:"" help:"Files of identifiers, one a line; - reads the standard input."`
}

// linesTold is how many lines are told that have a reserved identifier.
const linesTold = 20

// Run says how many identifiers are reserved, and where. It names none of them.
func (c *canariesCheck) Run(ctx context.Context, on *streams) error {
	return c.with(ctx, on, func(o *app.Opened) error {
		if !o.Canaries.Any() {
			return usage("%s declares no canaries; add [canaries] with set and one_in", c.Config)
		}
		var where []string
		tried, found := 0, 0
		for _, file := range c.Files {
			n, err := eachReserved(ctx, o, file, on, tried, func(line int, _ string) bool {
				found++
				if found <= linesTold {
					where = append(where, fmt.Sprintf("%s:%d", file, line))
				}
				return true
			})
			if err != nil {
				return err
			}
			tried += n
		}
		if err := c.record(ctx, o, ledger.Entry{Kind: ledger.Read, State: ledger.CanarySearch, Count: uint64(found)}); err != nil {
			return err
		}
		for _, at := range where {
			fmt.Fprintln(on.Out, at)
		}
		if found > 0 {
			return fmt.Errorf("%d of %d identifiers are reserved (the first %d lines are listed): no person may have one, give them to canaries or to nobody", found, tried, len(where))
		}
		fmt.Fprintf(on.Out, "%s, none is reserved\n", count(tried, "identifier", "identifiers"))
		return nil
	})
}

type canariesExport struct {
	database
	actor
	Number int      `help:"How many; all that are found when left out."`
	On     moment   `help:"The day on which the files should look alive; today when left out."`
	Files  []string `arg:"" help:"Files of identifiers that nobody has, one a line; - reads the standard input."`
}

// Run prints one file to make for each reserved identifier, once the ledger says
// that it was printed and for whom.
func (e *canariesExport) Run(ctx context.Context, on *streams) error {
	if typed.IsFile(on.Out) {
		return usage("a list of canaries on a disk is a list that somebody finds; pipe it into what makes the files")
	}
	return e.with(ctx, on, func(o *app.Opened) error {
		if !o.Canaries.Any() {
			return usage("%s declares no canaries; add [canaries] with set and one_in", e.Config)
		}
		day := cmp.Or(e.On.Time, time.Now())
		var rows [][]string
		met := make(map[register.PersonID]bool)
		tried := 0
		for _, file := range e.Files {
			var failed error
			n, err := eachReserved(ctx, o, file, on, tried, func(_ int, identifier string) bool {
				var person register.PersonID
				if person, failed = o.Person(identifier); failed != nil {
					return false
				}
				if met[person] || e.Number > 0 && len(rows) == e.Number {
					return len(rows) < e.Number || e.Number == 0
				}
				met[person] = true
				var row []string
				row, failed = town.Particulars(identifier, o.Canaries.Life(person), day)
				rows = append(rows, row)
				return failed == nil
			})
			if err != nil || failed != nil {
				return cmp.Or(err, failed)
			}
			tried += n
		}
		if len(rows) < e.Number {
			return fmt.Errorf("only %d of %d identifiers that nobody has are reserved, and %d files are wanted; give more, nothing was printed", len(rows), tried, e.Number)
		}
		if err := e.record(ctx, o, ledger.Entry{Kind: ledger.Read, State: ledger.CanaryFiles, Count: uint64(len(rows))}); err != nil {
			return err
		}
		out := csv.NewWriter(on.Out)
		if err := out.Write(town.ParticularNames); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		if err := out.WriteAll(rows); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		return nil
	})
}

// eachReserved calls found with each identifier of a file that is reserved, until it
// returns false, and returns how many it tried after so many in other files.
func eachReserved(ctx context.Context, o *app.Opened, file string, on *streams, before int, found func(line int, identifier string) (more bool)) (tried int, err error) {
	from, err := opened(file, on)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	due := app.Pace()
	search := lookup.Reserved{Person: o.Person, Canaries: o.Canaries, Progress: func(tried int) {
		if due() {
			fmt.Fprintf(on.Err, "%s: %s so far\n", file, count(before+tried, "identifier", "identifiers"))
		}
	}}
	return search.In(ctx, file, from, found)
}
