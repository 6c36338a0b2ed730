package index

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Question asks which people were shown to some accounts, from Since on and before Until;
// a zero time is no bound.
type Question struct {
	Accounts     []roster.AccountID
	Since, Until time.Time
}

// String says what is asked, exactly and on one line.
func (q Question) String() string {
	var said strings.Builder
	said.WriteString("shown to ")
	for i, account := range q.Accounts {
		if i > 0 {
			said.WriteString(", ")
		}
		said.WriteString(string(account))
	}
	if !q.Since.IsZero() {
		fmt.Fprintf(&said, ", from %s on", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if !q.Until.IsZero() {
		fmt.Fprintf(&said, ", before %s", q.Until.UTC().Format(time.RFC3339Nano))
	}
	return said.String()
}

// Reading is the question as the ledger has it that it was asked: for counts, or for the
// list.
func (q Question) Reading(what ledger.State) ledger.Entry {
	accounts := make([]string, len(q.Accounts))
	for i, account := range q.Accounts {
		accounts[i] = string(account)
	}
	return ledger.Entry{State: what, Target: strings.Join(accounts, " "), Since: ledger.Cut(q.Since), Until: ledger.Cut(q.Until)}
}

// Reached is what was shown to one account.
type Reached struct {
	Account     roster.AccountID
	People      int
	Unexplained int // of those people: shown at least once without a reason
	Disclosures int
	First, Last time.Time // of the disclosures; zero when there is none
}

// ByAccount counts what was shown to each account, in the order they were first asked about. A
// person may have been shown to several.
func (s Shown) ByAccount(ctx context.Context) ([]Reached, error) {
	accounts := slices.Clone(s.Accounts)
	for _, q := range s.Also {
		for _, account := range q.Accounts {
			if !slices.Contains(accounts, account) {
				accounts = append(accounts, account)
			}
		}
	}
	reached := make([]Reached, len(accounts))
	for i, account := range accounts {
		all, err := s.search.only(account).count(ctx, true)
		if err != nil {
			return nil, err
		}
		reached[i] = Reached{Account: account, People: all.people, Unexplained: all.unexplained(), Disclosures: all.disclosures}
		if all.people > 0 {
			reached[i].First, reached[i].Last = fromMicro(all.first), fromMicro(all.last)
		}
	}
	return reached, nil
}

// Span is when the first of the disclosures was, and the last; zero times when there are none.
// It reads no more than the segments at both ends.
func (s Shown) Span(ctx context.Context) (first, last time.Time, err error) {
	bySegment := make(map[int][]run)
	for _, r := range s.search.runs {
		bySegment[r.segment.Number] = append(bySegment[r.segment.Number], r)
	}
	const open = math.MaxInt // after each sealed segment
	numbers := append(slices.Sorted(maps.Keys(bySegment)), open)
	in := func(number int) (counted, error) {
		part := *s.search
		if part.runs = bySegment[number]; number != open {
			part.open = make([][]disclosure, s.search.shape.Pages)
		}
		return part.count(ctx, true)
	}
	for _, number := range numbers {
		c, err := in(number)
		if err != nil {
			return first, last, err
		}
		if c.people > 0 {
			first = fromMicro(c.first)
			break
		}
	}
	for _, number := range slices.Backward(numbers) {
		c, err := in(number)
		if err != nil {
			return first, last, err
		}
		if c.people > 0 {
			last = fromMicro(c.last)
			break
		}
	}
	return first, last, nil
}

// only is the part of a search that is about one account.
func (s *search) only(account roster.AccountID) *search {
	one := *s
	one.runs = slices.DeleteFunc(slices.Clone(s.runs), func(r run) bool { return r.account != account })
	one.open = make([][]disclosure, len(s.open))
	for page, shown := range s.open {
		for _, d := range shown {
			if s.snapshot.open.names[d.account] == account {
				one.open[page] = append(one.open[page], d)
			}
		}
	}
	return &one
}

// Counted says what was asked and how many people it comes to, a line each.
func (s Shown) Counted() string {
	said := s.Question.String() + "\n"
	for _, q := range s.Also {
		said += "or " + q.String() + "\n"
	}
	said += fmt.Sprintf("%d people, %d times\n", s.People, s.Disclosures)
	for _, category := range s.Categories {
		said += fmt.Sprintf("%s of %d\n", s.Names.Of(category.Field).ID, category.People)
	}
	return said
}

// WriteCSV writes each person once, as All yields them, and returns the SHA-256 of
// what it wrote. Nothing needs quoting: no column can hold a comma.
func (s Shown) WriteCSV(ctx context.Context, to io.Writer) (digest string, err error) {
	sum := sha256.New()
	to = io.MultiWriter(to, sum)
	if _, err := io.WriteString(to, "person,fields,reason,times,first,last\n"); err != nil {
		return "", err
	}
	sets := make(map[register.Fields]string)
	var line []byte
	for p, err := range s.All(ctx) {
		if err != nil {
			return "", err
		}
		if _, known := sets[p.Fields]; !known {
			sets[p.Fields] = s.Names.Joined(p.Fields)
		}
		line = append(hex.AppendEncode(line[:0], p.Person[:]), ',')
		line = append(append(line, sets[p.Fields]...), ',')
		line = append(append(line, p.reason()...), ',')
		line = append(strconv.AppendInt(line, int64(p.Times), 10), ',')
		line = append(p.First.AppendFormat(line, time.RFC3339), ',')
		line = append(p.Last.AppendFormat(line, time.RFC3339), '\n')
		if _, err := to.Write(line); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// WriteJSON writes each person as one JSON object on a line.
func (s Shown) WriteJSON(ctx context.Context, to io.Writer) error {
	lines := json.NewEncoder(to)
	for p, err := range s.All(ctx) {
		if err != nil {
			return err
		}
		if err := lines.Encode(struct {
			Person string    `json:"person"`
			Fields []string  `json:"fields"`
			Reason string    `json:"reason"`
			Times  int       `json:"times"`
			First  time.Time `json:"first"`
			Last   time.Time `json:"last"`
		}{p.Person.Hex(), s.Names.IDs(p.Fields), p.reason(), p.Times, p.First, p.Last}); err != nil {
			return err
		}
	}
	return nil
}

// WriteTable writes each person as a line for people to read.
func (s Shown) WriteTable(ctx context.Context, to io.Writer) error {
	const row = "%-32s  %-6s  %5s  %-20s  %-20s  %s\n"
	if _, err := fmt.Fprintf(to, row, "PERSON", "REASON", "TIMES", "FIRST", "LAST", "FIELDS"); err != nil {
		return err
	}
	for p, err := range s.All(ctx) {
		if err != nil {
			return err
		}
		first, last := p.First.UTC().Format(time.RFC3339), p.Last.UTC().Format(time.RFC3339)
		if _, err := fmt.Fprintf(to, row, p.Person.Hex(), p.reason(), strconv.Itoa(p.Times), first, last, s.Names.Joined(p.Fields)); err != nil {
			return err
		}
	}
	return nil
}

// reason is whether each time there was one, in a word of lists.
func (c Concerned) reason() string {
	if c.Unexplained {
		return "none"
	}
	return "known"
}

// WriteArchive writes a list as CSV and its seal, packed together under a name: an
// archive that was cut short opens nowhere.
func (s Shown) WriteArchive(ctx context.Context, to io.Writer, name string, checkpoint []byte) error {
	out := bufio.NewWriterSize(to, 1<<16)
	packed := zip.NewWriter(out)
	packed.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	list, err := packed.Create(name + ".csv")
	if err != nil {
		return err
	}
	digest, err := s.WriteCSV(ctx, list)
	if err != nil {
		return err
	}
	seal, err := packed.Create(name + ".csv.seal")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(seal, s.Seal(digest, checkpoint)); err != nil {
		return err
	}
	return errors.Join(packed.Close(), out.Flush())
}

// RestsOn says which entries an answer holds for, and gives the signed checkpoint
// that covers all of them.
func (s Shown) RestsOn(checkpoint []byte) string {
	return fmt.Sprintf("from entry %d, which was written at %s, and before entry %d; the last was written at %s; checkpoint:\n%s",
		s.From, s.Begun.Format(time.RFC3339Nano), s.Before, s.Last.Format(time.RFC3339Nano), checkpoint)
}

// Seal is what a list, by its digest, is worth: the question, the count, and what
// the answer rests on.
func (s Shown) Seal(digest string, checkpoint []byte) string {
	return s.Counted() + "sha256 " + digest + "\n" + s.RestsOn(checkpoint)
}

// Covering returns the signed checkpoint that covers every entry before one. If there
// is none yet, it is signed now.
func Covering(ctx context.Context, storage ledger.Storage, signer note.Signer, verifier note.Verifier, before ledger.Number) ([]byte, error) {
	sequencer, err := ledger.NewSequencer(ctx, storage, signer, verifier, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	for {
		signed, err := storage.Checkpoint(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for the newest checkpoint: %w", err)
		}
		if signed != nil {
			head, err := ledger.OpenCheckpoint(signed, verifier)
			if err != nil {
				return nil, err
			}
			if head.Size >= int64(before) {
				return signed, nil
			}
		}
		if _, err := sequencer.Step(ctx); err != nil {
			return nil, fmt.Errorf("no checkpoint covers the answer: %w", err)
		}
	}
}
