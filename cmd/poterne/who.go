package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	ledgerindex "poterne/internal/ledger/index"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// withIndex opens the database and the index of its ledger for one act.
func (d database) withIndex(ctx context.Context, on *streams, act func(*app.Opened) error) error {
	return d.with(ctx, on, func(o *app.Opened) error {
		if err := o.WithIndex(ctx); err != nil {
			return err
		}
		return act(o)
	})
}

// progress tells on the standard error how far the ledger is read, when that takes
// long.
func progress(ctx context.Context, on *streams, o *app.Opened) (func(ledger.Number), error) {
	end, err := o.Ledger.FirstAt(ctx, time.Now().AddDate(1000, 0, 0)) // beyond every entry
	due := app.Pace()
	return func(read ledger.Number) {
		if due() {
			fmt.Fprintf(on.Err, "%d of %d entries\n", read, end)
		}
	}, err
}

// caughtUp brings the index up to the ledger.
func caughtUp(ctx context.Context, on *streams, o *app.Opened) error {
	tell, err := progress(ctx, on, o)
	if err != nil {
		return err
	}
	err = o.Index.CatchUp(ctx, tell)
	if o.Index.Remade() {
		fmt.Fprintln(on.Err, remade)
	}
	return err
}

const remade = "the ledger's first months are gone: its index was made again from what is there"

type ledgerWhoSaw struct {
	database
	actor
	Scheme     string `help:"What kind of identifier it is; the register's own when left out."`
	Pseudonym  string `help:"The person's pseudonym, in place of an identifier."`
	Because    string `required:"" help:"Why you ask; it is written in the ledger, and names nobody."`
	Identifier string `arg:"" optional:"" help:"The person's identifier; it is not written down."`
	JSON       bool   `name:"json" help:"One JSON object on each line."`
}

// Run prints each time one person was shown, oldest first.
func (w *ledgerWhoSaw) Run(ctx context.Context, on *streams) error {
	if (w.Identifier == "") == (w.Pseudonym == "") {
		return usage("write either an identifier or --pseudonym")
	}
	if err := typed.Check("the question", w.Because); err != nil {
		return usageError(err.Error())
	}
	if typed.Says(w.Because, w.Identifier) {
		return usage("the reason holds the identifier, and would stay written: say why without saying who it is")
	}
	return w.withIndex(ctx, on, func(o *app.Opened) error {
		person, err := w.person(ctx, o)
		if err != nil {
			return err
		}
		if err := w.record(ctx, o, ledger.Entry{Kind: ledger.Read, Person: person, State: ledger.WhoSaw, Note: w.Because}); err != nil {
			return err
		}
		if person.IsZero() {
			return fmt.Errorf("this %s identifier leads to nobody", cmp.Or(w.Scheme, o.Schemes.Own()))
		}
		if err := caughtUp(ctx, on, o); err != nil {
			return err
		}
		seen, err := o.Index.WhoSaw(ctx, person)
		if err != nil {
			return err
		}
		if seen.From > 0 {
			fmt.Fprintf(on.Err, "the ledger begins with entry %d, of %s: what was shown before is not known any more\n", seen.From, stamp(seen.Begun))
		}
		if w.JSON {
			return printJSON(on, o.Rules.Categories, seen.Entries(ctx))
		}
		if len(seen.Numbers) == 0 {
			fmt.Fprintln(on.Out, "nobody was shown this person: is the identifier right?")
			return nil
		}
		return printDisclosures(on, o.Rules.Categories, seen.Entries(ctx))
	})
}

// person is who is asked about; the zero PersonID for an identifier that leads to nobody.
func (w *ledgerWhoSaw) person(ctx context.Context, o *app.Opened) (register.PersonID, error) {
	if w.Pseudonym != "" {
		return register.ParsePersonID(w.Pseudonym)
	}
	ref, err := o.Schemes.Told(cmp.Or(w.Scheme, o.Schemes.Own()), w.Identifier)
	if err != nil {
		return register.PersonID{}, err
	}
	people, err := o.Directory().People(ctx, []register.Ref{ref})
	if err != nil {
		return register.PersonID{}, err
	}
	return people[0], nil
}

func printJSON(on *streams, known register.Categories, entries iter.Seq2[ledger.Entry, error]) error {
	lines := json.NewEncoder(on.Out)
	for entry, err := range entries {
		if err != nil {
			return err
		}
		if err := lines.Encode(ledger.LineOf(entry, known)); err != nil {
			return err
		}
	}
	return nil
}

