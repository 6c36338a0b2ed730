package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"poterne/internal/fault"
)

// What a document of GraphQL may take.
const (
	largestDocument = 64 << 10 // bytes
	mostTokens      = 8192
)

// Document is one declared operation of GraphQL, with its fragments. It is safe to share.
type Document struct {
	Name    string // of its operation; empty when it has none
	Changes bool   // it is a mutation

	text      string
	hash      string // SHA-256 of the text, as clients send it in its place
	tokens    tokens
	operation *ast.OperationDefinition
	fragments ast.FragmentDefinitionList
}

// tokens are what tells documents apart: the digest of each token with its kind and its text, in their
// order. Blanks, commas and comments, which mean nothing, are no tokens.
type tokens [sha256.Size]byte

// CompileDocument checks a document that is declared.
func CompileDocument(text string) (*Document, error) {
	found, err := tokensOf(text)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, mostTokens)
	if err != nil {
		return nil, fmt.Errorf("it is no document of GraphQL: %w", err)
	}
	if len(parsed.Operations) != 1 {
		return nil, fmt.Errorf("it has %d operations; declare a route for each, with the fragments that it uses", len(parsed.Operations))
	}
	hash := sha256.Sum256([]byte(text))
	d := &Document{text: text, hash: hex.EncodeToString(hash[:]), tokens: found, operation: parsed.Operations[0], fragments: parsed.Fragments}
	d.Name, d.Changes = d.operation.Name, d.operation.Operation == ast.Mutation
	if d.operation.Operation == ast.Subscription {
		return nil, errors.New("a subscription goes on answering, which is not read; declare a query that asks again")
	}
	if err := d.checkFragments(); err != nil {
		return nil, err
	}
	return d, nil
}

// checkFragments wants each fragment to be there once, to be used, and not to use itself; and nothing
// to be answered in parts.
func (d *Document) checkFragments() error {
	used := make(map[string]bool)
	var check func(selections ast.SelectionSet, within []string) error
	check = func(selections ast.SelectionSet, within []string) error {
		for _, one := range selections {
			var inside ast.SelectionSet
			var directives ast.DirectiveList
			path := within
			switch one := one.(type) {
			case *ast.Field:
				inside, directives = one.SelectionSet, one.Directives
			case *ast.InlineFragment:
				inside, directives = one.SelectionSet, one.Directives
			case *ast.FragmentSpread:
				directives = one.Directives
				fragment := d.fragments.ForName(one.Name)
				switch {
				case fragment == nil:
					return fmt.Errorf("it uses the fragment %s, and does not have it", one.Name)
				case slices.Contains(within, one.Name):
					return fmt.Errorf("the fragment %s uses itself", one.Name)
				case !used[one.Name]:
					used[one.Name] = true
					inside, path = fragment.SelectionSet, append(slices.Clone(within), one.Name)
				}
			}
			if directives.ForName("defer") != nil || directives.ForName("stream") != nil {
				return errors.New("with @defer or @stream it is answered in parts, which are not read; leave them out, in the application's client as well")
			}
			if err := check(inside, path); err != nil {
				return err
			}
		}
		return nil
	}
	if err := check(d.operation.SelectionSet, nil); err != nil {
		return err
	}
	for i, fragment := range d.fragments {
		if d.fragments.ForName(fragment.Name) != d.fragments[i] {
			return fmt.Errorf("it has two fragments of the name %s", fragment.Name)
		}
		if !used[fragment.Name] {
			return fmt.Errorf("it does not use the fragment %s, and applications refuse that; leave it out", fragment.Name)
		}
	}
	return nil
}

// tokensOf reads a document as far as its tokens.
func tokensOf(text string) (tokens, error) {
	if len(text) > largestDocument {
		return tokens{}, fmt.Errorf("a document has at most %d bytes", largestDocument)
	}
	digest := sha256.New()
	for reading, n := lexer.New(&ast.Source{Input: text}), 0; ; {
		token, err := reading.ReadToken()
		switch {
		case err != nil:
			return tokens{}, fmt.Errorf("it is no document of GraphQL: %w", err)
		case token.Kind == lexer.EOF:
			return tokens(digest.Sum(nil)), nil
		case token.Kind == lexer.Comment:
			continue
		case n == mostTokens:
			return tokens{}, fmt.Errorf("a document has at most %d tokens", mostTokens)
		}
		n++
		fmt.Fprintf(digest, "%d %d %s\n", token.Kind, len(token.Value), token.Value)
	}
}

// Same reports whether two documents ask for the same, but for blanks, commas and comments.
func (d *Document) Same(other *Document) bool { return d.tokens == other.tokens }

// Variables are the names of the operation's variables; needed are those that every request sends.
func (d *Document) Variables() (all, needed []string) {
	for _, v := range d.operation.VariableDefinitions {
		all = append(all, v.Variable)
		if v.Type.NonNull && v.DefaultValue == nil {
			needed = append(needed, v.Variable)
		}
	}
	return all, needed
}

