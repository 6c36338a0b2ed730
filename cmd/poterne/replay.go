package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"poterne/internal/config"
	"poterne/internal/i18n"
	"poterne/internal/lab/sim"
)

type replayCommand struct {
	Scenario     sim.Scenario  `enum:"french-cases,attacks,oddities,honest,all" default:"all" help:"${enum}."`
	Agents       int           `default:"200" help:"Staff at honest work."`
	Days         int           `default:"28" help:"How long they work."`
	Seed         uint64        `default:"101" help:"The same seed gives the same table. Seeds 1 to 50 were tuned on."`
	Seeds        int           `default:"5" help:"How many seeds, from the first on."`
	Check        bool          `help:"A short replay of everything; ends with each figure beside its aim, and with exit code 1 when one falls short."`
	Curve        bool          `help:"Replay with narrower and wider rules too, for the curve of leak against friction."`
	Config       string        `type:"existingfile" help:"Whose purposes and rules are replayed; those of the example when not given."`
	Keep         string        `type:"path" placeholder:"FOLDER" help:"Keep what was played, and go on from there after an interruption."`
	ThroughStore bool          `help:"Settle every opening through the gate over SQLite: slower, and the same table."`
	JSON         bool          `name:"json" help:"Print the report as JSON."`
	HTML         string        `name:"html" type:"path" placeholder:"FILE" help:"Write the report as one page, too."`
	Language     i18n.Language `enum:"fr,en" default:"fr" help:"Of that page: fr or en."`
}

// What a check replays: enough to see a rule that broke, in less than a minute.
const (
	checkAgents = 240
	checkDays   = 60
	checkSeeds  = 2
)

// Run replays attacks and honest days through the decision, in virtual time. It
// guards nothing and touches no running Poterne.
func (c *replayCommand) Run(ctx context.Context, on *streams) error {
	if c.Check {
		c.Scenario, c.Agents, c.Days, c.Seeds = sim.Everything, checkAgents, checkDays, checkSeeds
	}
	if c.Agents < 1 || c.Days < 1 || c.Days > 364 || c.Seeds < 1 {
		return usage("a replay needs at least one agent and one seed, and between 1 and 364 days")
	}
	settings, err := c.settings(on)
	if err != nil {
		return err
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
	switch {
	case c.Check:
		return c.check(on, report)
	case !c.JSON:
		return report.WriteTable(on.Out)
	}
	encoder := json.NewEncoder(on.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func (c *replayCommand) settings(on *streams) (sim.Settings, error) {
	rules, err := config.ReadRules(c.Config) // its secrets are not needed, and not read
	if err != nil {
		return sim.Settings{}, err
	}
	settings := sim.Settings{
		Scenario: c.Scenario, Rules: rules, Agents: c.Agents, Days: c.Days, Seed: c.Seed, Seeds: c.Seeds, Curve: c.Curve,
		Progress: func(done, of int) {
			if done == of || done*20/of != (done-1)*20/of {
				fmt.Fprintf(on.Err, "replayed %d of %d\n", done, of)
			}
		},
	}
	if c.ThroughStore {
		settings.Book = sim.ScratchBook
	}
	if c.Keep != "" {
		if settings.Kept, err = sim.KeepIn(c.Keep, settings); err != nil {
			return sim.Settings{}, fmt.Errorf("keeping what is played: %w", err)
		}
	}
	return settings, nil
}

// check prints the figures last, and fails when one falls short.
func (c *replayCommand) check(on *streams, report sim.Report) error {
	missed, err := sim.WriteTargets(on.Out, report.Targets())
	if err == nil && missed > 0 {
		err = fmt.Errorf("the rules fall short of %d of their targets", missed)
	}
	return err
}

func (c *replayCommand) writePage(report sim.Report) error {
	var page bytes.Buffer
	if err := report.WriteHTML(&page, c.Language); err != nil {
		return err
	}
	return os.WriteFile(c.HTML, page.Bytes(), 0o644)
}
