package mailing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/roster"
)

// Lister makes the list of the people of a file. Nothing that Poterne keeps leads a
// pseudonym back to a person: it goes through the register's own list of identifiers.
type Lister struct {
	Files interface {
		// Files returns every file, the last opened first.
		Files(context.Context) ([]incident.File, error)
		// Do writes a line, and returns the number of its entry.
		Do(context.Context, incident.Write) (ledger.Number, error)
	}
	Index interface {
		// ShownToAny counts the people whom one question asks about, or another.
		ShownToAny(ctx context.Context, first index.Question, also ...index.Question) (index.Shown, error)
	}
	Rows      Rows
	Directory lookup.Directory
	Scheme    string                       // of the identifiers
	Reserved  func(register.PersonID) bool // who exists for Poterne only, and is told nothing
	Portion   int                          // how many people are looked for at once, which bounds the memory that a list takes; 0: a million
}

func (l Lister) portion() int { return cmp.Or(l.Portion, 1_000_000) }

// List has the people of a file named and listed: by signs, and approver, who is another
// person. The register's identifiers are read from their first once for each portion of the
// people. Those who are missing are written to missing, a pseudonym a line.
func (l Lister) List(ctx context.Context, file ledger.Number, by, approver roster.AccountID, identifiers func() (*lookup.Column, error), missing io.Writer, tell func(read int)) (incident.Listing, error) {
	var listing incident.Listing
	files, err := l.Files.Files(ctx)
	if err != nil {
		return listing, err
	}
	i := slices.IndexFunc(files, func(f incident.File) bool { return f.Number == file })
	if i < 0 || files[i].Count == nil {
		return listing, fault.Errorf(fault.Absent, "there is no incident %d whose people were counted", file)
	}
	told, err := l.told(ctx, files[i].Told)
	if err != nil {
		return listing, err
	}
	questions := Questions(files[i].Count.Scopes())
	shown, err := l.Index.ShownToAny(ctx, questions[0], questions[1:]...)
	if err != nil {
		return listing, err
	}
	people, digest, err := counted(wanted(ctx, shown, told))
	if err != nil {
		return listing, err
	}
	first, err := identifiers()
	if err == nil && people > l.portion() { // a list that can be read only once is refused before anybody is named
		first, err = identifiers()
	}
	if err != nil {
		return listing, err
	}
	naming := incident.Naming{People: people, Before: shown.People - people, List: digest}
	number, err := l.Files.Do(ctx, incident.Write{File: file, By: by, Approver: approver, Step: &naming})
	if err != nil {
		return listing, fmt.Errorf("nobody is named: %w", err)
	}
	w := &listWriter{rows: l.Rows, list: number, sum: sha256.New()}
	if err := lookup.WritePseudonyms(missing, nil); err != nil {
		return listing, err
	}
	for some, err := range portions(wanted(ctx, shown, told), l.portion()) {
		if err != nil {
			return listing, err
		}
		before := len(some)
		some = slices.DeleteFunc(some, func(p shownTo) bool { return l.Reserved(p.id) })
		listing.Invented += before - len(some)
		column := first
		if first = nil; column == nil {
			if column, err = identifiers(); err != nil {
				return listing, err
			}
		}
		left, err := l.find(ctx, some, column, w, tell)
		if err != nil {
			return listing, err
		}
		listing.Missing += len(left)
		if err := lookup.AppendPseudonyms(missing, left); err != nil {
			return listing, err
		}
	}
	if err := w.end(ctx); err != nil {
		return listing, err
	}
	listing.Found, listing.List = w.found, hex.EncodeToString(w.sum.Sum(nil))
	_, err = l.Files.Do(ctx, incident.Write{File: file, By: by, Step: &listing})
	return listing, err
}

// find puts those of some people on the list to whom identifiers lead, and returns the others.
func (l Lister) find(ctx context.Context, some []shownTo, identifiers *lookup.Column, w *listWriter, tell func(read int)) (left []register.PersonID, err error) {
	ids := make([]register.PersonID, len(some))
	for i := range some {
		ids[i] = some[i].id
	}
	search := lookup.NewSearch(ids, l.Directory, l.Scheme)
	from, to := io.Pipe()
	searched := make(chan error, 1)
	go func() {
		err := search.Run(ctx, identifiers, to, tell)
		searched <- err
		_ = to.CloseWithError(err)
	}()
	err = w.put(ctx, some, from)
	_ = from.CloseWithError(err)
	if err := errors.Join(err, <-searched); err != nil {
		return nil, err
	}
	return search.Missing(), nil
}

// shownTo is what was shown of somebody, small: there may be millions.
type shownTo struct {
	id          register.PersonID
	fields      uint32
	first, last uint32 // seconds
}