// AskedGraphQL is what was read of a request that asks for an operation of GraphQL.
type AskedGraphQL struct {
	operation string // by its name; empty when it is not said
	known     bool   // the document was read
	tokens    tokens
	hash      string // of a document that is known to both sides
	variables jsontext.Value
}

// Why a request asks for no operation. The texts hold nothing of it.
var (
	errNoGraphQL = errors.New("not strict JSON, a name comes twice, or no request of GraphQL")
	errBatch     = errors.New("several requests of GraphQL in one; have the application's client send each alone (batching)")
	errMember    = errors.New("a request of GraphQL has query, operationName, variables and extensions, and of these persistedQuery alone")
	errHash      = errors.New("the digest is not that of the document")
)

// ReadGraphQL reads a request as far as what it asks for.
func ReadGraphQL(body []byte) (asked AskedGraphQL, err error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if decoder.PeekKind() == '[' {
		return asked, errBatch
	}
	var query []byte
	err = eachMember(decoder, func(name string) error {
		value, err := decoder.ReadValue()
		if err != nil {
			return err
		}
		switch kind := value.Kind(); {
		case name == "query" && kind == '"':
			query, err = jsontext.AppendUnquote(nil, value)
		case name == "operationName" && kind == '"':
			var plain []byte
			plain, err = jsontext.AppendUnquote(nil, value)
			asked.operation = string(plain)
		case name == "variables" && kind == '{':
			asked.variables = value.Clone()
		case name == "extensions" && kind == '{':
			asked.hash, err = persisted(value)
		case kind == 'n' && slices.Contains([]string{"operationName", "variables", "extensions"}, name):
		default:
			err = errMember
		}
		return err
	})
	if err == nil {
		if _, err = decoder.ReadToken(); err == io.EOF {
			err = nil
		} else {
			err = errNoGraphQL
		}
	}
	switch {
	case err != nil && err != errMember && err != errHash:
		return asked, errNoGraphQL // the decoder's own words quote the body
	case err != nil || query == nil:
		return asked, err
	}
	if hash := sha256.Sum256(query); asked.hash != "" && asked.hash != hex.EncodeToString(hash[:]) {
		return asked, errHash
	}
	asked.known = true
	if asked.tokens, err = tokensOf(string(query)); err != nil {
		err = errNoGraphQL // the lexer's own words quote the document
	}
	return asked, err
}

// eachMember reads an object, and has of each member the value read.
func eachMember(decoder *jsontext.Decoder, read func(name string) error) error {
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != '{' {
		return errNoGraphQL
	}
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := decoder.ReadToken()
	return err
}

// persisted reads extensions: the digest that stands for a document, or nothing.
func persisted(extensions jsontext.Value) (hash string, err error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(extensions))
	err = eachMember(decoder, func(name string) error {
		if name != "persistedQuery" {
			return errMember
		}
		return eachMember(decoder, func(name string) error {
			value, err := decoder.ReadValue()
			switch {
			case err != nil:
				return err
			case name == "version" && string(value) == "1":
				return nil
			case name == "sha256Hash" && value.Kind() == '"':
				plain, err := jsontext.AppendUnquote(nil, value)
				if hash = string(plain); len(plain) != 2*sha256.Size {
					return errHash
				}
				return err
			default:
				return errMember
			}
		})
	})
	return hash, err
}

// For reports whether the request asks for a document, under its own name or none. A name alone is
// nothing: it says which operation of a document is meant.
func (a AskedGraphQL) For(d *Document) bool {
	if a.operation != "" && a.operation != d.Name {
		return false
	}
	return a.known && a.tokens == d.tokens || !a.known && a.hash == d.hash
}

// Variables is an object with the one member variables, as paths name them: $.variables.id.
func (a AskedGraphQL) Variables() []byte {
	if a.variables == nil {
		return []byte(`{"variables":{}}`)
	}
	return slices.Concat([]byte(`{"variables":`), a.variables, []byte(`}`))
}

// NoVariables reports whether none are sent.
func (a AskedGraphQL) NoVariables() bool {
	return len(bytes.Trim(a.variables, "{} \t\r\n")) == 0
}

// Request is what the application is sent for a document: its text as it is declared, and the
// variables as they came.
func (d *Document) Request(a AskedGraphQL) ([]byte, error) {
	body, err := jsontext.AppendQuote([]byte(`{"query":`), d.text)
	if err == nil && d.Name != "" {
		body, err = jsontext.AppendQuote(append(body, `,"operationName":`...), d.Name)
	}
	if err != nil {
		return nil, err
	}
	return append(append(body, ','), a.Variables()[1:]...), nil
}

// GraphQLOutcome is what an answer says of the operation as a whole.
type GraphQLOutcome string

// The outcomes there are.
const (
	GraphQLAnswered GraphQLOutcome = "answered" // there is data, if not all of it
	GraphQLRefused  GraphQLOutcome = "refused"  // it was not begun
	GraphQLFailed   GraphQLOutcome = "failed"   // it was begun, and has no data
)

