package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
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
}

// Reading the ledger is itself written, before anything is printed.

type ledgerTail struct {
	database
	actor
	Last   uint64          `default:"20" help:"How many entries."`
	Follow bool            `short:"f" help:"Go on printing new entries."`
	Lang   policy.Language `default:"en" enum:"en,fr" help:"Language of the sentences: en or fr."`
	JSON   bool            `name:"json" help:"One JSON object on each line."`
}

// Run prints the newest entries and, with Follow, each that comes.
func (t *ledgerTail) Run(ctx context.Context, on *streams) error {
	return t.with(ctx, func(_ settings, kept *store.Store) error {
		if err := t.record(ctx, kept, ledger.Entry{Kind: ledger.Read, Detail: "the newest entries, by the command line"}); err != nil {
			return err
		}
		next, err := kept.FirstAt(ctx, time.Now().AddDate(1000, 0, 0)) // beyond every entry
		if err != nil {
			return err
		}
		from := next - min(next, ledger.Number(t.Last))
		for {
			for entry, err := range kept.Entries(ctx, from) {
				if err != nil {
					return ended(ctx, err)
				}
				if err := t.print(on, entry); err != nil {
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

func (t *ledgerTail) print(on *streams, e ledger.Entry) error {
	if t.JSON {
		return json.NewEncoder(on.Out).Encode(told(e))
	}
	said := e.Detail
	if e.Verdict != 0 {
		said = fmt.Sprintf("%s %s %s: %s", e.Service, e.Route, e.Verdict, e.Ruling().Sentence(t.Lang))
	}
	_, err := fmt.Fprintf(on.Out, "%d  %s  %s  %s  %s\n", e.Number, stamp(e.Time), e.Kind, e.Account, said)
	return err
}

// toldEntry is an entry as JSON. People are pseudonyms.
type toldEntry struct {
	Number       ledger.Number         `json:"number"`
	Time         time.Time             `json:"time"`
	Kind         string                `json:"kind"`
	Receipt      ledger.Number         `json:"receipt"`
	Account      roster.AccountID      `json:"account,omitempty"`
	Organisation roster.OrganisationID `json:"organisation,omitempty"`
	Session      roster.SessionID      `json:"session,omitempty"`
	Service      roster.ServiceID      `json:"service,omitempty"`
	Purpose      roster.Purpose        `json:"purpose,omitempty"`
	Route        string                `json:"route,omitempty"`
	Person       string                `json:"person,omitempty"`
	Fields       []string              `json:"fields,omitempty"`
	Verdict      string                `json:"verdict,omitempty"`
	Why          string                `json:"why,omitempty"`
	Reason       string                `json:"reason,omitempty"`
	Source       string                `json:"source,omitempty"`
	Fact         string                `json:"fact,omitempty"`
	Detail       string                `json:"detail,omitempty"`
}

func told(e ledger.Entry) toldEntry {
	line := toldEntry{
		Number: e.Number, Time: e.Time, Kind: e.Kind.String(), Receipt: e.Receipt,
		Account: e.Account, Organisation: e.Organisation, Session: e.Session, Service: e.Service, Purpose: e.Purpose, Route: e.Route,
		Person: pseudonym(e.Person), Fields: e.Fields.Names(), Detail: e.Detail,
	}
	if e.Verdict != 0 {
		line.Verdict, line.Why = e.Verdict.String(), e.Why.String()
	}
	if e.Reason.Explained() {
		line.Reason, line.Source, line.Fact = e.Reason.Kind.String(), e.Reason.Source, e.Reason.ID
	}
	return line
}

func pseudonym(person register.PersonID) string {
	if person.IsZero() {
		return ""
	}
	return person.Hex()
}

type ledgerVerify struct {
	database
	Checkpoint []string `type:"existingfile" help:"Checkpoints that were kept elsewhere."`
}

// Run verifies the whole ledger. Damage is named on the standard output and makes
// the answer no.
func (v *ledgerVerify) Run(ctx context.Context, on *streams) error {
	return v.with(ctx, func(s settings, kept *store.Store) error {
		elsewhere, err := readAll(v.Checkpoint)
		if err != nil {
			return err
		}
		last := time.Now()
		report, err := ledger.Verify(ctx, kept, s.verifier, elsewhere, func(done, total int64) {
			if time.Since(last) > time.Second {
				last = time.Now()
				fmt.Fprintf(on.Err, "%d of %d entries\n", done, total)
			}
		})
		if err != nil {
			return fmt.Errorf("the ledger could not be read to its end: %w", err)
		}
		for _, finding := range report.Findings {
			fmt.Fprintln(on.Out, finding)
		}
		fmt.Fprintf(on.Out, "%d entries, %d under the newest checkpoint, %d checkpoints\n", report.Entries, report.Proven, report.Checkpoints)
		if !report.Sound() {
			return fmt.Errorf("the ledger does not verify: %d findings", len(report.Findings))
		}
		return nil
	})
}

type ledgerWhoSaw struct {
	database
	actor
	Scheme     string `help:"What kind of identifier it is; the register's own when left out."`
	Pseudonym  string `help:"The person's pseudonym, in place of an identifier."`
	Identifier string `arg:"" optional:"" help:"The person's identifier; it is not written down."`
	JSON       bool   `name:"json" help:"One JSON object on each line."`
}

// Run prints each time one person was shown, oldest first.
func (w *ledgerWhoSaw) Run(ctx context.Context, on *streams) error {
	if (w.Identifier == "") == (w.Pseudonym == "") {
		return usage("write either an identifier or --pseudonym")
	}
	return w.with(ctx, func(s settings, kept *store.Store) error {
		person, err := w.person(ctx, s, kept)
		if err != nil {
			return err
		}
		if err := w.record(ctx, kept, ledger.Entry{Kind: ledger.Read, Person: person, Detail: "who saw one person, by the command line"}); err != nil {
			return err
		}
		disclosures := ledger.Query{Person: person}.Disclosures(kept.Entries(ctx, 0))
		if w.JSON {
			return printJSON(on, disclosures)
		}
		return printDisclosures(on, disclosures)
	})
}

func (w *ledgerWhoSaw) person(ctx context.Context, s settings, kept *store.Store) (register.PersonID, error) {
	if w.Pseudonym != "" {
		return register.ParsePersonID(w.Pseudonym)
	}
	if w.Scheme == "" {
		w.Scheme = s.scheme
	}
	people, err := gate.NewDirectory(s.pseudonym, s.scheme, kept).People(ctx, []register.Ref{{Scheme: w.Scheme, Value: w.Identifier}})
	if err != nil {
		return register.PersonID{}, err
	}
	if people[0].IsZero() {
		return people[0], fmt.Errorf("this %s identifier leads to nobody", w.Scheme)
	}
	return people[0], nil
}

func printJSON(on *streams, entries iter.Seq2[ledger.Entry, error]) error {
	lines := json.NewEncoder(on.Out)
	for entry, err := range entries {
		if err != nil {
			return err
		}
		if err := lines.Encode(told(entry)); err != nil {
			return err
		}
	}
	return nil
}

func printDisclosures(on *streams, entries iter.Seq2[ledger.Entry, error]) error {
	table := tabwriter.NewWriter(on.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENTRY\tTIME\tACCOUNT\tORGANISATION\tSERVICE\tPURPOSE\tREASON\tFIELDS")
	for e, err := range entries {
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			e.Number, stamp(e.Time), e.Account, e.Organisation, e.Service, e.Purpose, e.Reason.Kind, e.Fields)
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
}

// Run prints each person who was shown to any of the accounts, with everything
// that was shown of them.
func (t *ledgerShownTo) Run(ctx context.Context, on *streams) error {
	return t.with(ctx, func(_ settings, kept *store.Store) error {
		query := ledger.Query{Since: t.Since.Time, Until: t.Until.Time}
		for _, account := range t.Account {
			query.Accounts = append(query.Accounts, roster.AccountID(account))
		}
		detail := "who was shown to " + strings.Join(t.Account, ", ") + ", by the command line"
		if err := t.record(ctx, kept, ledger.Entry{Kind: ledger.Read, Detail: detail}); err != nil {
			return err
		}
		people, err := query.Concerned(kept.Entries(ctx, 0))
		if err != nil {
			return err
		}
		switch {
		case t.JSON:
			return shownJSON(on, people)
		case t.CSV:
			return shownCSV(on, people)
		default:
			return shownTable(on, people)
		}
	})
}

func shownJSON(on *streams, people []ledger.Concerned) error {
	lines := json.NewEncoder(on.Out)
	for _, p := range people {
		if err := lines.Encode(struct {
			Person string    `json:"person"`
			Fields []string  `json:"fields"`
			Times  int       `json:"times"`
			First  time.Time `json:"first"`
			Last   time.Time `json:"last"`
		}{p.Person.Hex(), p.Fields.Names(), p.Times, p.First, p.Last}); err != nil {
			return err
		}
	}
	return nil
}

func shownCSV(on *streams, people []ledger.Concerned) error {
	rows := csv.NewWriter(on.Out)
	_ = rows.Write([]string{"person", "fields", "times", "first", "last"}) // told by rows.Error
	for _, p := range people {
		_ = rows.Write([]string{p.Person.Hex(), p.Fields.String(), strconv.Itoa(p.Times), stamp(p.First), stamp(p.Last)})
	}
	rows.Flush()
	return rows.Error()
}

func shownTable(on *streams, people []ledger.Concerned) error {
	table := tabwriter.NewWriter(on.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PERSON\tFIELDS\tTIMES\tFIRST\tLAST")
	for _, p := range people {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", p.Person.Hex(), p.Fields, p.Times, stamp(p.First), stamp(p.Last))
	}
	fmt.Fprintf(table, "%d people\n", len(people))
	return table.Flush()
}
