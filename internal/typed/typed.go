// Package typed holds what people type, reasons above all, to what can be read
// back: nothing that moves a terminal's cursor, turns the direction of writing
// around, or cannot be seen. Printed text is checked once more.
package typed

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"poterne/internal/fault"
)

// Longest is the longest text that a person may type, in characters.
const Longest = 500

// Problem is what is wrong with a text.
type Problem string

const (
	Nothing    Problem = ""
	Missing    Problem = "missing"    // there is nothing in it to be seen
	TooLong    Problem = "too-long"   // it is longer than Longest
	Unreadable Problem = "unreadable" // it holds what moves the cursor or turns the writing around
)

// Line is a text on one line, without spaces at its ends.
func Line(text string) string { return strings.Join(strings.Fields(text), " ") }

// Lines are the lines of a text in which something stands, each as Line has it.
func Lines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = Line(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// Wrong says what is wrong with a reason. An order's message may be missing, a
// reason may not.
func Wrong(text string) Problem {
	switch {
	case strings.TrimSpace(text) == "":
		return Missing
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unreadable):
		return Unreadable
	case !strings.ContainsFunc(text, visible):
		return Missing
	case utf8.RuneCountInString(text) > Longest:
		return TooLong
	default:
		return Nothing
	}
}

// Check is Wrong as a sentence about what the text is for; fault.Invalid.
func Check(what, text string) error {
	switch Wrong(text) {
	case Missing:
		return invalid("%s takes a reason, which is written in the ledger: say why, in a few words that can be read", what)
	case TooLong:
		return invalid("%s has a reason of %d characters; at most %d are written down: shorten it", what, utf8.RuneCountInString(text), Longest)
	case Unreadable:
		return invalid("%s has a reason with a control character, or one that turns the direction of writing around: type it anew", what)
	default:
		return nil
	}
}

func invalid(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf(format, args...)}
}

// Readable reports whether a text holds nothing that would be escaped.
func Readable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unreadable)
}

// nir is a number of the national register, with its key.
var nir = regexp.MustCompile(`^[0-9]{6}[0-9ab][0-9]{8}$`)

// Says reports whether a text holds an identifier, whatever stands between its letters and
// digits, and in whatever width these are. One of fewer than four is found where it is a word of its
// own, and a NIR without its key, too.
func Says(text, identifier string) bool {
	plain := func(text string) string { return strings.ToLower(norm.NFKC.String(text)) }
	apart := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	words := strings.FieldsFunc(plain(text), apart)
	sought := strings.Join(strings.FieldsFunc(plain(identifier), apart), "")
	if nir.MatchString(sought) {
		sought = sought[:13]
	}
	if utf8.RuneCountInString(sought) < 4 {
		return sought != "" && slices.Contains(words, sought)
	}
	return strings.Contains(strings.Join(words, ""), sought)
}

// Printed is a text as it is printed on one line: what could move the cursor, end
// the line or turn the writing around is spelled out.
func Printed(text string) string {
	if Readable(text) {
		return text
	}
	var safe strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		if unreadable(r) {
			escape(&safe, r)
		} else {
			safe.WriteRune(r)
		}
	}
	return safe.String()
}

// escape spells a character out as JSON does, so that JSON stays JSON.
func escape(to *strings.Builder, r rune) {
	if r > 0xffff { // there is none today
		to.WriteString("\ufffd")
		return
	}
	fmt.Fprintf(to, `\u%04x`, r)
}

// unreadable is a control character, one that separates lines, or one that turns
// the direction of writing around.
func unreadable(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	default:
		return unicode.Is(unicode.Bidi_Control, r)
	}
}

// visible is a character that leaves something to be seen.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Cf, unicode.Mn, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != '\u2800'
}

// formula is what a spreadsheet takes for the beginning of one: at the beginning of a cell, or after what parts cells in
// some country. In French a semicolon does, whatever parts those of the file.
var formula = regexp.MustCompile(`(^|[;\t\r\n])([ ;\t\r\n"]*)([=+@＝＋＠－-])`)

// Cell keeps a spreadsheet from taking a text, or a part of it, for a formula.
func Cell(text string) string { return formula.ReplaceAllString(text, "$1$2'$3") }

// Table reads a table as spreadsheets save it: in UTF-8, with its mark or without, cells parted by commas, or by semicolons
// where the first line has no comma.
func Table(from io.Reader) *csv.Reader {
	in := bufio.NewReaderSize(from, 1<<16)
	first, _ := in.Peek(1 << 12) // less when there is less, which is no error
	first, _, _ = bytes.Cut(first, []byte("\n"))
	if mark := []byte("\ufeff"); bytes.HasPrefix(first, mark) {
		_, _ = in.Discard(len(mark)) // it was peeked at
	}
	table := csv.NewReader(in)
	if bytes.ContainsRune(first, ';') && !bytes.ContainsRune(first, ',') {
		table.Comma = ';'
	}
	return table
}