// ReadGraphQLOutcome reads an answer as far as whether it has data.
func ReadGraphQLOutcome(body []byte) (GraphQLOutcome, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	outcome, errors := GraphQLRefused, false
	err := eachMember(decoder, func(name string) error {
		kind := decoder.PeekKind()
		switch {
		case name == "data" && kind == '{':
			outcome = GraphQLAnswered
		case name == "data" && kind == 'n':
			outcome = GraphQLFailed
		case name == "data":
			return errNoGraphQL
		case name == "errors":
			errors = kind == '['
		}
		return decoder.SkipValue()
	})
	if err != nil || outcome == GraphQLRefused && !errors {
		return "", errNoAnswer
	}
	return outcome, nil
}

var errNoAnswer = errors.New("it is no answer of GraphQL: an object with data, errors or both")

// CheckLayout complains about paths that lead to nothing the document selects, or to what the
// application says of what went wrong, which may quote anybody.
func (d *Document) CheckLayout(l Layout) error {
	var wrong fault.Complaints
	for i, group := range l.People {
		at := fmt.Sprintf("people[%d]", i)
		row, err := d.follow(nil, group.Row, '$')
		if err != nil {
			wrong.Add(at+".row", "%q: %v", group.Row, err)
			continue
		}
		for j, naming := range group.Person {
			if _, err := d.follow(row, naming.Path, '@'); err != nil {
				wrong.Add(fmt.Sprintf("%s.person[%d].path", at, j), "%q: %v", naming.Path, err)
			}
		}
		for j, part := range group.Fields {
			if _, err := d.follow(row, part.Path, '@'); err != nil {
				wrong.Add(fmt.Sprintf("%s.fields[%d].path", at, j), "%q: %v", part.Path, err)
			}
		}
	}
	for i, path := range l.Plain {
		if path == errorCode {
			continue
		}
		if _, err := d.follow(nil, path, '$'); err != nil {
			wrong.Add(fmt.Sprintf("plain[%d]", i), "%q: %v", path, err)
		}
	}
	return wrong.Err()
}

// errorCode is the one part of an answer's errors that may go out: a word of the application's, by
// which its client tells errors apart.
const errorCode = "$.errors[*].extensions.code"

// selected are the fields that may be at a place of the answer. Anything may be where a field has no
// fields of its own: it may be of a type that is JSON.
type selected struct {
	fields []*ast.Field
	any    bool
}

// follow goes a path through what the document selects. A path in a row goes on from at.
func (d *Document) follow(at *selected, path string, root byte) (*selected, error) {
	if path == ownName {
		return at, nil
	}
	steps, err := parsePath(path, root)
	if err != nil {
		return nil, nil // said where paths are read
	}
	if root == '$' {
		if len(steps) == 0 || steps[0].descend || !slices.Equal(steps[0].names, []string{"data"}) || steps[0].any || len(steps[0].filters)+len(steps[0].indices) > 0 {
			return nil, fmt.Errorf("an answer of GraphQL has what it shows under $.data; of its errors, whose words may quote anybody, only %s may go out", errorCode)
		}
		at, steps = &selected{fields: d.fieldsOf(d.operation.SelectionSet)}, steps[1:]
	}
	for _, s := range steps {
		if at == nil || at.any || s.descend {
			return &selected{any: true}, nil
		}
		if len(s.names) == 0 {
			if s.any { // of a list, or the fields of an object
				all := &selected{fields: slices.Clone(at.fields)}
				for _, field := range at.fields {
					all.fields = append(all.fields, d.fieldsOf(field.SelectionSet)...)
				}
				at = all
			}
			continue
		}
		next := &selected{}
		found := false
		for _, field := range at.fields {
			if !slices.Contains(s.names, responseName(field)) {
				continue
			}
			found = true
			next.fields = append(next.fields, d.fieldsOf(field.SelectionSet)...)
			next.any = next.any || len(field.SelectionSet) == 0
		}
		if !found {
			return nil, fmt.Errorf("the document selects no %s there", s.names[0])
		}
		at = next
	}
	return at, nil
}

// responseName is the name under which a field stands in the answer.
func responseName(field *ast.Field) string {
	if field.Alias != "" {
		return field.Alias
	}
	return field.Name
}

// fieldsOf are the fields of a selection, those of fragments among them.
func (d *Document) fieldsOf(selections ast.SelectionSet) (fields []*ast.Field) {
	for _, one := range selections {
		switch one := one.(type) {
		case *ast.Field:
			fields = append(fields, one)
		case *ast.InlineFragment:
			fields = append(fields, d.fieldsOf(one.SelectionSet)...)
		case *ast.FragmentSpread:
			fields = append(fields, d.fieldsOf(d.fragments.ForName(one.Name).SelectionSet)...)
		}
	}
	return fields
}
