package logplay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// event is one line of a log that is played.
type event struct {
	line         int
	at           time.Time
	does         deed
	account      roster.AccountID
	organisation roster.OrganisationID
	role         roster.Role
	person       register.PersonID
	reason       reason.FactKind
	assignee     roster.AccountID // of assigns; account then says who assigns, and may be empty
}

// deed is what an event does.
type deed uint8

const (
	opens deed = iota
	writes
	assigns
	ignored
)

// column is what a cell tells.
type column uint8

const (
	account column = iota
	person
	moment
	organisation
	role
	why
	action
	assignee
	columns
)

var columnNames = [columns]string{"account", "person", "time", "organisation", "role", "reason", "action", "assignee"}

// row is one event as a file has it.
type row struct {
	line  int
	cells [columns]string
}

// named returns where the mapping keeps the name of a column.
func (c *Columns) named(of column) *string {
	return [columns]*string{&c.Account, &c.Person, &c.Time, &c.Organisation, &c.Role, &c.Reason, &c.Action, &c.Assignee}[of]
}

// lineError is what is wrong with a log, and where.
type lineError struct {
	file string
	line int
	err  error
}

func (e lineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.file, e.line, e.err) }

func (e lineError) Unwrap() error { return e.err }

// largest is how long a line, a record or an element may be.
const largest = 1 << 20

var errTooLong = fmt.Errorf("a record is longer than %d bytes: is a quotation mark, or an element, left open?", largest)

// bounded reads what a parser asks for, and fails when one record takes too much: a
// file MUST NOT make a parser hold all of it.
type bounded struct {
	from  io.Reader
	since int // the record began
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.since > largest {
		return 0, errTooLong
	}
	n, err := b.from.Read(p)
	b.since += n
	return n, err
}

// begin says that a new record begins.
func (b *bounded) begin() { b.since = 0 }

// opened is a log's file: decompressed, and without a byte order mark.
type opened struct {
	*bounded
	isXES bool
	file  *os.File
}

func (o opened) Close() error { return o.file.Close() }

// open opens a log and finds out what it is.
func open(path string) (opened, error) {
	file, err := os.Open(path)
	if err != nil {
		return opened{}, err
	}
	text, isXES, err := decoded(file)
	if err != nil {
		return opened{}, errors.Join(lineError{path, 1, err}, file.Close())
	}
	return opened{&bounded{from: text}, isXES, file}, nil
}

func decoded(file io.Reader) (io.Reader, bool, error) {
	in := bufio.NewReaderSize(file, 1<<16)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, false, fmt.Errorf("this is not a whole gzip file: %w", err)
		}
		in = bufio.NewReaderSize(unpacked, 1<<16)
	}
	begins, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	switch {
	case len(bytes.TrimSpace(begins)) == 0:
		return nil, false, errors.New("nothing is in this file; a log begins with a line of column names, or with <log>")
	case bytes.HasPrefix(begins, []byte("\xff\xfe")), bytes.HasPrefix(begins, []byte("\xfe\xff")):
		return nil, false, errors.New("this is UTF-16; save the file as UTF-8")
	case bytes.HasPrefix(begins, []byte("PK\x03\x04")):
		return nil, false, errors.New("this is a ZIP archive or a spreadsheet; save the sheet as CSV, or unpack the archive")
	case bytes.HasPrefix(begins, []byte("\xef\xbb\xbf")):
		if _, err := in.Discard(3); err != nil {
			return nil, false, err
		}
		begins = begins[3:]
	}
	return in, bytes.HasPrefix(bytes.TrimSpace(begins), []byte("<")), nil
}

// log is a file with the way to read it.
type log struct {
	path  string
	asked Mapping
	read  *reading
	key   register.Key
	names map[string]string   // of accounts, organisations and assignees: each is kept once
	left  map[string]*Ignored // by key and word
	roles map[string]int      // words of which no role is known
	words map[string]int      // of actions
}

// mostWords is how many different actions or roles a log may tell of.
const mostWords = 1000

// nowhere is the organisation of accounts whose log tells none.
const nowhere roster.OrganisationID = "everybody"

// name keeps a name once.
func (l *log) name(text string) string {
	kept, known := l.names[text]
	if !known {
		kept = strings.Clone(text)
		l.names[kept] = kept
	}
	return kept
}

// counted adds to a word's count.
func counted(of map[string]int, word string, what column) error {
	if _, known := of[word]; !known {
		if word = strings.Clone(word); len(of) == mostWords {
			return fmt.Errorf("this is one more than %d different words for the %s; does the mapping name the right column?", mostWords, columnNames[what])
		}
	}
	of[word]++
	return nil
}

