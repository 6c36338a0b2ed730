package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/app"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/typed"
)

type ledgerCommands struct {
	Tail        ledgerTail        `cmd:"" help:"Print the newest entries."`
	Verify      ledgerVerify      `cmd:"" help:"Hold every entry against the tree and its signed checkpoints."`
	Publish     ledgerPublish     `cmd:"" help:"Bring a published copy of the tree up to date, for everybody to verify."`
	VerifyCopy  ledgerVerifyCopy  `cmd:"" help:"Verify a published copy, without the database."`
	Prove       ledgerProve       `cmd:"" help:"Print one entry with the proof that it is in the ledger."`
	VerifyProof ledgerVerifyProof `cmd:"" help:"Verify such a proof, without the database, and print the entry."`
	WhoSaw      ledgerWhoSaw      `cmd:"" help:"Print who was shown one person."`
	ShownTo     ledgerShownTo     `cmd:"" help:"Print exactly who was shown to some accounts."`
	AuditIndex  ledgerAuditIndex  `cmd:"" help:"Hold the index, which who-saw and shown-to read, against the ledger."`
}

// Reading the ledger is itself written, before anything is printed.

type ledgerTail struct {
	database
	actor
	Last   uint64        `default:"20" help:"How many entries."`
	Follow bool          `short:"f" help:"Go on printing new entries."`
	Lang   i18n.Language `default:"en" enum:"en,fr" help:"Language of the sentences: en or fr."`
	JSON   bool          `name:"json" help:"One JSON object on each line."`
}

// Run prints the newest entries and, with Follow, each that comes.
func (t *ledgerTail) Run(ctx context.Context, on *streams) error {
	return t.with(ctx, on, func(o *app.Opened) error {
		if err := t.record(ctx, o, ledger.Entry{Kind: ledger.Read, State: ledger.Tail}); err != nil {
			return err
		}
		next, err := o.Ledger.FirstAt(ctx, time.Now().AddDate(1000, 0, 0)) // beyond every entry
		if err != nil {
			return err
		}
		from := next - min(next, ledger.Number(t.Last))
		for {
			for entry, err := range o.Ledger.Entries(ctx, from) {
				if err != nil {
					return ended(ctx, err)
				}
				if err := t.print(on, o.Rules.Categories, entry); err != nil {
					return err
				}
				from = entry.Number + 1
			}
			if !t.Follow {
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
}

// ended takes the end of the program for a good end of following.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (t *ledgerTail) print(on *streams, known register.Categories, e ledger.Entry) error {
	if t.JSON {
		return json.NewEncoder(on.Out).Encode(ledger.LineOf(e, known))
	}
	said := actOf(e)
	if e.Verdict != 0 {
		said = fmt.Sprintf("%s %s %s: %s", e.Service, e.Route, e.Verdict, t.Lang.Sentence(e.Ruling()))
	}
	_, err := fmt.Fprintf(on.Out, "%d  %s  %s  %s  %s\n", e.Number, stamp(e.Time), e.Kind, typed.Printed(string(e.Account)), typed.Printed(said))
	return err
}

// actOf is what an act was, in the order of its fields.
func actOf(e ledger.Entry) string {
	var words []string
	add := func(what string, value any, is bool) {
		if is {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s %v", what, value)))
		}
	}
	add("", e.State, e.State != "")
	add("", e.Effect, e.Effect != "")
	add(string(e.Reach), e.Target, e.Reach != "" || e.Target != "")
	add("for", e.Subject, e.Subject != "")
	add("", e.First, e.First != 0)
	add("to", e.Last, e.Last != 0)
	add("entries from", e.From, e.End != 0)
	add("count", e.Count, e.Count != 0)
	add("rejected", e.Rejected, e.Rejected != 0)
	add("people", e.Cost/meter.Whole, e.Cost != 0)
	add("since", stamp(e.Since), !e.Since.IsZero())
	add("until", stamp(e.Until), !e.Until.IsZero())
	add("approved by", e.Approver, e.Approver != "")
	add("because of entry", e.Cause, e.Cause != 0)
	add("sha256", e.Digest, !e.Digest.IsZero())
	add("–", e.Note, e.Note != "")
	return strings.Join(words, " ")
}

type ledgerVerify struct {
	database
	Checkpoint []string `type:"existingfile" help:"Checkpoints that were kept elsewhere."`
}

// Run verifies the whole ledger. Damage is named on the standard output and makes
// the answer no.
func (v *ledgerVerify) Run(ctx context.Context, on *streams) error {
	return v.withConcealed(ctx, on, func(o *app.Opened) error {
		elsewhere, err := readAll(v.Checkpoint)
		if err != nil {
			return err
		}
		return verify(ctx, on, o, o.Verifier, elsewhere)
	})
}

// verify reads a whole ledger again and prints what it finds.
func verify(ctx context.Context, on *streams, o *app.Opened, verifier note.Verifier, elsewhere [][]byte) error {
	due := app.Pace()
	report, err := ledger.Verify(ctx, o.Ledger, verifier, elsewhere, func(done, total int64) {
		if due() {
			fmt.Fprintf(on.Err, "%d of %d entries\n", done, total)
		}
	})
	if err != nil {
		return fmt.Errorf("the ledger could not be read to its end: %w", err)
	}
	for _, dropped := range report.Dropped {
		fmt.Fprintln(on.Out, dropped)
	}
	for _, finding := range report.Findings {
		fmt.Fprintln(on.Out, finding)
	}
	fmt.Fprintf(on.Out, "%s, %d under the newest checkpoint, %s\n",
		count(int(report.Entries), "entry", "entries"), report.Proven, count(int(report.Checkpoints), "checkpoint", "checkpoints"))
	if !report.Sound() {
		return fmt.Errorf("the ledger does not verify: %d findings", len(report.Findings))
	}
	return nil
}
