// Package shape keeps what requests and answers look like that nobody declared, so
// that what is missing can be declared: addresses, names and kinds, and never a value.
//
// What it promises:
//
//   - No value is kept. A name, a part of an address or a class is kept only where
//     each of its words is among the plain words of words.txt; whatever else stands
//     there is one and the same placeholder. Of a value only its kind is kept, one of
//     a closed list.
//   - What is kept is bounded, in number and in bytes. When it is full, what gives way
//     is of the account that brought most of it.
//   - A draft declares nobody harmless: what does not look like a person's is left to
//     whoever reads it.
package shape

import (
	"cmp"
	_ "embed"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Placeholder stands for what is not a plain word.
const Placeholder = "{}"

// Shape is what one kind of request, and its answer, looked like.
type Shape struct {
	Method   string `json:"method"`
	Path     string `json:"path"`               // with a placeholder for each part that is no plain word
	Query    []Part `json:"query,omitempty"`    // of the address
	Media    string `json:"media,omitempty"`    // of the request's body
	Body     []Part `json:"body,omitempty"`     // fields of a form, or members of JSON
	Document string `json:"document,omitempty"` // of GraphQL, with a blank for each name that is no plain word and for each value; of SQL, as Statement has it
	// of SOAP: the one element in the body, as Word has it
	Operation string   `json:"operation,omitempty"`
	Spaces    []string `json:"spaces,omitempty"` // namespaces of XML, as Spaces.Words has them
	Exact     bool     `json:"exact,omitempty"`  // Document is the text of a statement to the letter
	Code      string   `json:"code,omitempty"`   // with which a server did not describe a statement
	Why       string   `json:"why"`              // it was refused
	Socket    string   `json:"socket,omitempty"` // of a WebSocket, or of messages that are polled: Handshake, Sends, Takes, Asks or Answers
	Tag       string   `json:"tag,omitempty"`    // of a message: the members that say its type, with a blank between them
	Type      string   `json:"type,omitempty"`   // and the type it said, or a placeholder
	Prefix    string   `json:"prefix,omitempty"` // up to two digits that stand before its JSON
	Status    int      `json:"status,omitempty"` // the application answered, when that was no answer to look into
	Answer    string   `json:"answer,omitempty"` // content type of the answer; empty when there was none
	Parts     []Part   `json:"parts,omitempty"`
	// names of the cookies that the answer sets
	Cookies []string `json:"cookies,omitempty"`
	More    bool     `json:"more,omitempty"` // there was more in it than is kept
	Times   int      `json:"times"`
	Last    int64    `json:"last"` // seconds since 1970
}

// What was seen of a WebSocket.
const (
	Handshake = "handshake" // that a page asks for one
	Sends     = "sends"     // a message of the application
	Takes     = "takes"     // a message of the page
	Asks      = "asks"      // one that is numbered, so that the page waits for its answer
	Answers   = "answers"   // that answer, under the prefix and the type of what it answers
)

// OtherMedia stands for a content type that is not called by its name.
const OtherMedia = "another content type"

// Part is one place in a request or an answer, and what kinds of values were there.
type Part struct {
	Path  string       `json:"path"`
	Kinds map[Kind]int `json:"kinds"`
	Leads []string     `json:"leads,omitempty"` // where the links there lead, as Path has it but for signs
	Head  string       `json:"head,omitempty"`  // what stands above it in a table, as Word has it
	Type  string       `json:"type,omitempty"`  // of a column or a parameter of SQL
	Tells Telling      `json:"tells,omitempty"` // whether its values told rows of one answer apart
}

// Telling is whether values of one answer told its rows apart.
type Telling string

// What was seen of it; nothing where there was one value in each answer.
const (
	Apart Telling = "apart"
	Same  Telling = "same" // in every row
)

// What a shape may take.
const (
	mostParts    = 96
	mostPath     = 12  // parts of an address
	longestName  = 48  // bytes
	longestPlace = 160 // bytes
	mostLeads    = 3   // addresses that the links of one place lead to
)

//go:embed words.txt
var wordList string

var plain = func() map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(wordList) {
		set[word] = true
	}
	return set
}()

