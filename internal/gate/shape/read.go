package shape

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/html"
)

// What is looked at of a body.
const (
	mostBytes = 512 << 10
	mostDepth = 24
	mostRows  = 200
)

// Read says what a body of a content type looks like. What cannot be read has no
// parts.
func Read(media string, body []byte) ([]Part, bool) {
	var p parts
	if len(body) > mostBytes {
		body, p.more = body[:mostBytes], true
	}
	switch {
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		p.json(jsontext.NewDecoder(bytes.NewReader(body)), "$", 0)
	case strings.Contains(media, "ndjson") || media == "application/jsonl":
		for line := range bytes.Lines(body) {
			p.json(jsontext.NewDecoder(bytes.NewReader(line)), "$", 0)
		}
	case media == "text/html":
		p.html(body)
	case media == "text/csv" || media == "application/csv":
		p.csv(body)
	}
	return p.list, p.more
}

// step is a member's name as a path has it.
func step(name string) string {
	word := Word(name)
	switch {
	case word == Placeholder:
		return "[" + Placeholder + "]"
	case strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "":
		return "." + word
	default:
		return "['" + word + "']"
	}
}

// json reads one value, and reports whether it could.
func (p *parts) json(d *jsontext.Decoder, path string, depth int) bool {
	kind := d.PeekKind()
	switch {
	case (kind == '{' || kind == '[') && depth == mostDepth:
		p.more = true
		return d.SkipValue() == nil
	case kind == '{':
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		empty := true
		for d.PeekKind() == '"' {
			empty = false
			name, err := d.ReadToken()
			if err != nil || !p.json(d, path+step(name.String()), depth+1) {
				return false
			}
		}
		if empty {
			p.saw(path, Nothing)
		}
	case kind == '[':
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		count := 0
		for ; d.PeekKind() != ']' && d.PeekKind() != 0; count++ {
			if count >= mostRows {
				if d.SkipValue() != nil {
					return false
				}
				continue
			}
			if !p.json(d, path+"[*]", depth+1) {
				return false
			}
		}
		if count == 0 {
			p.saw(path, Nothing)
		}
	case kind == '"':
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		p.saw(path, KindOf(token.String()))
		return true
	case kind == '0':
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		found := Number
		if number := token.String(); KindOf(number) == Identifier || KindOf(number) == NIR {
			found = KindOf(number)
		}
		p.saw(path, found)
		return true
	case kind == 't' || kind == 'f':
		p.saw(path, Truth)
		return d.SkipValue() == nil
	case kind == 'n':
		p.saw(path, Nothing)
		return d.SkipValue() == nil
	default:
		return false
	}
	_, err := d.ReadToken()
	return err == nil
}

// csv reads a file by its columns.
func (p *parts) csv(body []byte) {
	header, _, _ := bytes.Cut(body, []byte("\n"))
	lines := csv.NewReader(bytes.NewReader(body))
	for _, comma := range ";\t" {
		if bytes.ContainsRune(header, comma) {
			lines.Comma = comma
			break
		}
	}
	names, err := lines.Read()
	if err != nil {
		return
	}
	for range mostRows {
		record, err := lines.Read()
		if err == io.EOF || err != nil {
			return
		}
		for i, cell := range record {
			p.saw(Word(names[i]), KindOf(cell))
		}
	}
}

// rows are the elements that may stand for one person.
var rows = []string{"tr", "li", "article", "option", "dl"}

// silent are those whose text nobody sees.
var silent = []string{"script", "style", "head", "title", "template", "noscript", "svg"}

// void are those that have no inside.
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// html reads a page's texts by the elements they are in, without making a tree of it.
func (p *parts) html(body []byte) {
	type open struct {
		tag, selector string
		cells         int
	}
	tokens := html.NewTokenizer(bytes.NewReader(body))
	tokens.SetMaxBuf(64 << 10)
	var stack []open
	at := func() (row, part string, hidden bool) {
		for i := len(stack) - 1; i >= 0; i-- {
			if slices.Contains(silent, stack[i].tag) {
				return "", "", true
			}
			if row == "" && slices.Contains(rows, stack[i].tag) {
				row = stack[i].selector
				if i+1 < len(stack) {
					part = stack[i+1].selector
					if last := stack[len(stack)-1]; len(stack) > i+2 {
						part += " " + last.selector
					}
				}
			}
		}
		if row == "" && len(stack) > 0 {
			part = stack[len(stack)-1].selector
		}
		return row, part, false
	}
	saw := func(what string, kind Kind) {
		if row, part, hidden := at(); !hidden {
			p.saw(strings.TrimSpace(row+" | "+part+what), kind)
		}
	}
	for {
		switch kind := tokens.Next(); kind {
		case html.ErrorToken:
			return
		case html.TextToken:
			if text := strings.Join(strings.Fields(string(tokens.Text())), " "); text != "" {
				saw("", KindOf(text))
			}
		case html.EndTagToken:
			name, _ := tokens.TagName()
			for i := len(stack) - 1; i >= 0; i-- {
				if stack[i].tag == string(name) {
					stack = stack[:i]
					break
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if len(stack) == 4*mostDepth {
				p.more = true
				return
			}
			for i := len(stack) - 1; i >= 0 && (token.Data == "tr" || token.Data == "td" || token.Data == "th" || token.Data == "li"); i-- { // they close what is before them
				if stack[i].tag == token.Data || token.Data == "tr" && (stack[i].tag == "td" || stack[i].tag == "th") {
					stack = stack[:i]
				} else if stack[i].tag == "table" || stack[i].tag == "ul" || stack[i].tag == "ol" {
					break
				}
			}
			one := open{tag: Placeholder, selector: Placeholder}
			place := ""
			if token.Data == "td" && len(stack) > 0 {
				stack[len(stack)-1].cells++
				place = fmt.Sprintf(":nth-of-type(%d)", stack[len(stack)-1].cells)
			}
			for _, a := range token.Attr {
				if a.Key != "class" {
					continue
				}
				for class := range strings.FieldsSeq(a.Val) {
					if Word(class) != Placeholder && !strings.ContainsAny(class, ".:[]/") {
						place = "." + class
						break
					}
				}
			}
			if token.DataAtom != 0 {
				one.tag, one.selector = token.Data, token.Data+place
			}
			stack = append(stack, one)
			for _, a := range token.Attr {
				if a.Key == "href" || a.Key == "value" || strings.HasPrefix(a.Key, "data-") && Word(strings.TrimPrefix(a.Key, "data-")) != Placeholder {
					saw("@"+a.Key, KindOf(a.Val))
				}
			}
			if kind == html.SelfClosingTagToken || slices.Contains(void, token.Data) {
				stack = stack[:len(stack)-1]
			}
		}
	}
}
