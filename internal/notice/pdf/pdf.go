// Package pdf writes documents of text that a screen reader can read: tagged PDF 1.7,
// with headings, paragraphs and lists, in one embedded family of fonts. It writes what
// notices need and nothing else; libraries that tag text were found to lose the spaces
// between its lines.
package pdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/klauspost/compress/zlib"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"
)

// Document is a document before it is written.
type Document struct {
	Title string
	Lang  string // as BCP 47 has it: "fr-FR"
	Made  time.Time
	Foot  string // at the foot of each page, before its number
	parts []part
}

// part is a heading, a paragraph, or a term with what is said of it.
type part struct {
	tag   string // H1, H2, P or LI
	label string // of LI
	lines []string
}

// Heading adds a heading of the first or the second level.
func (d *Document) Heading(level int, text string) {
	d.parts = append(d.parts, part{tag: fmt.Sprintf("H%d", level), lines: []string{text}})
}

// Paragraph adds a paragraph.
func (d *Document) Paragraph(text string) {
	d.parts = append(d.parts, part{tag: "P", lines: []string{text}})
}

// Item adds a term and what is said of it, a paragraph for each line.
func (d *Document) Item(label string, lines []string) {
	d.parts = append(d.parts, part{tag: "LI", label: label, lines: lines})
}

// The page, in points: A4 with margins of 2 cm.
const (
	pageWidth, pageHeight = 595.28, 841.89
	margin                = 56.7
	leading               = 1.35 // the height of a line by the size of its letters
)

// face is a font as it stands in a document: letters are glyphs of the file.
type face struct {
	file   []byte
	parsed *sfnt.Font
	used   map[sfnt.GlyphIndex]rune
	buffer sfnt.Buffer
	spelt  map[rune]rune // letters that the font does not have, as it writes them
}

func newFace(file []byte) *face {
	parsed, err := sfnt.Parse(file)
	if err != nil {
		panic(err) // it is part of the program
	}
	return &face{file: file, parsed: parsed, used: make(map[sfnt.GlyphIndex]rune), spelt: make(map[rune]rune)}
}

// unit is what a font's own measures are read in: a thousandth of the size of a letter.
const unit = 1000

// unseen stands for a character that leaves nothing to be seen, and unknown for one that nothing here writes.
const unseen, unknown = rune(-1), '?'

// alike are characters that are written as another is.
var alike = map[rune]rune{
	'\u202f': '\u00a0', '\u2009': '\u00a0', // narrow spaces
	'\u2010': '-', '\u2011': '-', '\u2212': '-',
	'\u02bc': '’', '\u02bb': '‘',
}

// spell is a text in letters of the font: one that it does not have is written without its accents, as addresses may
// be, and is a question mark where that is none of its letters either.
func (f *face) spell(text string) string {
	text = norm.NFC.String(text)
	return strings.Map(f.letter, text)
}

// letter is how a letter is written; unseen for one that is not.
func (f *face) letter(r rune) rune {
	if r <= '~' {
		return r
	}
	as, known := f.spelt[r]
	if !known {
		as = f.find(r)
		f.spelt[r] = as
	}
	return as
}

func (f *face) find(r rune) rune {
	if as, is := alike[r]; is {
		return as
	}
	if unicode.In(r, unicode.Mn, unicode.Cf) {
		return unseen
	}
	for _, one := range [...]rune{r, []rune(norm.NFKD.String(string(r)))[0]} {
		if index, err := f.parsed.GlyphIndex(&f.buffer, one); err == nil && index != 0 {
			return one
		}
	}
	return unknown
}

// glyph is the glyph of a letter of the font; of any other, that of a question mark.
func (f *face) glyph(r rune) sfnt.GlyphIndex {
	index, err := f.parsed.GlyphIndex(&f.buffer, r)
	if err != nil || index == 0 {
		r = unknown
		index, _ = f.parsed.GlyphIndex(&f.buffer, r)
	}
	f.used[index] = r
	return index
}

func (f *face) advance(g sfnt.GlyphIndex) int {
	a, err := f.parsed.GlyphAdvance(&f.buffer, g, fixed.I(unit), font.HintingNone)
	if err != nil {
		return unit / 2
	}
	return a.Round()
}

// width of a text at a size, in points.
func (f *face) width(text string, size float64) float64 {
	sum := 0
	for _, r := range text {
		sum += f.advance(f.glyph(r))
	}
	return float64(sum) * size / unit
}