// Word returns a name if each of its words is a plain one, and the placeholder if not.
// Words are told apart by signs, single spaces and capitals; up to two digits may follow one,
// and a place in a list, of one digit in brackets, is none. One small letter by itself tells of nobody, nor does ~.
func Word(name string) string {
	if name == "" || len(name) > longestName {
		return Placeholder
	}
	if len(name) == 1 && (name[0] >= 'a' && name[0] <= 'z' || name == "~") || name == socketIO {
		return name
	}
	from, count := 0, 0
	runes := []rune(name)
	flush := func(to int) bool {
		word := strings.ToLower(string(runes[from:to]))
		from = to
		if word == "" {
			return true
		}
		count++
		digits := len(word) - len(strings.TrimRight(word, "0123456789"))
		if digits == 1 && len(word) == 1 && count > 1 && to < len(runes) && runes[to] == ']' && runes[to-2] == '[' {
			count--
			return true
		}
		word = word[:len(word)-digits]
		return digits <= 2 && count <= 6 && (plain[word] || word == "x" && count == 1)
	}
	for i, r := range runes {
		switch {
		case strings.ContainsRune("-_.:[]/", r), r == ' ' && i > 0 && i < len(runes)-1 && runes[i+1] != ' ':
			if !flush(i) {
				return Placeholder
			}
			from = i + 1
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return Placeholder
		case unicode.IsUpper(r) && i > 0 && unicode.IsLower(runes[i-1]):
			if !flush(i) {
				return Placeholder
			}
		}
	}
	if !flush(len(runes)) || count == 0 {
		return Placeholder
	}
	return name
}

// ownSigns begin names that are most often an application's own, where identifiers of people begin with a letter or a digit: CouchDB's
// _all_docs, FHIR's $everything, ~ of file servers.
const ownSigns = "_$~"

// Path is an address without what could be somebody's. Of its last part, the sign is kept with which it begins.
func Path(segments []string) string {
	var b strings.Builder
	for i, segment := range segments {
		if i == mostPath {
			b.WriteString("/...")
			break
		}
		b.WriteByte('/')
		if segment == "" {
			continue
		}
		word := Word(segment)
		if word == Placeholder && i == len(segments)-1 && strings.ContainsRune(ownSigns, rune(segment[0])) {
			b.WriteByte(segment[0])
		}
		b.WriteString(word)
	}
	return b.String()
}

// ownName is an address up to the name in its last part, of which only the sign is kept.
func ownName(path string) (folder, sign string, ok bool) {
	at := strings.LastIndexByte(path, '/') + 1
	sign, ok = strings.CutSuffix(path[at:], Placeholder)
	return path[:at], sign, ok && sign != "" && strings.Contains(ownSigns, sign)
}

// unsigned is an address in which a name that begins with a sign is a part like any other.
func unsigned(path string) string {
	if folder, _, own := ownName(path); own {
		return folder + Placeholder
	}
	return path
}

// parts gathers places and kinds, so many of them.
type parts struct {
	list   []Part
	at     map[string]int
	first  map[string]string // value at each place
	spaces *Spaces           // of XML
	more   bool
}

func (p *parts) saw(path string, kind Kind) {
	if p.at == nil {
		p.at = make(map[string]int)
	}
	i, known := p.at[path]
	if !known {
		if len(p.list) == mostParts || len(path) > longestPlace {
			p.more = true
			return
		}
		i = len(p.list)
		p.at[path] = i
		p.list = append(p.list, Part{Path: path, Kinds: make(map[Kind]int)})
	}
	p.list[i].Kinds[kind]++
}

// tells notes whether a value is another than the first one at its place.
func (p *parts) tells(path, value string) {
	i, known := p.at[path]
	if !known {
		return
	}
	if p.first == nil {
		p.first = make(map[string]string)
	}
	first, again := p.first[path]
	switch part := &p.list[i]; {
	case !again:
		p.first[path] = value
	case value != first:
		part.Tells = Apart
	case part.Tells == "":
		part.Tells = Same
	}
}

