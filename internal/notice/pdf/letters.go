package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// Letter is a letter of one sheet: one page, or two where it is long.
type Letter struct {
	Sender  []string // at the top
	Address []string // where the window of an envelope shows it
	Parts   []LetterPart
}

// LetterPart is a heading, and paragraphs below it.
type LetterPart struct {
	Heading    string
	Paragraphs []string
}

// Letters is letters for a printer, in one document: each page is a section of its own for a
// screen reader. Texts that many have alike are laid out once.
type Letters struct {
	title   string
	lang    string
	made    time.Time
	bold    *face
	regular *face
	texts   map[setting][][]byte // lines, as strings of glyphs
	pages   [][]byte             // packed
	tags    [][]string           // of each page, in order
	page    bytes.Buffer
	packer  packer
}

// setting is a text at a size.
type setting struct {
	text string
	size float64
	bold bool
}

// NewLetters begins a document in a language.
func NewLetters(title, lang string, made time.Time) *Letters {
	return &Letters{
		title: title, lang: lang, made: made, bold: newFace(gobold.TTF), regular: newFace(goregular.TTF), texts: make(map[setting][][]byte),
	}
}

// Len is how many pages there are.
func (l *Letters) Len() int { return len(l.pages) }

// Writes reports whether a text is printed in letters, with their accents or without, and none of it as a question
// mark.
func (l *Letters) Writes(text string) bool {
	mark := string(unknown)
	return strings.Count(l.regular.spell(text), mark) == strings.Count(text, mark)
}

// ErrTooLong says that a letter does not fit on its sheet.
var ErrTooLong = errors.New("a letter does not fit on one sheet")

// sizes are those of the text that are tried, in points.
var sizes = []float64{11, 10.5, 10, 9.5, 9}

// Where things are on the page, in points from its foot and its left: the window is that of
// French envelopes, 45 mm from the top and 105 mm from the left.
const (
	windowTop, windowLeft = 700.0, 298.0
	bodyTop               = 580.0
)

// Add adds a letter, and returns how many pages it takes.
func (l *Letters) Add(letter Letter) (pages int, err error) {
	for pages := range 2 {
		for _, size := range sizes {
			if l.pagesAt(letter, size) == pages+1 {
				l.set(letter, size)
				return pages + 1, nil
			}
		}
	}
	return 0, ErrTooLong
}

// bottom is where a page ends.
const bottom = margin * 0.8

// block is a heading or a paragraph at a size.
type block struct {
	tag          string
	setting      setting
	above, below float64 // what is left free
}

// blocks are the letter's text at a size.
func (letter Letter) blocks(size float64) (all []block) {
	for i, p := range letter.Parts {
		tag := "H1"
		if i > 0 {
			tag = "H2"
		}
		all = append(all, block{tag, setting{p.Heading, size + 1.5, true}, size * 0.6, size * 0.3})
		for _, text := range p.Paragraphs {
			all = append(all, block{"P", setting{text, size, false}, 0, size * 0.35})
		}
	}
	return all
}

// height is how much of a page a block takes.
func (l *Letters) height(b block) float64 {
	return b.above + float64(len(l.lines(b.setting)))*b.setting.size*1.25 + b.below
}

// pagesAt is how many pages a letter takes at a size.
func (l *Letters) pagesAt(letter Letter, size float64) int {
	pages, y := 1, bodyTop
	for _, b := range letter.blocks(size) {
		height := l.height(b)
		if y-height <= bottom {
			pages, y = pages+1, pageHeight-margin
		}
		if y -= height; y <= bottom { // no page is as high as that
			return math.MaxInt
		}
	}
	return pages
}

// set writes a letter at a size.
func (l *Letters) set(letter Letter, size float64) {
	l.page.Reset()
	var tags []string
	put := func(tag string, s setting, x, y float64, lines [][]byte) float64 {
		name := "R"
		if s.bold {
			name = "B"
		}
		fmt.Fprintf(&l.page, "/%s<</MCID %d>>BDC BT /%s %g Tf %g TL %g %.1f Td", tag, len(tags), name, s.size, s.size*1.25, x, y)
		for i, line := range lines {
			if i > 0 {
				l.page.WriteString(" T*")
			}
			l.page.WriteByte('(')
			l.page.Write(line)
			l.page.WriteString(")Tj")
		}
		l.page.WriteString(" ET EMC\n")
		tags = append(tags, tag)
		return y - float64(len(lines))*s.size*1.25
	}
	own := func(lines []string) (set [][]byte) { // not remembered: it is one person's
		for i, line := range lines {
			if line = l.regular.spell(line); i < len(lines)-1 {
				line += " "
			}
			set = append(set, l.regular.literal(line))
		}
		return set
	}
	turn := func() {
		l.pages = append(l.pages, l.packer.pack(l.page.Bytes()))
		l.tags = append(l.tags, tags)
		l.page.Reset()
		tags = nil
	}
	put("P", setting{size: 9}, margin, pageHeight-margin, own(letter.Sender))
	put("P", setting{size: 11}, windowLeft, windowTop, own(letter.Address))
	y := bodyTop
	for _, b := range letter.blocks(size) {
		if y-l.height(b) <= bottom {
			turn()
			y = pageHeight - margin
		}
		y = put(b.tag, b.setting, margin, y-b.above, l.lines(b.setting)) - b.below
	}
	turn()
}

