package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/lab/town"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/store"
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

const (
	// usualOneIn keeps those few who have a reserved identifier already, and the time
	// that looking for identifiers takes, both small.
	usualOneIn = 1_000_000
	// margin is how many identifiers are reserved for each that is used, at least.
	margin = 2
	// triesPerSecond is what one core looks through.
	triesPerSecond = 1e6
)

// Run prints a plan. It reads no configuration.
func (p *canariesPlan) Run(on *streams) error {
	if p.People < 1 || p.Identifiers < p.People || p.Share <= 0 || p.Share > 0.01 {
		return usage("write how many --people there are, at least as many --identifiers, and a --share of at most 0.01")
	}
	files := math.Ceil(p.People * p.Share / register.LiveShare)
	oneIn := math.Min(usualOneIn, math.Floor(p.Identifiers/(margin*files)))
	table := tabwriter.NewWriter(on.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "live canaries\t%.0f\tone file in %.0f; a thief who picks at random meets one after %.0f people on average\n", p.People*p.Share, 1/p.Share, 1/p.Share)
	fmt.Fprintf(table, "files to make\t%.0f\tthree in four of them are live in any month\n", files)
	if oneIn >= 100 {
		fmt.Fprintf(table, "one_in\t%.0f\t%.0f identifiers are reserved; one slip of the pen in %.0f meets a live one\n", oneIn, p.Identifiers/oneIn, oneIn/register.LiveShare)
		fmt.Fprintf(table, "people who have one\t%.1f\tto be expected; poterne canaries check finds them, give them another identifier first\n", p.People/oneIn)
		fmt.Fprintf(table, "identifiers to try\t%.1g\tthat nobody has, for poterne canaries export; about %s on one core\n", files*oneIn, (time.Duration(files*oneIn/triesPerSecond) * time.Second).String())
	} else {
		fmt.Fprintf(table, "one_in\tnone\ttoo few identifiers are free: let the register's office skip reserved ones, as below\n")
	}
	fmt.Fprintf(table, "or, issued\t%.0f\tas one_in, where the office asks poterne canaries check before it gives an identifier, and gives those that are reserved to canaries\n", register.LiveShare/p.Share)
	return table.Flush()
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
	return c.with(ctx, func(s settings, kept *store.Store) error {
		if !s.Canaries.Any() {
			return usage("%s declares no canaries; add [canaries] with set and one_in", c.Config)
		}
		var where []string
		tried, found := 0, 0
		for _, file := range c.Files {
			err := eachReserved(ctx, s, file, on, &tried, func(line int, _ string) bool {
				found++
				if found <= linesTold {
					where = append(where, fmt.Sprintf("%s:%d", file, line))
				}
				return true
			})
			if err != nil {
				return err
			}
		}
		if err := c.record(ctx, kept, ledger.Entry{Kind: ledger.Read, State: ledger.CanarySearch, Count: uint64(found)}); err != nil {
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
	if isFile(on.Out) {
		return usage("a list of canaries on a disk is a list that somebody finds; pipe it into what makes the files")
	}
	return e.with(ctx, func(s settings, kept *store.Store) error {
		if !s.Canaries.Any() {
			return usage("%s declares no canaries; add [canaries] with set and one_in", e.Config)
		}
		day := cmp.Or(e.On.Time, time.Now())
		var rows [][]string
		met := make(map[register.PersonID]bool)
		tried := 0
		for _, file := range e.Files {
			var failed error
			err := eachReserved(ctx, s, file, on, &tried, func(_ int, identifier string) bool {
				var person register.PersonID
				if person, failed = s.Person(identifier); failed != nil {
					return false
				}
				if met[person] || e.Number > 0 && len(rows) == e.Number {
					return len(rows) < e.Number || e.Number == 0
				}
				met[person] = true
				var row []string
				row, failed = particulars(identifier, s.Canaries.Life(person), day)
				rows = append(rows, row)
				return failed == nil
			})
			if err != nil || failed != nil {
				return cmp.Or(err, failed)
			}
		}
		if len(rows) < e.Number {
			return fmt.Errorf("only %d of %d identifiers that nobody has are reserved, and %d files are wanted; give more, nothing was printed", len(rows), tried, e.Number)
		}
		if err := e.record(ctx, kept, ledger.Entry{Kind: ledger.Read, State: ledger.CanaryFiles, Count: uint64(len(rows))}); err != nil {
			return err
		}
		out := csv.NewWriter(on.Out)
		if err := out.Write(particularNames); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		if err := out.WriteAll(rows); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		return nil
	})
}

// isFile reports whether what is printed stays on a disk.
func isFile(out io.Writer) bool {
	if p, ok := out.(interface{ Unwrap() io.Writer }); ok {
		out = p.Unwrap()
	}
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	about, err := file.Stat()
	return err == nil && about.Mode().IsRegular()
}

// eachReserved calls found with each identifier of a file that is reserved, in their
// order, until it returns false. Every core looks.
func eachReserved(ctx context.Context, s settings, file string, on *streams, tried *int, found func(line int, identifier string) (more bool)) error {
	from := on.In
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		defer opened.Close()
		from = opened
	}
	const each = 1 << 14
	cores := runtime.GOMAXPROCS(0)
	batch := make([]string, 0, cores*each)
	reserved := make([]bool, cap(batch))
	lines, told := bufio.NewScanner(from), time.Now()
	for line := 0; ; line += len(batch) {
		for batch = batch[:0]; len(batch) < cap(batch) && lines.Scan(); {
			batch = append(batch, strings.TrimSpace(lines.Text()))
		}
		if len(batch) == 0 {
			break
		}
		var group errgroup.Group
		for start := 0; start < len(batch); start += each {
			group.Go(func() error {
				for i := start; i < min(start+each, len(batch)); i++ {
					if reserved[i] = false; batch[i] == "" {
						continue
					}
					person, err := s.Person(batch[i])
					if err != nil {
						return fmt.Errorf("%s:%d: %w", file, line+i+1, err)
					}
					reserved[i] = s.Canaries.Reserved(person)
				}
				return ctx.Err()
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, identifier := range batch {
			if identifier != "" {
				*tried++
			}
			if reserved[i] && !found(line+i+1, identifier) {
				return nil
			}
		}
		if time.Since(told) > time.Second {
			told = time.Now()
			fmt.Fprintf(on.Err, "%s: %s so far\n", file, count(*tried, "identifier", "identifiers"))
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return nil
}

// particularNames are the columns of a file to make. There is no social-security
// number among them: one that is not somebody's cannot look like one.
var particularNames = []string{
	"identifier", "surname", "first_name", "sex", "birth", "birthplace", "birthplace_code", "street", "postcode", "commune", "commune_code",
	"phone", "mail", "status", "since", "job_code", "job", "experience", "last_activity", "next_appointment",
}

// particulars invents the file of a canary: the same person each time, whose
// activity goes on with the months.
func particulars(identifier string, life uint64, on time.Time) ([]string, error) {
	p, err := town.Invent(fmt.Sprint(life))
	if err != nil {
		return nil, err
	}
	last, next := activity(p, life, on)
	appointment := ""
	if !next.IsZero() {
		appointment = next.Format(time.DateOnly)
	}
	return []string{
		identifier, p.Surname, p.First, string(p.Sex), p.Birth.Format(time.DateOnly), p.Birthplace.Name, p.Birthplace.Code,
		p.Street, p.Postcode, p.Commune.Name, p.Commune.Code, p.Phone, p.Mail, string(p.Status), p.Since.Format(time.DateOnly),
		p.Sought.Code, p.Sought.Label, fmt.Sprint(p.Experience), last.Format(time.DateOnly), appointment,
	}, nil
}

// activity is when a canary last showed up before the month of a day, and when they
// are next expected, if they are. Who is registered comes most months, others a few
// times a year; from one month to the next it only moves forward.
func activity(p town.Person, life uint64, on time.Time) (last, next time.Time) {
	often := 0.15
	if p.Status == town.Registered {
		often = 0.9
	}
	month := time.Date(on.UTC().Year(), on.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	came := func(month time.Time) (time.Time, bool) {
		dice := rand.New(rand.NewPCG(life, uint64(month.Unix())))
		day := month.AddDate(0, 0, dice.IntN(26))
		for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			day = day.AddDate(0, 0, 1)
		}
		return day, dice.Float64() < often
	}
	last = p.Since
	for back := 1; back <= 23; back++ { // nobody's file goes cold
		if day, here := came(month.AddDate(0, -back, 0)); (here || back == 23) && day.After(p.Since) {
			last = day
			break
		}
	}
	if day, expected := came(month.AddDate(0, 1, 0)); expected && p.Status == town.Registered {
		next = day
	}
	return last, next
}