// Questions ask who was shown in some scopes.
func Questions(scopes []incident.Scope) (questions []index.Question) {
	for _, s := range scopes {
		questions = append(questions, index.Question{Accounts: s.Accounts, Since: s.Since, Until: s.Until})
	}
	return questions
}

// told are the people, in the order of their pseudonyms, who were told before the file was
// merged with another: by mail or by letter, or by a mail that is in doubt, which is never sent
// again by itself.
func (l Lister) told(ctx context.Context, rounds []incident.Round) (told []register.PersonID, err error) {
	for _, r := range rounds {
		var parts []int
		part := 0
		for fates, err := range l.Rows.Fates(ctx, r.List) {
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(fates, wasTold) {
				parts = append(parts, part)
			}
			part++
		}
		for _, part := range parts {
			raw, fates, err := l.Rows.Part(ctx, r.List, part)
			if err != nil {
				return nil, err
			}
			people, err := decode(raw)
			if err != nil {
				return nil, err
			}
			for i, fate := range fates {
				if wasTold(fate) {
					told = append(told, people[i].ID)
				}
			}
		}
	}
	slices.SortFunc(told, byPseudonym)
	return told, nil
}

func wasTold(fate byte) bool {
	return Fate(fate) == Taken || Fate(fate) == Printed || Fate(fate) == Doubted || Fate(fate) == Intended
}

func byPseudonym(a, b register.PersonID) int { return bytes.Compare(a[:], b[:]) }

// wanted is who was shown, but for those who were told, in the order of pseudonyms.
func wanted(ctx context.Context, shown index.Shown, told []register.PersonID) iter.Seq2[shownTo, error] {
	return func(yield func(shownTo, error) bool) {
		for c, err := range shown.All(ctx) {
			if _, is := slices.BinarySearchFunc(told, c.Person, byPseudonym); is && err == nil {
				continue
			}
			if !yield(shownTo{c.Person, uint32(c.Fields), uint32(c.First.Unix()), uint32(c.Last.Unix())}, err) || err != nil {
				return
			}
		}
	}
}

// counted is how many people there are, and the digest of their pseudonyms.
func counted(people iter.Seq2[shownTo, error]) (count int, digest string, err error) {
	sum := sha256.New()
	for p, err := range people {
		if err != nil {
			return 0, "", err
		}
		count++
		sum.Write(p.id[:])
	}
	return count, hex.EncodeToString(sum.Sum(nil)), nil
}

// portions yields as many people at once as are looked for together. The slice is used again.
func portions(people iter.Seq2[shownTo, error], each int) iter.Seq2[[]shownTo, error] {
	return func(yield func([]shownTo, error) bool) {
		var some []shownTo
		for p, err := range people {
			if err != nil {
				yield(nil, err)
				return
			}
			if some = append(some, p); len(some) == each {
				if !yield(some, nil) {
					return
				}
				some = some[:0]
			}
		}
		if len(some) > 0 {
			yield(some, nil)
		}
	}
}

// listWriter stores people in parts.
type listWriter struct {
	rows  Rows
	list  ledger.Number
	sum   hash.Hash // of the parts
	found int       // people who are on the list
	part  []Person
	parts int
}

// put stores the people of a portion who are found, in the order of the register's list.
func (w *listWriter) put(ctx context.Context, people []shownTo, from io.Reader) error {
	rows := csv.NewReader(from)
	rows.ReuseRecord = true
	if _, err := rows.Read(); err != nil { // the names of the columns
		return err
	}
	seen := make([]bool, len(people))
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		id, err := register.ParsePersonID(row[0])
		if err != nil {
			return err
		}
		i, is := slices.BinarySearchFunc(people, id, func(p shownTo, id register.PersonID) int { return bytes.Compare(p.id[:], id[:]) })
		if !is || seen[i] { // an identifier that the register's list has twice
			continue
		}
		seen[i] = true
		w.found++
		p := people[i]
		w.part = append(w.part, Person{ID: id, Identifier: row[1], Fields: register.Fields(p.fields), First: time.Unix(int64(p.first), 0), Last: time.Unix(int64(p.last), 0)})
		if len(w.part) == PerPart {
			if err := w.end(ctx); err != nil {
				return err
			}
		}
	}
}

// end stores the part that was begun.
func (w *listWriter) end(ctx context.Context) error {
	if len(w.part) == 0 {
		return nil
	}
	raw := encode(w.part)
	w.sum.Write(raw)
	err := w.rows.Put(ctx, w.list, w.parts, raw, make([]byte, len(w.part)))
	w.part, w.parts = w.part[:0], w.parts+1
	return err
}