// lines is a text broken into lines. The space between two lines is text, too.
func (l *Letters) lines(s setting) [][]byte {
	if set, known := l.texts[s]; known {
		return set
	}
	f := l.regular
	if s.bold {
		f = l.bold
	}
	var set [][]byte
	broken := f.wrap(s.text, s.size, pageWidth-2*margin)
	for i, line := range broken {
		if i < len(broken)-1 {
			line += " "
		}
		set = append(set, f.literal(line))
	}
	l.texts[s] = set
	return set
}

// literal writes a text as the glyphs of the font, two bytes each, in a string.
func (f *face) literal(text string) (out []byte) {
	for _, r := range text {
		g := f.glyph(r)
		for _, b := range [...]byte{byte(g >> 8), byte(g)} {
			switch b {
			case '(', ')', '\\':
				out = append(out, '\\', b)
			case '\r':
				out = append(out, '\\', 'r')
			default:
				out = append(out, b)
			}
		}
	}
	return out
}

// WriteTo implements io.WriterTo.
func (l *Letters) WriteTo(to io.Writer) (int64, error) {
	w := &writer{packed: true}
	w.body.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	catalogue, tree, info, metadata, structure, document, parents := w.reserve(1), w.reserve(1), w.reserve(1), w.reserve(1), w.reserve(1), w.reserve(1), w.reserve(1)
	pages, contents := w.reserve(len(l.pages)), w.reserve(len(l.pages))
	regular, bold := w.font(l.regular, "GoRegular"), w.font(l.bold, "GoBold")
	w.object(catalogue, "<</Type /Catalog /Pages %d 0 R /Lang %s /MarkInfo <</Marked true>> /StructTreeRoot %d 0 R /Metadata %d 0 R /ViewerPreferences <</DisplayDocTitle true>>>>",
		tree, written(l.lang), structure, metadata)
	w.object(info, "<</Title %s /Producer (Poterne) /CreationDate (%s)>>", written(l.title), l.made.UTC().Format("D:20060102150405Z"))
	w.metadata(metadata, l.title, l.made)
	var kids, sections, numbers strings.Builder
	for i, packed := range l.pages {
		fmt.Fprintf(&kids, "%d 0 R ", pages+i)
		w.object(pages+i, "<</Type /Page /Parent %d 0 R /MediaBox [0 0 %.2f %.2f] /Tabs /S /StructParents %d /Contents %d 0 R /Resources <</Font <</R %d 0 R /B %d 0 R>>>>>>",
			tree, pageWidth, pageHeight, i, contents+i, regular, bold)
		w.stream(contents+i, "", packed)
		section := w.reserve(1 + len(l.tags[i]))
		fmt.Fprintf(&sections, "%d 0 R ", section)
		fmt.Fprintf(&numbers, "%d [", i)
		var parts strings.Builder
		for id, tag := range l.tags[i] {
			number := section + 1 + id
			fmt.Fprintf(&parts, "%d 0 R ", number)
			fmt.Fprintf(&numbers, "%d 0 R ", number)
			w.object(number, "<</Type /StructElem /S /%s /P %d 0 R /Pg %d 0 R /K %d>>", tag, section, pages+i, id)
		}
		numbers.WriteString("] ")
		w.object(section, "<</Type /StructElem /S /Sect /P %d 0 R /K [%s]>>", document, parts.String())
	}
	w.object(tree, "<</Type /Pages /Kids [%s] /Count %d>>", kids.String(), len(l.pages))
	w.object(structure, "<</Type /StructTreeRoot /K [%d 0 R] /ParentTree %d 0 R /ParentTreeNextKey %d>>", document, parents, len(l.pages))
	w.object(document, "<</Type /StructElem /S /Document /P %d 0 R /K [%s]>>", structure, sections.String())
	w.object(parents, "<</Nums [%s]>>", numbers.String())
	w.end(catalogue, info)
	return w.body.WriteTo(to)
}
