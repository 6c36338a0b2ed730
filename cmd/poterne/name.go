package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// nameCommand leads pseudonyms back to people. Nothing that Poterne keeps does: it
// goes through the register's own list of identifiers and keeps those whose
// pseudonym is asked for.
type nameCommand struct {
	database
	List     string `required:"" type:"existingfile" placeholder:"FILE.csv" help:"A CSV with a column person of pseudonyms, as poterne ledger shown-to --out writes it."`
	Epoch    string `placeholder:"MONTH" help:"The month whose pseudonyms the list has, when they are from the proofs of entries."`
	Register string `required:"" placeholder:"FILE.csv" help:"A CSV of everybody's identifiers, from the register; - reads the standard input."`
	Column   string `default:"identifier" help:"Which column of it has the identifiers."`
	Scheme   string `help:"What kind of identifiers they are; the register's own when left out."`
	Out      string `required:"" placeholder:"NAMED.csv" help:"The new file to write, readable by its owner only. Pseudonyms that no identifier has go into NAMED.csv.missing."`
	Because  string `required:"" help:"Why; it is written in the ledger, and names nobody."`
	By       string `required:"" help:"The account of who names people."`
	Approver string `name:"approved-by" required:"" help:"The account of who approves: another person. One of the two is of the security desk."`
}

// Run writes in the ledger that people are named, then names them. It prints how
// many, and nothing that tells who.
func (n *nameCommand) Run(ctx context.Context, on *streams) error {
	return n.with(ctx, func(s settings, kept *store.Store) error {
		wanted, digest, err := n.wanted(s)
		if err != nil {
			return err
		}
		identifiers, closing, err := n.identifiers(on)
		if err != nil {
			return err
		}
		defer closing()
		left := n.Out + ".missing"
		if _, err := os.Lstat(left); err == nil {
			return usage("%s is there already; write another --out", left)
		}
		search := naming{wanted: wanted, found: make([]bool, len(wanted)), directory: gate.NewDirectory(s.Pseudonym, s.Schemes, kept), scheme: cmp.Or(n.Scheme, s.Schemes.Own())}
		err = streamNew(n.Out, func(to io.Writer) error {
			naming := grants.Naming{
				By: roster.AccountID(n.By), Approver: roster.AccountID(n.Approver), People: len(wanted), List: digest, Because: n.Because,
			}
			if _, err := journal.Do(ctx, outside(kept), naming); err != nil {
				return fmt.Errorf("nobody is named: %w", err)
			}
			return search.run(ctx, identifiers, to, on.Err)
		})
		if err != nil {
			return err
		}
		missing := search.missing()
		fmt.Fprintf(on.Out, "%d pseudonyms, %d people named in %s\n", len(wanted), len(wanted)-len(missing), n.Out)
		if len(missing) == 0 {
			return nil
		}
		if err := streamNew(left, func(to io.Writer) error { return writePseudonyms(to, missing) }); err != nil {
			return err
		}
		return fmt.Errorf("no identifier in %s has %d of the pseudonyms, which are in %s: is the list of identifiers whole, and of the right kind?", n.Register, len(missing), left)
	})
}

// wanted reads the list: whom it asks for, sorted and each once, and its SHA-256.
func (n *nameCommand) wanted(s settings) (people []register.PersonID, digest [sha256.Size]byte, err error) {
	lift := func(*register.PersonID) {}
	if n.Epoch != "" {
		month, err := ledger.ParseMonth(n.Epoch)
		if err != nil {
			return nil, digest, usage("%v", err)
		}
		key, err := s.Veil.Key(month)
		if err != nil {
			return nil, digest, err
		}
		lift = key.Veil().Lift
	}
	file, err := os.Open(n.List)
	if err != nil {
		return nil, digest, err
	}
	defer file.Close()
	sum := sha256.New()
	list, err := newColumn(n.List, io.TeeReader(file, sum), "person")
	if err != nil {
		return nil, digest, err
	}
	for {
		text, err := list.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, digest, err
		}
		person, err := register.ParsePersonID(text)
		if err != nil || person.IsZero() {
			return nil, digest, fmt.Errorf("%s:%d: not a pseudonym, which is 32 hexadecimal digits; nobody is named", n.List, list.line())
		}
		lift(&person)
		people = append(people, person)
	}
	if len(people) == 0 {
		return nil, digest, usage("%s is empty; people are named from a list", n.List)
	}
	slices.SortFunc(people, compare)
	return slices.Compact(people), [sha256.Size]byte(sum.Sum(nil)), nil
}

func compare(a, b register.PersonID) int { return bytes.Compare(a[:], b[:]) }