// wrap breaks a text into lines no wider than width; a word that is wider is broken.
func (f *face) wrap(text string, size, width float64) (lines []string) {
	line := ""
	for word := range strings.FieldsFuncSeq(f.spell(text), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }) {
		switch {
		case line == "":
			line = word
		case f.width(line+" "+word, size) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for f.width(line, size) > width {
			cut := len(line)
			for i := range line {
				if i > 0 && f.width(line[:i], size) > width {
					break
				}
				if i > 0 {
					cut = i
				}
			}
			if cut == len(line) {
				break
			}
			lines, line = append(lines, line[:cut]), line[cut:]
		}
	}
	return append(lines, line)
}

// hex writes a text as the glyphs of the font.
func (f *face) hex(text string) string {
	var out strings.Builder
	for _, r := range text {
		fmt.Fprintf(&out, "%04X", f.glyph(r))
	}
	return out.String()
}

// node is an element of the structure that a screen reader goes through.
type node struct {
	tag    string
	kids   []*node
	page   int   // on which its text is
	marked []int // its pieces of text on that page
}

// layout puts parts on pages.
type layout struct {
	regular, bold *face
	pages         []*bytes.Buffer
	marks         [][]*node // of each page, whose text each piece is
	y             float64
	foot          string
	root          *node
}

func (l *layout) turn() {
	l.pages, l.marks = append(l.pages, new(bytes.Buffer)), append(l.marks, nil)
	l.y = pageHeight - margin
}

// text writes a text as one element, over as many lines as it needs.
func (l *layout) text(n *node, f *face, name string, size, indent float64, text string) {
	height := size * leading
	for i, line := range f.wrap(text, size, pageWidth-2*margin-indent) {
		if l.y-height < margin+2*height {
			l.turn()
		}
		page := len(l.pages) - 1
		if i > 0 {
			line = " " + line // the space between two lines is text, too
		}
		piece := n
		if len(n.marked) > 0 && n.page != page {
			piece = &node{tag: "Span", page: page}
			n.kids = append(n.kids, piece)
		}
		piece.page = page
		id := len(l.marks[page])
		l.marks[page] = append(l.marks[page], piece)
		piece.marked = append(piece.marked, id)
		l.y -= height
		x := margin + indent
		if i > 0 {
			x -= f.width(" ", size)
		}
		fmt.Fprintf(l.pages[page], "/%s <</MCID %d>> BDC BT /%s %.1f Tf %.2f %.2f Td <%s> Tj ET EMC\n", piece.tag, id, name, size, x, l.y, f.hex(line))
	}
}

func (l *layout) add(p part) {
	switch p.tag {
	case "H1", "H2":
		size := map[string]float64{"H1": 20, "H2": 13.5}[p.tag]
		if l.y < margin+6*size {
			l.turn()
		}
		l.y -= size * 0.8
		n := &node{tag: p.tag}
		l.root.kids = append(l.root.kids, n)
		l.text(n, l.bold, "B", size, 0, p.lines[0])
		l.y -= size * 0.25
	case "P":
		n := &node{tag: "P"}
		l.root.kids = append(l.root.kids, n)
		l.text(n, l.regular, "R", 10.5, 0, p.lines[0])
		l.y -= 5
	default:
		last := len(l.root.kids) - 1
		if last < 0 || l.root.kids[last].tag != "L" {
			l.root.kids = append(l.root.kids, &node{tag: "L"})
			last++
		}
		label, body := &node{tag: "Lbl"}, &node{tag: "LBody"}
		l.root.kids[last].kids = append(l.root.kids[last].kids, &node{tag: "LI", kids: []*node{label, body}})
		l.text(label, l.bold, "B", 9.5, 0, p.label)
		for _, line := range p.lines {
			n := &node{tag: "P"}
			body.kids = append(body.kids, n)
			l.text(n, l.regular, "R", 10.5, 12, line)
		}
		l.y -= 5
	}
}

// WriteTo implements io.WriterTo.
func (d *Document) WriteTo(to io.Writer) (int64, error) {
	l := &layout{regular: newFace(goregular.TTF), bold: newFace(gobold.TTF), foot: d.Foot, root: &node{tag: "Document"}}
	l.turn()
	for _, p := range d.parts {
		l.add(p)
	}
	for i, page := range l.pages { // what stands at the foot is no part of the text
		said := fmt.Sprintf("%s · %d / %d", d.Foot, i+1, len(l.pages))
		fmt.Fprintf(page, "/Artifact <</Type /Pagination>> BDC BT /R 8 Tf %.2f %.2f Td <%s> Tj ET EMC\n", margin, margin/2, l.regular.hex(l.regular.spell(said)))
	}
	w := &writer{}
	d.write(w, l)
	return w.body.WriteTo(to)
}

