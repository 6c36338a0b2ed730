// Package growth refuses a page of HTML that would become a far larger tree than it has bytes.
//
// A formatting element that is not closed is opened anew in every paragraph that
// follows, and a few kilobytes of HTML become a tree of a gigabyte. How many
// elements a page may gain that way is bounded, before it is parsed.
//
// The bound is sound whatever surrounds a tag, since nothing is taken from what
// surrounds it: each place that could be a formatting element's start tag, be it in a
// comment or a script, is taken for one. It counts as closed only where its end
// tag follows after a few elements that are closed in their turn and change neither
// how the page is cut into tokens nor what is in scope. Any other is opened anew by each
// token, three times for each of its spellings: the parser keeps no more of one.
package growth

import (
	"bytes"
	"errors"
	"slices"
)

const (
	freeGrowth    = 50_000  // elements that any page may gain, besides one a byte
	largestGrowth = 500_000 // elements that no page may gain more of
	longestSpan   = 128     // tokens in which a formatting element is closed
	mostWork      = 64      // how often the bound may look at a byte, on average
)

var errGrows = errors.New("not readable as HTML: too many formatting elements are left open")

// nameSet are names of elements.
type nameSet map[string]bool

func names(list ...string) nameSet {
	set := make(nameSet, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}

var (
	formatting = names("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
	inline     = names("abbr", "bdi", "bdo", "cite", "data", "del", "dfn", "ins", "kbd", "label", "mark", "q", "samp", "span", "sub", "sup", "time", "var")
	block      = names("address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
		"header", "li", "main", "nav", "ol", "p", "section", "ul")
	inSVG = names("circle", "defs", "ellipse", "g", "line", "path", "polygon", "polyline", "rect", "title", "use")
)

// tag is a tag as the parser's tokenizer would read it, if it met it.
type tag struct {
	name        string
	end         int // the place after it
	attributes  int
	closes      bool // </name>
	selfClosing bool // <name/>
}

// weight is what a copy of the element takes, with its attributes, as elements.
func (t tag) weight() int { return 1 + (t.attributes+1)/2 }

// bound looks for what makes a page grow.
type bound struct {
	page []byte
	work int // bytes that may still be looked at
}

// Check refuses a page that would grow out of proportion to itself: the error says so, and nothing
// of the page.
func Check(page []byte) error {
	b := &bound{page, mostWork*len(page) + 1<<16}
	var (
		tokens   = 1
		growth   int             // of what is closed, or said of the page's root
		open     int             // the weight of what is left open
		spelling map[string]bool // of what is left open
		ofRoot   int             // attributes of html and body elements; each tag goes through all
		most     = min(freeGrowth+len(page), largestGrowth)
	)
	for i := 0; growth+tokens*open <= most; i++ {
		next := bytes.IndexByte(page[i:], '<')
		if next < 0 {
			return nil
		}
		i += next
		tokens += 2 // it, and the text after it
		name := nameAt(page[i+1:])
		if !formatting[name] && name != "html" && name != "body" {
			continue
		}
		t, whole := b.tag(i)
		switch {
		case b.work < 0:
			return errGrows
		case !whole: // no tag, to its end
		case !formatting[name]:
			ofRoot += t.attributes
			growth += ofRoot
		case spelling[string(page[i:t.end])]:
		default:
			passed, opensAnew, closed := b.span(t)
			if b.work < 0 {
				return errGrows
			}
			if !closed {
				if spelling == nil {
					spelling = make(map[string]bool)
				}
				spelling[string(page[i:t.end])] = true
				open += 3 * t.weight()
			} else if opensAnew {
				growth += passed * t.weight()
			}
		}
	}
	return errGrows
}

// span reads on from a formatting element's start tag to its end tag, and says how
// many tokens it passed, and whether the element can be opened anew in between.
func (b *bound) span(start tag) (tokens int, opensAnew, closed bool) {
	inside := []string{start.name}
	for at := start.end; tokens < longestSpan; tokens++ {
		next := bytes.IndexByte(b.page[at:], '<')
		if next < 0 {
			b.work -= len(b.page) - at
			return tokens, false, false
		}
		b.work -= next
		at += next
		if next > 0 {
			tokens++
		}
		top := inside[len(inside)-1]
		if comment, ok := bytes.CutPrefix(b.page[at:], []byte("<!--")); ok {
			end := bytes.Index(comment, []byte("-->"))
			if end < 0 {
				b.work -= len(comment)
				return tokens, false, false
			}
			b.work -= end
			// Where comments that are written oddly end is not for us to know.
			if text := comment[:end]; top == "title" || bytes.HasPrefix(comment, []byte(">")) || bytes.HasPrefix(comment, []byte("->")) || bytes.Contains(text, []byte("--")) {
				return tokens, false, false
			}
			at += len("<!--") + end + len("-->")
			continue
		}
		t, whole := b.tag(at)
		if !whole || b.work < 0 {
			return tokens, false, false
		}
		at = t.end
		drawing := slices.Contains(inside, "svg")
		switch {
		case t.closes && t.name == top:
			if inside = inside[:len(inside)-1]; len(inside) == 0 {
				return tokens + 1, opensAnew, true
			}
			continue
		case t.closes, top == "title", slices.Contains(inside, "a") && t.name == "a", slices.Contains(inside, "nobr") && t.name == "nobr":
			return tokens, false, false
		case drawing && inSVG[t.name], t.name == "svg" && !drawing:
			if t.selfClosing {
				continue
			}
		case drawing:
			return tokens, false, false
		case t.name == "br", t.name == "img", t.name == "wbr":
			continue
		case t.name == "a", t.name == "nobr", block[t.name]:
			opensAnew = true
		case formatting[t.name], inline[t.name]:
		default:
			return tokens, false, false
		}
		inside = append(inside, t.name)
	}
	return tokens, false, false
}

// nameAt is the name of the element whose start tag may follow, if it is a short one.
func nameAt(text []byte) string {
	var name [8]byte
	for i, c := range text[:min(len(text), len(name))] {
		switch {
		case isSpace(c) || c == '/' || c == '>':
			return string(name[:i])
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		name[i] = c
	}
	return ""
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' }

// tag reads the tag that begins at a place, to the letter as the parser's tokenizer
// does. It is not whole if the page ends in it.
func (b *bound) tag(at int) (t tag, whole bool) {
	page, i := b.page, at+1
	defer func() { b.work -= min(i, len(page)) - at }()
	if i < len(page) && page[i] == '/' {
		t.closes = true
		i++
	}
	if i >= len(page) || (page[i]|0x20) < 'a' || (page[i]|0x20) > 'z' {
		return t, false
	}
	until := func(stop func(c byte) bool) {
		for i < len(page) && !stop(page[i]) {
			i++
		}
	}
	space := func() { until(func(c byte) bool { return !isSpace(c) }) }
	from := i
	until(func(c byte) bool { return isSpace(c) || c == '/' || c == '>' })
	const longestName = 16
	if i-from <= longestName {
		t.name = string(bytes.ToLower(page[from:i]))
	}
	lastValue := 0 // where the last attribute's value ends
	for {
		if space(); i >= len(page) {
			return t, false
		}
		if page[i] == '>' {
			t.end = i + 1
			t.selfClosing = page[i-1] == '/' && i-1 != lastValue-1
			i++
			return t, true
		}
		key := i
		if page[i] == '=' {
			i++
		}
		until(func(c byte) bool { return isSpace(c) || c == '/' || c == '>' || c == '=' })
		if i > key {
			t.attributes++
		}
		if space(); i >= len(page) {
			return t, false
		}
		switch page[i] {
		case '/':
			i++
			continue
		case '=':
			i++
		default:
			continue
		}
		if space(); i >= len(page) {
			return t, false
		}
		switch quote := page[i]; quote {
		case '>':
		case '"', '\'':
			i++
			if until(func(c byte) bool { return c == quote }); i >= len(page) {
				return t, false
			}
			lastValue = i
			i++
		default:
			until(func(c byte) bool { return isSpace(c) || c == '>' })
			lastValue = i
		}
	}
}
