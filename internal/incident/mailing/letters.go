package mailing

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/notice"
	"poterne/internal/notice/pdf"
	"poterne/internal/register"
	"poterne/internal/typed"
)

// partsTogether is how many parts of a list make a batch of letters.
const partsTogether = 16

// byLetter reports whether somebody is told by letter.
func byLetter(fate byte) bool {
	return Fate(fate) == NoMail || Fate(fate) == Refused || Fate(fate) == Bounced
}

// letters writes batches of letters for those who are told by letter: a file each, for the
// printer, under its name once all in it are written down as told. What is left of a batch
// by a program that was killed is either made anew, or was written down and gets its name.
func (r *round) letters(ctx context.Context) error {
	var parts [][]int // with somebody who is told by letter
	part := 0
	for fates, err := range r.Rows.Fates(ctx, r.list) {
		if err != nil {
			return err
		}
		if slices.ContainsFunc(fates, byLetter) {
			if last := len(parts) - 1; last < 0 || parts[last][0]/partsTogether != part/partsTogether {
				parts = append(parts, nil)
			}
			parts[len(parts)-1] = append(parts[len(parts)-1], part)
		}
		part++
	}
	if err := os.MkdirAll(r.Letters, 0o700); err != nil {
		return err
	}
	pending := make(map[string]bool)
	batches := make([]*batch, 0, len(parts))
	for _, group := range parts {
		b, err := r.batch(ctx, group)
		if err != nil {
			return err
		}
		pending[b.name] = true
		batches = append(batches, b)
	}
	if err := r.finish(pending); err != nil {
		return err
	}
	for _, b := range batches {
		if ctx.Err() != nil {
			return nil
		}
		if err := b.write(ctx); err != nil {
			return err
		}
	}
	return nil
}

const unfinished = ".part"

// finish gives files their names whose letters are written down: all but those that are
// still to be made.
func (r *round) finish(pending map[string]bool) error {
	left, err := filepath.Glob(filepath.Join(r.Letters, r.begun.Reference+"-*"+unfinished))
	if err != nil {
		return err
	}
	for _, file := range left {
		if whole := strings.TrimSuffix(file, unfinished); !pending[filepath.Base(whole)] {
			if err := os.Rename(file, whole); err != nil {
				return err
			}
		}
	}
	return nil
}

// batch is letters to people of some parts.
type batch struct {
	*round
	name  string
	parts []int
	fates map[int][]byte
	to    []letterTo
}

type letterTo struct {
	place
	Person
}

// batch finds who is in a batch. Its name tells which people it is for, by a digest.
func (r *round) batch(ctx context.Context, parts []int) (*batch, error) {
	b := &batch{round: r, parts: parts, fates: make(map[int][]byte)}
	sum := sha256.New()
	for _, part := range parts {
		raw, fates, err := r.Rows.Part(ctx, r.list, part)
		if err != nil {
			return nil, err
		}
		people, err := decode(raw)
		if err != nil {
			return nil, err
		}
		b.fates[part] = fates
		for i, p := range people {
			if byLetter(fates[i]) {
				b.to = append(b.to, letterTo{place{r.list, part, i}, p})
				fmt.Fprintf(sum, "%d.%d ", part, i)
			}
		}
	}
	b.name = fmt.Sprintf("%s-%05d-%s.zip", r.begun.Reference, parts[0]/partsTogether, hex.EncodeToString(sum.Sum(nil)[:4]))
	return b, nil
}

// The lines of a postal address by NF Z10-011.
const mostLines, longestLine = 6, 38

// sheets begins what goes to the printer beside letters.
func sheets() (manifest, addresses [][]string) {
	return [][]string{{"page", "pages", "reference", "letter", "check"}}, [][]string{{"page", "line1", "line2", "line3", "line4", "line5", "line6"}}
}

// addressed is the row of an address, and what is to be looked at in it.
func addressed(letters *pdf.Letters, page int, lines []string) (row []string, check string) {
	if len(lines) > mostLines || slices.ContainsFunc(lines, func(line string) bool { return utf8.RuneCountInString(line) > longestLine || !letters.Writes(line) }) {
		check = "address"
	}
	row = make([]string, 1+mostLines)
	row[0] = strconv.Itoa(page)
	for i, line := range lines[:min(len(lines), mostLines)] {
		row[1+i] = typed.Cell(line) // people write their names and addresses themselves
	}
	return row, check
}

