package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/roster"
)

// nameCommand leads pseudonyms back to people. Nothing that Poterne keeps does: it
// goes through the register's own list of identifiers and keeps those whose
// pseudonym is asked for.
type nameCommand struct {
	database
	Incident ledger.Number `xor:"whom" required:"" placeholder:"NUMBER" help:"List the people of this incident, so that they are told; --out is then for the pseudonyms that no identifier has, and nobody is named in a file."`
	List     string        `xor:"whom" required:"" type:"existingfile" placeholder:"FILE.csv" help:"A CSV with a column person of pseudonyms, as poterne ledger shown-to --out writes it."`
	Epoch    string        `placeholder:"MONTH" help:"The month whose pseudonyms the list has, when they are from the proofs of entries."`
	Register string        `required:"" placeholder:"FILE.csv" help:"A CSV of everybody's identifiers, from the register; - reads the standard input."`
	Column   string        `default:"identifier" help:"Which column of it has the identifiers."`
	Scheme   string        `help:"What kind of identifiers they are; the register's own when left out."`
	Out      string        `required:"" placeholder:"NAMED.csv" help:"The new file to write, readable by its owner only. Pseudonyms that no identifier has go into NAMED.csv.missing."`
	Because  string        `required:"" help:"Why; it is written in the ledger, and names nobody."`
	By       string        `required:"" help:"The account of who names people."`
	Approver string        `name:"approved-by" required:"" help:"The account of who approves: another person. One of the two is of the security desk."`
}

// Run writes in the ledger that people are named, then names them. It prints how
// many, and nothing that tells who.
func (n *nameCommand) Run(ctx context.Context, on *streams) error {
	return n.withIndex(ctx, on, func(o *app.Opened) error {
		from, err := opened(n.Register, on)
		if err != nil {
			return err
		}
		defer from.Close()
		if n.Incident > 0 {
			return config.StreamNew(n.Out, func(missing io.Writer) error {
				l, err := o.ListIncident(ctx, n.Incident, roster.AccountID(n.By), roster.AccountID(n.Approver), n.again(from), missing, func(int) {})
				fmt.Fprintf(on.Out, "%d people are listed; the register does not have %d, and %d exist for Poterne only\n", l.Found, l.Missing, l.Invented)
				return err
			})
		}
		identifiers, err := lookup.NewColumn(n.Register, from, n.Column)
		if err != nil {
			return usage("%v", err)
		}
		wanted, digest, err := n.wanted(o)
		if err != nil {
			return err
		}
		left := n.Out + ".missing"
		if _, err := os.Lstat(left); err == nil {
			return usage("%s is there already; write another --out", left)
		}
		search, due := lookup.NewSearch(wanted, o.Directory(), cmp.Or(n.Scheme, o.Schemes.Own())), app.Pace()
		err = config.StreamNew(n.Out, func(to io.Writer) error {
			naming := grants.Naming{
				By: roster.AccountID(n.By), Approver: roster.AccountID(n.Approver), People: len(wanted), List: digest, Because: n.Because,
			}
			if _, err := journal.Do(ctx, o.Writer(), naming); err != nil {
				return fmt.Errorf("nobody is named: %w", err)
			}
			return search.Run(ctx, identifiers, to, func(read int) {
				if due() {
					fmt.Fprintf(on.Err, "%d identifiers so far\n", read)
				}
			})
		})
		if err != nil {
			return err
		}
		missing := search.Missing()
		fmt.Fprintf(on.Out, "%d pseudonyms, %d people named in %s\n", len(wanted), len(wanted)-len(missing), n.Out)
		if len(missing) == 0 {
			return nil
		}
		if err := config.StreamNew(left, func(to io.Writer) error { return lookup.WritePseudonyms(to, missing) }); err != nil {
			return err
		}
		return fmt.Errorf("no identifier in %s has %d of the pseudonyms, which are in %s: is the list of identifiers whole, and of the right kind?", n.Register, len(missing), left)
	})
}

// again opens the column of identifiers at its first, each time it is called.
func (n *nameCommand) again(from io.Reader) func() (*lookup.Column, error) {
	read := false
	return func() (*lookup.Column, error) {
		if read {
			file, is := from.(io.Seeker)
			if !is {
				return nil, usage("so many people are looked for a portion at a time, and %s can be read only once: write a file for --register", n.Register)
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return nil, usage("so many people are looked for a portion at a time, and %s cannot be read again: %v", n.Register, err)
			}
		}
		read = true
		identifiers, err := lookup.NewColumn(n.Register, from, n.Column)
		if err != nil {
			return nil, usage("%v", err)
		}
		return identifiers, nil
	}
}

// wanted reads the list: whom it asks for, each once, and its SHA-256.
func (n *nameCommand) wanted(o *app.Opened) (people []register.PersonID, digest [sha256.Size]byte, err error) {
	reveal := func(*register.PersonID) {}
	if n.Epoch != "" {
		month, err := ledger.ParseMonth(n.Epoch)
		if err != nil {
			return nil, digest, usage("%v", err)
		}
		key, err := o.Pseudonyms.Key(month)
		if err != nil {
			return nil, digest, err
		}
		reveal = key.Pseudonyms().Reveal
	}
	file, err := os.Open(n.List)
	if err != nil {
		return nil, digest, err
	}
	defer file.Close()
	sum := sha256.New()
	list, err := lookup.NewColumn(n.List, io.TeeReader(file, sum), "person")
	if err != nil {
		return nil, digest, usage("%v", err)
	}
	if people, err = list.Pseudonyms(); err != nil {
		return nil, digest, err
	}
	if len(people) == 0 {
		return nil, digest, usage("%s is empty; people are named from a list", n.List)
	}
	for i := range people {
		reveal(&people[i])
	}
	return people, [sha256.Size]byte(sum.Sum(nil)), nil
}
