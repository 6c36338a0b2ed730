package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// Letter is a letter of one page.
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

// Letters is letters for a printer, in one document: each is a page, and a section of its
// own for a screen reader. Texts that many have alike are laid out once.
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

// Len is how many letters there are.
func (l *Letters) Len() int { return len(l.pages) }

// TooLong says that a letter does not fit on its page.
var TooLong = errors.New("a letter does not fit on one page")

// sizes are those of the text that are tried, in points.
var sizes = []float64{11, 10.5, 10, 9.5, 9}

// Where things are on the page, in points from its foot and its left: the window is that of
// French envelopes, 45 mm from the top and 105 mm from the left.
const (
	windowTop, windowLeft = 700.0, 298.0
	bodyTop               = 580.0
)

// Add adds a letter.
func (l *Letters) Add(letter Letter) error {
	for _, size := range sizes {
		if l.fits(letter, size) {
			l.set(letter, size)
			return nil
		}
	}
	return TooLong
}

func (l *Letters) fits(letter Letter, size float64) bool {
	y := bodyTop
	for _, p := range letter.Parts {
		y -= float64(len(l.lines(setting{p.Heading, size + 1.5, true})))*(size+1.5)*1.25 + size*0.9
		for _, text := range p.Paragraphs {
			y -= float64(len(l.lines(setting{text, size, false})))*size*1.25 + size*0.35
		}
	}
	return y > margin*0.8
}

// set writes a letter at a size.
func (l *Letters) set(letter Letter, size float64) {
	l.page.Reset()
	var tags []string
	block := func(tag string, s setting, x, y float64, lines [][]byte) float64 {
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
			if i < len(lines)-1 {
				line += " "
			}
			set = append(set, l.regular.literal(line))
		}
		return set
	}
	block("P", setting{size: 9}, margin, pageHeight-margin, own(letter.Sender))
	block("P", setting{size: 11}, windowLeft, windowTop, own(letter.Address))
	y := bodyTop
	for i, p := range letter.Parts {
		tag := "H1"
		if i > 0 {
			tag = "H2"
		}
		y -= size * 0.6
		head := setting{p.Heading, size + 1.5, true}
		y = block(tag, head, margin, y, l.lines(head)) - size*0.3
		for _, text := range p.Paragraphs {
			s := setting{text, size, false}
			y = block("P", s, margin, y, l.lines(s)) - size*0.35
		}
	}
	l.pages = append(l.pages, l.packer.pack(l.page.Bytes()))
	l.tags = append(l.tags, tags)
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