// writer numbers objects and remembers where each is.
type writer struct {
	body   bytes.Buffer
	places []placed // of each object, from 1 on
	packer packer

	packed bool // objects that are no streams are packed together
	texts  bytes.Buffer
	heads  []int // number of each object in texts, and where it begins there
}

// placed is where an object is: its offset, or its place in an object of packed ones.
type placed struct{ offset, in, index int }

// packedTogether is how many objects are packed together.
const packedTogether = 500

func (w *writer) reserve(count int) (first int) {
	first = len(w.places) + 1
	w.places = append(w.places, make([]placed, count)...)
	return first
}

func (w *writer) object(number int, format string, args ...any) {
	if w.packed {
		w.places[number-1].index = len(w.heads) / 2
		w.heads = append(w.heads, number, w.texts.Len())
		fmt.Fprintf(&w.texts, format, args...)
		w.texts.WriteByte(' ')
		if len(w.heads) == 2*packedTogether {
			w.flush()
		}
		return
	}
	w.plain(number, format, args...)
}

func (w *writer) plain(number int, format string, args ...any) {
	w.places[number-1] = placed{offset: w.body.Len()}
	fmt.Fprintf(&w.body, "%d 0 obj\n", number)
	fmt.Fprintf(&w.body, format, args...)
	w.body.WriteString("\nendobj\n")
}

// flush writes the objects that are packed together.
func (w *writer) flush() {
	if len(w.heads) == 0 {
		return
	}
	number := w.reserve(1)
	var raw bytes.Buffer
	for i := 0; i < len(w.heads); i += 2 {
		fmt.Fprintf(&raw, "%d %d ", w.heads[i], w.heads[i+1])
		w.places[w.heads[i]-1].in = number
	}
	first := raw.Len()
	_, _ = w.texts.WriteTo(&raw) // a buffer takes everything
	w.stream(number, fmt.Sprintf("/Type /ObjStm /N %d /First %d", len(w.heads)/2, first), w.packer.pack(raw.Bytes()))
	w.heads = w.heads[:0]
}

// stream writes an object of packed bytes.
func (w *writer) stream(number int, dictionary string, packed []byte) {
	w.plain(number, "<<%s /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream", dictionary, len(packed), packed)
}

// end writes where everything is.
func (w *writer) end(catalogue, info int) {
	if w.packed {
		w.flush()
		number := w.reserve(1)
		start := w.body.Len()
		w.places[number-1] = placed{offset: start}
		raw := []byte{0, 0, 0, 0, 0, 0xff, 0xff}
		for _, at := range w.places {
			if at.in > 0 {
				raw = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(append(raw, 2), uint32(at.in)), uint16(at.index))
			} else {
				raw = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(append(raw, 1), uint32(at.offset)), 0)
			}
		}
		w.stream(number, fmt.Sprintf("/Type /XRef /W [1 4 2] /Size %d /Root %d 0 R /Info %d 0 R", len(w.places)+1, catalogue, info), w.packer.pack(raw))
		fmt.Fprintf(&w.body, "startxref\n%d\n%%%%EOF\n", start)
		return
	}
	start := w.body.Len()
	fmt.Fprintf(&w.body, "xref\n0 %d\n0000000000 65535 f \n", len(w.places)+1)
	for _, at := range w.places {
		fmt.Fprintf(&w.body, "%010d 00000 n \n", at.offset)
	}
	fmt.Fprintf(&w.body, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(w.places)+1, catalogue, info, start)
}

// packer packs bytes.
type packer struct{ z *zlib.Writer }

func (p *packer) pack(raw []byte) []byte {
	var packed bytes.Buffer
	if p.z == nil {
		p.z = zlib.NewWriter(&packed)
	} else {
		p.z.Reset(&packed)
	}
	_, _ = p.z.Write(raw) // a buffer takes everything
	_ = p.z.Close()
	return packed.Bytes()
}

// written is a text in a dictionary: UTF-16 with its mark.
func written(text string) string {
	var out strings.Builder
	out.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&out, "%04X", unit)
	}
	out.WriteByte('>')
	return out.String()
}
