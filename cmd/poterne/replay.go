package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"poterne/internal/config"
	"poterne/internal/i18n"
	"poterne/internal/lab/logplay"
	"poterne/internal/lab/sim"
	"poterne/internal/policy"
)

type replayCommand struct {
	Scenario     sim.Scenario  `enum:"french-cases,attacks,oddities,honest,all" default:"all" help:"${enum}."`
	Preset       sim.Preset    `enum:"town,hard" default:"town" help:"${enum}. The hard town is as over-dispersed, and as little explained, as real logs are."`
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
	Log          string        `type:"existingfile" placeholder:"FILE" help:"Play your own access log instead, in CSV or XES: docs/replay-log.md."`
	Mapping      string        `type:"existingfile" placeholder:"FILE.toml" help:"How that log is read; guessed when not given."`
	Thieves      int           `default:"200" help:"Into how many of the log's accounts a thief is put; 0 for every one."`
	TheftFrom    moment        `help:"When the thieves come; when the log ends, when not given."`
	Patch        string        `type:"path" placeholder:"FILE.toml" help:"Write what to allow, from that log, for the configuration."`
}

// Run replays attacks and honest days, or a log, through the decision, in virtual time.
// It guards nothing and touches no running Poterne.
func (c *replayCommand) Run(ctx context.Context, on *streams) error {
	rules, err := config.ReadRules(c.Config) // its secrets are not needed, and not read
	if err != nil {
		return err
	}
	if c.Log != "" {
		return c.playLog(ctx, on, rules)
	}
	settings := sim.Settings{
		Scenario: c.Scenario, Preset: c.Preset, Rules: rules, Agents: c.Agents, Days: c.Days, Seed: c.Seed, Seeds: c.Seeds, Curve: c.Curve,
		Progress: func(done, of int) {
			if done == of || done*20/of != (done-1)*20/of {
				fmt.Fprintf(on.Err, "replayed %d of %d\n", done, of)
			}
		},
	}
	if c.Check {
		return settings.Check(ctx, on.Out)
	}
	if !settings.Sensible() {
		return usage("a replay needs at least one agent and one seed, and between 1 and 364 days")
	}
	if c.ThroughStore {
		settings.Book = sim.ScratchBook
	}
	if c.Keep != "" {
		if settings.Kept, err = sim.KeepIn(c.Keep, settings); err != nil {
			return fmt.Errorf("keeping what is played: %w", err)
		}
	}
	report, err := sim.Replay(ctx, settings)
	if err != nil {
		return err
	}
	return c.write(on, report)
}

// playLog plays an access log.
func (c *replayCommand) playLog(ctx context.Context, on *streams, rules policy.Rules) (err error) {
	settings := logplay.Settings{
		Rules: rules, Thieves: c.Thieves, Seed: c.Seed, TheftFrom: c.TheftFrom.Time, Propose: c.Patch != "",
		Progress: func(events int) { fmt.Fprintf(on.Err, "played %d events\n", events) },
	}
	if settings.ByDefault, err = config.ReadRules(""); err != nil {
		return err
	}
	if settings.Mapping, err = logplay.ReadMapping(c.Mapping, rules.Roles()); err != nil {
		return err
	}
	report, err := logplay.Play(ctx, c.Log, settings)
	if err != nil {
		return err
	}
	return errors.Join(c.write(on, report), writeWhole(c.Patch, report.WritePatch))
}

// write writes a report's page, and prints its table or its JSON.
func (c *replayCommand) write(on *streams, report interface {
	WriteTable(io.Writer) error
	WriteHTML(io.Writer, i18n.Language) error
},
) error {
	if err := writeWhole(c.HTML, func(out io.Writer) error { return report.WriteHTML(out, c.Language) }); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if !c.JSON {
		return report.WriteTable(on.Out)
	}
	encoder := json.NewEncoder(on.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