// identifiers opens the register's list.
func (n *nameCommand) identifiers(on *streams) (*column, func(), error) {
	from, closing := on.In, func() {}
	if n.Register != "-" {
		file, err := os.Open(n.Register)
		if err != nil {
			return nil, nil, err
		}
		from, closing = file, func() { _ = file.Close() }
	}
	identifiers, err := newColumn(n.Register, from, n.Column)
	if err != nil {
		closing()
		return nil, nil, err
	}
	return identifiers, closing, nil
}

// naming is a search for the people whose pseudonyms are wanted.
type naming struct {
	wanted    []register.PersonID // sorted
	found     []bool              // each of them
	directory *gate.Directory
	scheme    string
}

// run goes through the identifiers and writes down those that are somebody's who is
// wanted. Every core looks; what it needs does not grow with the register.
func (n *naming) run(ctx context.Context, identifiers *column, to, progress io.Writer) error {
	out := csv.NewWriter(to)
	if err := out.Write([]string{"person", "identifier"}); err != nil {
		return err
	}
	const each = 1 << 13
	refs := make([]register.Ref, 0, each*runtime.GOMAXPROCS(0))
	places := make([]int, cap(refs))
	read, told := 0, time.Now()
	for ended := false; !ended; {
		for refs = refs[:0]; len(refs) < cap(refs); {
			identifier, err := identifiers.next()
			if ended = errors.Is(err, io.EOF); ended {
				break
			}
			if err != nil {
				return err
			}
			refs = append(refs, register.Ref{Scheme: n.scheme, Value: identifier})
		}
		group, ctx := errgroup.WithContext(ctx)
		for start := 0; start < len(refs); start += each {
			end := min(start+each, len(refs))
			group.Go(func() error { return n.look(ctx, refs[start:end], places[start:end]) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, place := range places[:len(refs)] {
			if place < 0 {
				continue
			}
			n.found[place] = true
			if err := out.Write([]string{n.wanted[place].Hex(), refs[i].Value}); err != nil {
				return err
			}
		}
		if read += len(refs); time.Since(told) > time.Second {
			told = time.Now()
			fmt.Fprintf(progress, "%d identifiers so far\n", read)
		}
	}
	out.Flush()
	return out.Error()
}

// look says for each identifier which of those wanted it leads to, or -1.
func (n *naming) look(ctx context.Context, refs []register.Ref, places []int) error {
	people, err := n.directory.People(ctx, refs)
	if err != nil {
		return err
	}
	for i, person := range people {
		place, wanted := slices.BinarySearchFunc(n.wanted, person, compare)
		if !wanted {
			place = -1
		}
		places[i] = place
	}
	return ctx.Err()
}

// missing returns those that were not found.
func (n *naming) missing() (people []register.PersonID) {
	for i, found := range n.found {
		if !found {
			people = append(people, n.wanted[i])
		}
	}
	return people
}

func writePseudonyms(to io.Writer, people []register.PersonID) error {
	if _, err := io.WriteString(to, "person\n"); err != nil {
		return err
	}
	for _, person := range people {
		if _, err := io.WriteString(to, person.Hex()+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// column is one column of a CSV file. What is wrong is told by line, never by what
// stands there: it may be somebody's.
type column struct {
	file  string
	cells *csv.Reader
	place int
}

// newColumn finds a column by its name in the first line. Cells are separated by
// commas, or by semicolons when the first line has no comma.
func newColumn(file string, from io.Reader, name string) (*column, error) {
	in := bufio.NewReaderSize(from, 1<<16)
	first, _ := in.Peek(1 << 12) // less when there is less, which is no error
	first, _, _ = bytes.Cut(first, []byte("\n"))
	if mark := []byte("\ufeff"); bytes.HasPrefix(first, mark) {
		_, _ = in.Discard(len(mark)) // it was peeked at
	}
	c := &column{file: file, cells: csv.NewReader(in)}
	if bytes.ContainsRune(first, ';') && !bytes.ContainsRune(first, ',') {
		c.cells.Comma = ';'
	}
	c.cells.ReuseRecord = true
	names, err := c.cells.Read()
	if errors.Is(err, io.EOF) {
		return nil, usage("%s is empty", file)
	}
	if c.place = slices.Index(names, name); err != nil || c.place < 0 {
		return nil, usage("the first line of %s names no column %q", file, name)
	}
	return c, nil
}

// next returns the next cell; io.EOF at the end.
func (c *column) next() (string, error) {
	row, err := c.cells.Read()
	if errors.Is(err, io.EOF) {
		return "", io.EOF
	}
	if damaged, ok := errors.AsType[*csv.ParseError](err); ok {
		return "", fmt.Errorf("%s:%d: not a line of CSV with as many cells as the first", c.file, damaged.Line)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", c.file, err)
	}
	return strings.TrimSpace(row[c.place]), nil
}

// line is the number of the line that was read last.
func (c *column) line() int {
	line, _ := c.cells.FieldPos(0)
	return line
}