// Ignored counts lines that are not played, on purpose.
type Ignored struct {
	Why   string `json:"why"`
	Word  string `json:"word,omitempty"`
	Count int    `json:"count"`
	First int    `json:"first_line"`
}

// Message says why, and which.
func (i Ignored) Message() (key string, values []any) {
	return "logplay.ignored-" + i.Why, []any{"word", i.Word, "n", i.Count, "line", i.First}
}

func (l *log) ignore(line int, why, word string) {
	if one, known := l.left[why+word]; known {
		one.Count++
		return
	}
	word = strings.Clone(word)
	l.left[why+word] = &Ignored{why, word, 1, line}
}

// events yields what is played, in the file's order, and ends at the first line that
// cannot be read.
func (l *log) events() iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		l.left, l.roles, l.words, l.names = make(map[string]*Ignored), make(map[string]int), make(map[string]int), make(map[string]string)
		file, err := open(l.path)
		if err != nil {
			yield(event{}, err)
			return
		}
		defer file.Close()
		rows := l.csv
		if file.isXES {
			rows = l.xes
		}
		err = rows(file, func(r row) (bool, error) {
			e, played, err := l.event(r)
			if err != nil {
				return false, lineError{l.path, r.line, err}
			}
			return !played || yield(e, nil), nil
		})
		if err != nil {
			yield(event{}, err)
		}
	}
}

// event reads a row.
func (l *log) event(r row) (e event, played bool, err error) {
	for i := range r.cells {
		if r.cells[i] = strings.TrimSpace(r.cells[i]); len(r.cells[i]) > 1024 {
			return e, false, fmt.Errorf("its %s is longer than 1,024 bytes", columnNames[i])
		}
	}
	e = event{line: r.line, account: roster.AccountID(l.name(r.cells[account]))}
	if word := r.cells[action]; word != "" {
		e.does = l.read.deed(word)
		if err := counted(l.words, word, action); err != nil {
			return e, false, err
		}
	}
	switch {
	case e.does == ignored:
		l.ignore(r.line, "action", r.cells[action])
		return e, false, nil
	case r.cells[account] == "":
		l.ignore(r.line, "account", "")
		return e, false, nil
	case r.cells[person] == "":
		l.ignore(r.line, "person", "")
		return e, false, nil
	}
	if e.at, err = l.read.time(r.cells[moment]); err != nil {
		return e, false, err
	}
	if e.role, err = l.role(r.cells[role]); err != nil {
		return e, false, err
	}
	if e.reason, err = l.kind(r.cells[why]); err != nil {
		return e, false, err
	}
	e.person, e.organisation = l.key.Person(r.cells[person]), roster.OrganisationID(l.name(r.cells[organisation]))
	if e.organisation == "" {
		e.organisation = nowhere
	}
	if e.does == assigns {
		if to := r.cells[assignee]; to != "" {
			e.assignee = roster.AccountID(l.name(to))
		} else { // the log tells only whose the item is now
			e.account, e.assignee = "", e.account
		}
	}
	return e, true, nil
}

func (l *log) role(word string) (roster.Role, error) {
	if word == "" {
		return l.read.role, nil
	}
	if known, ok := l.read.roles[word]; ok {
		return known, nil
	}
	if len(l.read.roles) > 0 {
		return "", fmt.Errorf("nothing says what the role %s is; write in the mapping, under [roles], %s = one of %q", quoted(word), quoted(word), l.read.readers)
	}
	if known, err := l.read.reader(strings.ToLower(word)); err == nil {
		return known, nil
	}
	return l.read.role, counted(l.roles, word, role)
}

func (l *log) kind(word string) (reason.FactKind, error) {
	if word == "" {
		return reason.None, nil
	}
	if kind, known := l.read.kinds[word]; known {
		return kind, nil
	}
	if len(l.read.kinds) > 0 {
		return reason.None, fmt.Errorf("nothing says what the reason %s is; write in the mapping, under [reason-kinds], %s = \"appointment\", \"call\", \"desk-ticket\", \"message\", \"caseload\", \"enrolment\" or \"none\"", quoted(word), quoted(word))
	}
	if kind, err := reason.ParseFactKind(strings.ToLower(word)); err == nil && kind != reason.Protected {
		return kind, nil
	}
	return reason.None, fmt.Errorf("%s is no kind of reason; list the log's words in the mapping, under [reason-kinds], or name no column for them", quoted(word))
}
