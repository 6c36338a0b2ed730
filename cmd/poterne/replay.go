package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"poterne/internal/gate"
	"poterne/internal/policy"
	"poterne/internal/sim"
	"poterne/internal/store"
)

type replayCommand struct {
	Scenario     sim.Scenario `enum:"french-cases,attacks,oddities,honest,all" default:"all" help:"${enum}."`
	Agents       int          `default:"200" help:"Staff at honest work."`
	Days         int          `default:"28" help:"How long they work."`
	Seed         uint64       `default:"101" help:"The same seed gives the same table."`
	Seeds        int          `default:"5" help:"How many seeds, from the first on."`
	Config       string       `type:"existingfile" help:"Whose purposes and allowances are replayed; those of the example when not given."`
	ThroughStore bool         `help:"Settle every opening through the gate over SQLite: slower, and the same table."`
	JSON         bool         `name:"json" help:"Print the report as JSON."`
	HTML         string       `name:"html" type:"path" placeholder:"FILE" help:"Write the report as one page, too."`
	Language     string       `enum:"fr,en" default:"fr" help:"Of that page: fr or en."`
}

// Run replays attacks and honest days through the decision, in virtual time. It
// guards nothing and touches no running Poterne.
func (c *replayCommand) Run(ctx context.Context, on *streams) error {
	if c.Agents < 1 || c.Days < 1 || c.Days > 364 || c.Seeds < 1 {
		return usage("a replay needs at least one agent and one seed, and between 1 and 364 days")
	}
	rules, err := c.rules()
	if err != nil {
		return err
	}
	settings := sim.Settings{
		Scenario: c.Scenario, Rules: rules, Agents: c.Agents, Days: c.Days, Seed: c.Seed, Seeds: c.Seeds,
		Progress: func(done, of int) {
			if done == of || done*20/of != (done-1)*20/of {
				fmt.Fprintf(on.Err, "replayed %d of %d\n", done, of)
			}
		},
	}
	if c.ThroughStore {
		settings.Book = scratchBook
	}
	report, err := sim.Replay(ctx, settings)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		if err := c.writePage(report); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
	}
	if !c.JSON {
		return report.WriteTable(on.Out)
	}
	encoder := json.NewEncoder(on.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func (c *replayCommand) writePage(report sim.Report) error {
	var page bytes.Buffer
	if err := report.WriteHTML(&page, policy.Language(c.Language)); err != nil {
		return err
	}
	return os.WriteFile(c.HTML, page.Bytes(), 0o644)
}

// rules are those of a configuration. Its secrets are not needed, and not read.
func (c *replayCommand) rules() (policy.Rules, error) {
	var from config
	read := func() (*complaints, error) { return parseTOML("the example configuration", []byte(example), &from) }
	if c.Config != "" {
		read = func() (*complaints, error) { return readTOML(c.Config, &from) }
	}
	wrong, err := read()
	if err != nil {
		return policy.Rules{}, err
	}
	var s settings
	from.rules(&s, wrong)
	return s.rules, wrong.err()
}

// scratchBook is an empty ledger in a folder of its own, which goes with it.
func scratchBook(ctx context.Context) (gate.Book, func() error, error) {
	dir, err := os.MkdirTemp("", "poterne-replay-")
	if err != nil {
		return nil, nil, err
	}
	kept, err := store.OpenSQLite(ctx, filepath.Join(dir, "poterne.db"))
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return kept, func() error { return errors.Join(kept.Close(), os.RemoveAll(dir)) }, nil
}
