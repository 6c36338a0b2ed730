package shape

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
)

// What is kept of a document of GraphQL.
const (
	longestDocument = 1 << 10 // bytes
	blank           = "_"     // a name or a value in it that is not kept
)

// grammar is the words of the language itself.
var grammar = []string{"query", "mutation", "subscription", "fragment", "on", "true", "false", "null", "ID", "String", "Int", "Float", "Boolean", "__typename", "__schema", "__type"}

// marks are how tokens are written that have no text.
var marks = map[lexer.Type]string{
	lexer.Bang: "!", lexer.Dollar: "$", lexer.Amp: "&", lexer.ParenL: "(", lexer.ParenR: ")", lexer.Spread: "...", lexer.Colon: ":", lexer.Equals: "=",
	lexer.At: "@", lexer.BracketL: "[", lexer.BracketR: "]", lexer.BraceL: "{", lexer.BraceR: "}", lexer.Pipe: "|",
}

// GraphQL says what a body looks like that asks for an operation of GraphQL: its document, with a blank for
// each name that is no plain word and for each value, and its variables. It reports false for any other.
func GraphQL(body []byte) (document string, variables []Part, ok bool) {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != '{' {
		return "", nil, false
	}
	var sent parts
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return "", nil, false
		}
		member := name.String()
		value, err := decoder.ReadValue()
		switch {
		case err != nil:
			return "", nil, false
		case member == "query" && value.Kind() == '"':
			text, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return "", nil, false
			}
			document, ok = documentOf(string(text))
		case member == "variables" && value.Kind() == '{':
			sent.json(jsontext.NewDecoder(bytes.NewReader(value)), "$.variables", 1)
		}
	}
	return document, slices.DeleteFunc(sent.list, func(p Part) bool { return p.Path == "$.variables" }), ok
}

// documentOf is a document without what could be somebody's; empty when it is longer than is kept.
func documentOf(text string) (string, bool) {
	if _, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, longestDocument); err != nil || !strings.Contains(text, "{") {
		return "", false
	}
	var b strings.Builder
	last := lexer.BraceL
	for reading := lexer.New(&ast.Source{Input: text}); ; {
		token, err := reading.ReadToken()
		switch {
		case err != nil || b.Len() > longestDocument:
			return "", err == nil
		case token.Kind == lexer.EOF:
			return b.String(), true
		case token.Kind == lexer.Comment:
			continue
		}
		said, mark := marks[token.Kind]
		switch {
		case mark:
		case token.Kind == lexer.Name && (slices.Contains(grammar, token.Value) || Word(token.Value) != Placeholder):
			said = token.Value
		default:
			said = blank
		}
		before := slices.Contains([]lexer.Type{lexer.Bang, lexer.Colon, lexer.ParenL, lexer.ParenR, lexer.BracketR}, token.Kind)
		after := slices.Contains([]lexer.Type{lexer.Dollar, lexer.At, lexer.ParenL, lexer.BracketL, lexer.Spread}, last)
		if b.Len() > 0 && !before && !after {
			b.WriteByte(' ')
		}
		b.WriteString(said)
		last = token.Kind
	}
}

// selection sorts the names that a document selects by the row they would lie in: the innermost field
// that has one by which it may name a person.
func selection(document string) map[string][]Part {
	parsed, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil || len(parsed.Operations) != 1 {
		return nil
	}
	rows := make(map[string][]Part)
	left := 1 << 10 // of fields, fragments written out
	var below func(at string, selections ast.SelectionSet, depth int) []Part
	below = func(at string, selections ast.SelectionSet, depth int) (parts []Part) {
		if depth > mostDepth {
			return nil
		}
		for _, one := range selections {
			if left--; left < 0 {
				return nil
			}
			switch one := one.(type) {
			case *ast.InlineFragment:
				parts = append(parts, below(at, one.SelectionSet, depth+1)...)
			case *ast.FragmentSpread:
				if fragment := parsed.Fragments.ForName(one.Name); fragment != nil {
					parts = append(parts, below(at, fragment.SelectionSet, depth+1)...)
				}
			case *ast.Field:
				path := at + step(one.Alias)
				if len(one.SelectionSet) == 0 {
					parts = append(parts, Part{Path: path})
					continue
				}
				inside := below(path, one.SelectionSet, depth+1)
				if naming(inside) == "" || strings.Contains(path, Placeholder) {
					parts = append(parts, inside...)
					continue
				}
				for i := range inside {
					inside[i].Path = "@" + strings.TrimPrefix(inside[i].Path, path)
				}
				rows[path] = append(rows[path], inside...)
			}
		}
		return parts
	}
	if outside := below("$.data", parsed.Operations[0].SelectionSet, 0); len(outside) > 0 {
		rows[""] = outside
	}
	return rows
}
