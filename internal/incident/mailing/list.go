package mailing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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
}

// List has the people of a file named and listed: by signs, and approver, who is another
// person. Those who are missing are written to missing, a pseudonym a line.
func (l Lister) List(ctx context.Context, file ledger.Number, by, approver roster.AccountID, identifiers *lookup.Column, missing io.Writer, tell func(read int)) (incident.Listing, error) {
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
	people, digest, err := l.wanted(ctx, shown, told)
	if err != nil {
		return listing, err
	}
	naming := incident.Naming{People: len(people), Before: shown.People - len(people), List: digest}
	number, err := l.Files.Do(ctx, incident.Write{File: file, By: by, Approver: approver, Step: &naming})
	if err != nil {
		return listing, fmt.Errorf("nobody is named: %w", err)
	}
	people = slices.DeleteFunc(people, func(p shownTo) bool { return l.Reserved(p.id) })
	listing.Invented = naming.People - len(people)
	ids := make([]register.PersonID, len(people))
	for i := range people {
		ids[i] = people[i].id
	}
	search := lookup.NewSearch(ids, l.Directory, l.Scheme)
	from, to := io.Pipe()
	searched := make(chan error, 1)
	go func() {
		err := search.Run(ctx, identifiers, to, tell)
		searched <- err
		_ = to.CloseWithError(err)
	}()
	found, list, err := l.put(ctx, number, people, from)
	_ = from.CloseWithError(err)
	if err := errors.Join(err, <-searched); err != nil {
		return listing, err
	}
	left := search.Missing()
	listing.Found, listing.Missing, listing.List = found, len(left), list
	if err := lookup.WritePseudonyms(missing, left); err != nil {
		return listing, err
	}
	_, err = l.Files.Do(ctx, incident.Write{File: file, By: by, Step: &listing})
	return listing, err
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

// wanted is who was shown, but for those who were told, in the order of pseudonyms, and the
// digest of these.
func (l Lister) wanted(ctx context.Context, shown index.Shown, told []register.PersonID) (people []shownTo, digest string, err error) {
	people = make([]shownTo, 0, shown.People)
	sum := sha256.New()
	for c, err := range shown.All(ctx) {
		if err != nil {
			return nil, "", err
		}
		if _, is := slices.BinarySearchFunc(told, c.Person, byPseudonym); is {
			continue
		}
		people = append(people, shownTo{c.Person, uint32(c.Fields), uint32(c.First.Unix()), uint32(c.Last.Unix())})
	}
	slices.SortFunc(people, func(a, b shownTo) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, p := range people {
		sum.Write(p.id[:])
	}
	return people, hex.EncodeToString(sum.Sum(nil)), nil
}

// put stores the people who are found, in the order of the register's list.
func (l Lister) put(ctx context.Context, list ledger.Number, people []shownTo, from io.Reader) (found int, digest string, err error) {
	rows := csv.NewReader(from)
	rows.ReuseRecord = true
	if _, err := rows.Read(); err != nil { // the names of the columns
		return 0, "", err
	}
	sum, part, number := sha256.New(), make([]Person, 0, PerPart), 0
	seen := make([]bool, len(people))
	store := func() error {
		if len(part) == 0 {
			return nil
		}
		raw := encode(part)
		sum.Write(raw)
		err := l.Rows.Put(ctx, list, number, raw, make([]byte, len(part)))
		part, number = part[:0], number+1
		return err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, "", err
		}
		id, err := register.ParsePersonID(row[0])
		if err != nil {
			return 0, "", err
		}
		i, is := slices.BinarySearchFunc(people, id, func(p shownTo, id register.PersonID) int { return bytes.Compare(p.id[:], id[:]) })
		if !is || seen[i] { // an identifier that the register's list has twice
			continue
		}
		seen[i] = true
		found++
		p := people[i]
		part = append(part, Person{ID: id, Identifier: row[1], Fields: register.Fields(p.fields), First: time.Unix(int64(p.first), 0), Last: time.Unix(int64(p.last), 0)})
		if len(part) == PerPart {
			if err := store(); err != nil {
				return 0, "", err
			}
		}
	}
	err = store()
	return found, hex.EncodeToString(sum.Sum(nil)), err
}