func printDisclosures(on *streams, known register.Categories, entries iter.Seq2[ledger.Entry, error]) error {
	table := tabwriter.NewWriter(on.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENTRY\tTIME\tACCOUNT\tORGANISATION\tSERVICE\tPURPOSE\tREASON\tFIELDS")
	for e, err := range entries {
		if err != nil {
			return err
		}
		row(table,
			e.Number, stamp(e.Time), e.Account, e.Organisation, e.Service, e.Purpose, e.Reason.Kind, known.Joined(e.Fields))
	}
	return table.Flush()
}

type ledgerShownTo struct {
	database
	actor
	Account []string `required:"" help:"An account; may come several times."`
	Since   moment   `help:"From this moment on."`
	Until   moment   `help:"Before this moment."`
	JSON    bool     `name:"json" xor:"form" help:"One JSON object on each line."`
	CSV     bool     `name:"csv" xor:"form" help:"CSV with a header."`
	Out     string   `xor:"form" placeholder:"FILE.csv" help:"Write CSV into this new file, and what it rests on into FILE.csv.seal."`
}

// Run counts who was shown to any of the accounts, then prints each of them, with
// everything that was shown of them, and ends with what the answer rests on. In a
// form for programs, the list alone is on the standard output.
func (t *ledgerShownTo) Run(ctx context.Context, on *streams) error {
	return t.withIndex(ctx, on, func(o *app.Opened) error {
		asked := ledger.Entry{Kind: ledger.Read, State: ledger.ShownToList, Target: strings.Join(t.Account, " "), Since: ledger.Cut(t.Since.Time), Until: ledger.Cut(t.Until.Time)}
		if err := t.record(ctx, o, asked); err != nil {
			return err
		}
		if err := caughtUp(ctx, on, o); err != nil {
			return err
		}
		accounts := make([]roster.AccountID, len(t.Account))
		for i, account := range t.Account {
			accounts[i] = roster.AccountID(account)
			if _, _, err := o.Roster.Account(ctx, accounts[i]); fault.Is(err, fault.Absent) {
				fmt.Fprintf(on.Err, "the roster knows no account %q: is it spelt right?\n", account)
			}
		}
		shown, err := o.Index.ShownTo(ctx, accounts, t.Since.Time, t.Until.Time)
		if err != nil {
			return err
		}
		said := on.Out
		if t.JSON || t.CSV {
			said = on.Err
		}
		if _, err := io.WriteString(said, shown.Counted()); err != nil {
			return err
		}
		digest, err := t.list(ctx, on, shown)
		if err != nil {
			return err
		}
		checkpoint, err := ledgerindex.Covering(ctx, o.Ledger, o.Signer, o.Verifier, shown.Before)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(said, shown.RestsOn(checkpoint)); err != nil || t.Out == "" {
			return err
		}
		return config.StreamNew(t.Out+".seal", func(seal io.Writer) error {
			_, err := io.WriteString(seal, shown.Seal(digest, checkpoint))
			return err
		})
	})
}

// list writes everybody in the form that is wanted, as they come. For a file it
// returns its SHA-256.
func (t *ledgerShownTo) list(ctx context.Context, on *streams, shown ledgerindex.Shown) (digest string, err error) {
	if t.Out != "" {
		err = config.StreamNew(t.Out, func(file io.Writer) (err error) {
			digest, err = shown.WriteCSV(ctx, file)
			return err
		})
		return digest, err
	}
	lines := bufio.NewWriter(on.Out)
	switch {
	case t.JSON:
		err = shown.WriteJSON(ctx, lines)
	case t.CSV:
		digest, err = shown.WriteCSV(ctx, lines)
	default:
		err = shown.WriteTable(ctx, lines)
	}
	return digest, errors.Join(err, lines.Flush())
}

type ledgerAuditIndex struct {
	database
	Rebuild bool `help:"Drop the index and make it anew instead."`
}

// Run makes every sealed segment of the index again in memory and compares. A
// difference is named on the standard output and makes the answer no.
func (a *ledgerAuditIndex) Run(ctx context.Context, on *streams) error {
	return a.withIndex(ctx, on, func(o *app.Opened) error {
		tell, err := progress(ctx, on, o)
		if err != nil {
			return err
		}
		if a.Rebuild {
			if err := o.Index.Rebuild(ctx, tell); err != nil {
				return err
			}
			fmt.Fprintln(on.Out, "the index is made anew")
			return nil
		}
		compared, err := o.Index.Audit(ctx, tell)
		if errors.Is(err, ledgerindex.ErrElsewhere) {
			if err := caughtUp(ctx, on, o); err != nil {
				return err
			}
			compared, err = o.Index.Audit(ctx, tell)
		}
		if different, ok := errors.AsType[ledgerindex.Difference](err); ok {
			fmt.Fprintln(on.Out, different)
			return errors.New("the index is not what the ledger makes of it: verify the ledger, then run poterne ledger audit-index --rebuild")
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(on.Out, "%d segments of %d entries are what the ledger makes of them\n", compared, ledgerindex.Standard.Segment)
		return nil
	})
}