// leads is saw, of a value that may be a link.
func (p *parts) leads(path, value string) {
	p.saw(path, KindOf(value))
	p.tells(path, value)
	i, known := p.at[path]
	if lead := box(value); known && lead != "" {
		p.list[i].Leads = also(p.list[i].Leads, lead)
		return
	}
	to, err := url.Parse(strings.TrimSpace(value))
	if !known || err != nil || !strings.Contains(to.Path, "/") || to.Scheme+to.Host+to.RawQuery+to.Fragment != "" {
		return
	}
	if inside, absolute := strings.CutPrefix(to.Path, "/"); absolute {
		p.list[i].Leads = also(p.list[i].Leads, unsigned(Path(strings.Split(inside, "/"))))
	} else if KindOf(value) == Leading {
		p.list[i].Leads = also(p.list[i].Leads, unsigned(Path(strings.Split(to.Path, "/")))[1:])
	}
}

// unsaid stands for a domain of mail that is not made of plain words.
const unsaid = "…"

// box is a mail address whose box is called by an identifier, without that; empty of any other text.
func box(value string) string {
	name, domain, found := strings.Cut(strings.TrimSpace(value), "@")
	if !found || !isIdentifier.MatchString(name) || !isMail.MatchString(strings.TrimSpace(value)) {
		return ""
	}
	if domain = Word(domain); domain == Placeholder {
		domain = unsaid
	}
	return Placeholder + "@" + domain
}

// heads says what stands above a place in a table.
func (p *parts) heads(path, head string) {
	if i, known := p.at[path]; known && head != Placeholder {
		p.list[i].Head = head
	}
}

// also adds where else a link leads, while there is room.
func also(leads []string, more ...string) []string {
	for _, lead := range more {
		if len(lead) <= longestPlace && len(leads) < mostLeads && !slices.Contains(leads, lead) {
			leads = append(leads, lead)
		}
	}
	return leads
}

// Pairs are what parameters or fields look like.
func Pairs(names, values []string) ([]Part, bool) {
	var p parts
	for i, name := range names {
		p.leads(Word(name), values[i])
	}
	return p.list, p.more
}

// key tells shapes apart.
func (s *Shape) key() string {
	return strings.Join([]string{s.Method, s.Path, s.Media, s.Answer, s.Why, s.Document, s.Operation, s.Socket, s.Type, s.Prefix}, " ")
}

// merge adds what another shape of the same key saw.
func (s *Shape) merge(other *Shape) {
	s.Times += other.Times
	if other.Last >= s.Last {
		s.Status = other.Status
	}
	s.Last = max(s.Last, other.Last)
	s.Exact = s.Exact && other.Exact
	if len(other.Parts) > 0 {
		s.Code = ""
	} else if len(s.Parts) == 0 {
		s.Code = cmp.Or(other.Code, s.Code)
	}
	s.More = s.More || other.More
	s.Cookies = also(s.Cookies, other.Cookies...)
	for i, name := range other.Spaces {
		if i == len(s.Spaces) {
			s.Spaces = append(s.Spaces, name)
		} else if s.Spaces[i] != name {
			s.Spaces[i] = Placeholder // they came in another order
		}
	}
	s.Query, s.Body, s.Parts = join(s, s.Query, other.Query), join(s, s.Body, other.Body), join(s, s.Parts, other.Parts)
}

func join(s *Shape, into, more []Part) []Part {
	for _, part := range more {
		i := slices.IndexFunc(into, func(p Part) bool { return p.Path == part.Path })
		if i < 0 {
			if len(into) >= mostParts {
				s.More = true
				continue
			}
			i = len(into)
			into = append(into, Part{Path: part.Path, Kinds: make(map[Kind]int)})
		}
		into[i].Leads = also(into[i].Leads, part.Leads...)
		into[i].Head = cmp.Or(into[i].Head, part.Head)
		into[i].Type = cmp.Or(part.Type, into[i].Type)
		if into[i].Tells != Apart {
			into[i].Tells = cmp.Or(part.Tells, into[i].Tells)
		}
		for kind, n := range part.Kinds {
			into[i].Kinds[kind] += n
		}
	}
	return into
}
