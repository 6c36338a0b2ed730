package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"poterne/internal/app"
	"poterne/internal/intake"
	"poterne/internal/roster"
)

type factsCommands struct {
	Import factsImport `cmd:"" help:"Take facts and covers in from CSV or NDJSON files."`
}

type aliasesCommands struct {
	Import aliasesImport `cmd:"" help:"Take identifiers of other systems in from CSV or NDJSON files."`
}

type factsImport struct {
	database
	actor
	Source string   `required:"" help:"The system that says so, as the configuration names it."`
	Format string   `enum:"auto,csv,ndjson" default:"auto" help:"auto goes by the file's name."`
	Files  []string `arg:"" help:"Files; - reads the standard input."`
}

// Run takes in each file and reports its rejected lines; the others are kept.
func (f *factsImport) Run(ctx context.Context, on *streams) error {
	return f.with(ctx, on, func(o *app.Opened) error {
		if _, declared := o.Sources[f.Source]; !declared {
			return usage("no source %q is declared in %s; add a [[source]] with this name", f.Source, f.Config)
		}
		facts := o.TakesFacts(o.Writer(), roster.AccountID(f.As))
		return takeFiles(f.Files, f.Format, on, func(format intake.Format, from io.Reader, said intake.Said) (intake.Report, error) {
			return facts.Take(ctx, f.Source, format, from, said)
		})
	})
}

type aliasesImport struct {
	database
	actor
	Format string   `enum:"auto,csv,ndjson" default:"auto" help:"auto goes by the file's name."`
	Files  []string `arg:"" help:"Files; - reads the standard input."`
}

// Run takes in each file and reports its rejected lines; the others are kept.
func (a *aliasesImport) Run(ctx context.Context, on *streams) error {
	return a.with(ctx, on, func(o *app.Opened) error {
		aliases := o.TakesAliases(roster.AccountID(a.As))
		return takeFiles(a.Files, a.Format, on, func(format intake.Format, from io.Reader, said intake.Said) (intake.Report, error) {
			return aliases.Take(ctx, format, from, said)
		})
	})
}

type taking func(intake.Format, io.Reader, intake.Said) (intake.Report, error)

// takeFiles takes in one file after the other. Rejected lines make the answer no,
// once everything else was kept.
func takeFiles(files []string, format string, on *streams, take taking) error {
	var all intake.Report
	for _, file := range files {
		report, err := takeFile(file, format, on, take)
		all.Kept, all.Rejected = all.Kept+report.Kept, all.Rejected+report.Rejected
		if err != nil {
			return fmt.Errorf("%s: stopped after %d lines were kept: %w", file, report.Kept, err)
		}
	}
	fmt.Fprintf(on.Out, "%d lines kept, %d rejected\n", all.Kept, all.Rejected)
	if all.Rejected > 0 {
		return fmt.Errorf("%d lines were rejected, the others are kept; mend them and import them again", all.Rejected)
	}
	return nil
}

func takeFile(file, format string, on *streams, take taking) (intake.Report, error) {
	written, err := formatOf(file, format)
	if err != nil {
		return intake.Report{}, err
	}
	from, err := opened(file, on)
	if err != nil {
		return intake.Report{}, err
	}
	defer from.Close()
	due := app.Pace()
	return take(written, from, intake.Said{
		Rejected: func(r intake.Rejection) { fmt.Fprintf(on.Err, "%s:%d: %s\n", file, r.Line, r.Reason) },
		Progress: func(r intake.Report) {
			if due() {
				fmt.Fprintf(on.Err, "%s: %d lines kept, %d rejected so far\n", file, r.Kept, r.Rejected)
			}
		},
	})
}

func formatOf(file, format string) (intake.Format, error) {
	if format != "auto" {
		return intake.Format(format), nil
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".csv":
		return intake.CSV, nil
	case ".ndjson", ".jsonl":
		return intake.NDJSON, nil
	}
	return "", usage("write --format csv or --format ndjson: the name %q does not tell", file)
}