// write writes a batch: the letters, a manifest with a line for each, and the addresses.
func (b *batch) write(ctx context.Context) error {
	var ids []register.PersonID
	for _, to := range b.to {
		ids = append(ids, to.ID)
	}
	letters := pdf.NewLetters(b.begun.Reference, string(i18n.French), b.Now())
	manifest, addresses := sheets()
	w := b.writer(b.list, b.file, b.begun, b.began)
	for some := range slices.Chunk(b.to, PerPart) {
		if err := b.Explain(ctx, b.file, 0, ids[:len(some)]); err != nil {
			return err
		}
		ids = ids[len(some):]
		for _, to := range some {
			contact, err := b.Contact(ctx, to.Identifier)
			fate := &b.fates[to.part][to.place.place]
			switch {
			case fault.Is(err, fault.Absent):
				*fate = byte(Gone)
				continue
			case err != nil:
				return fmt.Errorf("reading where people can be reached: %w", err)
			case len(contact.Address) == 0:
				*fate = byte(NoAddress)
				continue
			}
			lines := append([]string{contact.Name}, contact.Address...)
			first := letters.Len() + 1
			pages, err := letters.Add(w.letter(to, lines))
			if err != nil {
				return err
			}
			*fate = byte(Printed)
			row, check := addressed(letters, first, lines)
			manifest = append(manifest, []string{row[0], strconv.Itoa(pages), b.begun.Reference, b.returning(to.place), check})
			addresses = append(addresses, row)
		}
	}
	if letters.Len() == 0 {
		return b.save()
	}
	whole := filepath.Join(b.Letters, b.name)
	if err := write(whole+unfinished, letters, manifest, addresses); err != nil {
		return err
	}
	if err := b.save(); err != nil {
		return err
	}
	return os.Rename(whole+unfinished, whole)
}

func (b *batch) save() error {
	done := make(chan error, 1)
	b.saves <- save{b.fates, done}
	return <-done
}

// heads is what stands at the top of a letter.
func heads(from notice.Controller) []string {
	lines := []string{from.Name}
	for line := range strings.Lines(from.Address) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// letter is the letter to one person.
func (w *writer) letter(to letterTo, address []string) pdf.Letter {
	m := w.to(to.Person)
	said := notice.Words{In: i18n.French, Zone: w.Zone, Categories: w.Categories}
	l := pdf.Letter{Sender: heads(m.Controller), Address: address}
	for _, version := range notice.Versions {
		heading := subjectOf(m)
		if version == notice.Easy {
			heading = i18n.French.Say("mailing.easy")
		}
		l.Parts = append(l.Parts, pdf.LetterPart{Heading: heading, Paragraphs: m.Paragraphs(version, said)})
	}
	if w.Site != "" && !m.Exercise { // a code leads to what an incident was to one person
		l.Parts = append(l.Parts, pdf.LetterPart{Heading: i18n.French.Say("mailing.code"), Paragraphs: []string{
			i18n.French.Say("mailing.code-what", "site", w.Site), w.Code(to.list, to.part, to.place.place), i18n.French.Say("mailing.code-until", "day", i18n.French.DatedDay(w.began.Add(CodeLasts).In(w.Zone))),
		}})
	}
	return l
}

// write makes the file of a batch, durable when it returns nil.
func write(name string, letters *pdf.Letters, manifest, addresses [][]string) (err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	packed := zip.NewWriter(file)
	sheet := func(rows [][]string) func(io.Writer) error {
		return func(to io.Writer) error {
			out := csv.NewWriter(to)
			return out.WriteAll(rows)
		}
	}
	for _, part := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"letters.pdf", func(to io.Writer) error { _, err := letters.WriteTo(to); return err }},
		{"manifest.csv", sheet(manifest)},
		{"addresses.csv", sheet(addresses)},
	} {
		to, err := packed.Create(part.name)
		if err == nil {
			err = part.write(to)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(packed.Close(), file.Sync())
}
