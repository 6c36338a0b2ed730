package shape

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"poterne/internal/register"
)

// SQL stands in place of a method for a statement of SQL.
const SQL = "SQL"

// What is kept of a statement.
const (
	longestStatement = 2 << 10 // bytes
	longestRead      = 16 << 10
	longestSign      = 4 // of an operator
	highestParameter = 99
	anotherStatement = "another statement"
	anotherType      = "another type"
)

// verbs are how a statement begins that is called by it.
var verbs = []string{
	"select", "with", "table", "values", "insert", "update", "delete", "merge", "copy", "execute", "prepare", "deallocate", "declare", "fetch", "move", "close", "listen", "unlisten", "notify",
	"set", "reset", "show", "explain", "analyze", "vacuum", "create", "alter", "drop", "truncate", "grant", "revoke", "begin", "start", "commit", "rollback", "savepoint", "release", "lock", "call", "do", "discard",
}

// grammarOfSQL is the words of the language itself, its usual types and functions.
var grammarOfSQL = func() map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(`
		select with recursive materialized as distinct on from where group by having order asc desc nulls first last limit offset fetch next row rows only ties union all intersect except
		inner left right full outer cross natural join lateral using and or not in is null like ilike similar to between symmetric exists any some case when then else end
		over partition range groups preceding following current unbounded window filter within ordinality tablesample for update share nowait skip locked of
		insert into values update set delete returning default conflict do nothing merge matched create alter drop table view index schema function temporary temp if
		cast collate at time zone array escape isnull notnull unknown explain analyze verbose copy stdin stdout execute prepare declare cursor grant revoke show begin commit rollback call
		int int2 int4 int8 integer bigint smallint numeric decimal real float double precision boolean bool text varchar char character varying date timestamp timestamptz interval uuid json jsonb bytea inet
		count sum avg min max coalesce nullif greatest least now current_date current_time current_timestamp localtime localtimestamp current_user session_user
		lower upper trim ltrim rtrim btrim length substring substr position replace concat concat_ws left right lpad rpad initcap split_part string_agg array_agg json_agg jsonb_agg json_build_object jsonb_build_object
		row_number rank dense_rank lag lead first_value last_value ntile extract date_part date_trunc age to_char to_date to_number to_timestamp round floor ceil abs mod generate_series unnest
		bool_and bool_or every percentile_cont percentile_disc year month day hour minute second epoch dow week quarter regexp_replace regexp_matches unaccent row_to_json to_json to_jsonb`) {
		set[word] = true
	}
	return set
}()

// begins are the words of the language that a value may follow.
var begins = strings.Fields("select distinct where on and or not in like ilike similar to between symmetric when then else case limit offset fetch next first by having from values set using returning all any some as is escape filter for")

// literal are the types that may stand before the text of a constant.
var literal = []string{"date", "time", "timestamp", "timestamptz", "interval", "uuid", "json", "jsonb", "numeric", "integer", "bigint", "boolean", "bool", "text", "inet"}

// typesOf are the types that are called by their names, as PostgreSQL numbers them.
var typesOf = map[uint32]string{
	16: "boolean", 17: "bytea", 20: "bigint", 21: "smallint", 23: "integer", 25: "text", 114: "json", 650: "cidr", 700: "real", 701: "double precision", 869: "inet",
	1005: "smallint[]", 1007: "integer[]", 1009: "text[]", 1015: "varchar[]", 1016: "bigint[]", 1042: "char", 1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval",
	1231: "numeric[]", 1700: "numeric", 2950: "uuid", 2951: "uuid[]", 3802: "jsonb",
}

// ofType is what a value of a type looks like, where that says something.
var ofType = map[string]Kind{
	"boolean": Truth, "bigint": Number, "smallint": Number, "integer": Number, "date": Date, "timestamp": Date, "timestamptz": Date, "uuid": Identifier,
}

// mayName are the types of a column or a parameter that can name a person.
var mayName = []string{"bigint", "smallint", "integer", "text", "varchar", "uuid"}

// Statement is what a statement of SQL looks like.
type Statement struct {
	// Verb is how it begins, one of a closed list.
	Verb string
	// Kept is its text without comments and without a constant, each of which is a parameter, with
	// a blank for each name that is neither the language's nor a plain word. It is empty where the
	// text cannot be taken apart, or is longer than is kept.
	Kept string
	// Exact says that Kept is the text to the letter.
	Exact bool
	// Asks is as Kept is, with every name: for the server to describe, and never kept.
	Asks string
	// Parameters are those that stand for constants, and what kinds of values these were.
	Parameters []Part
	// More says that it is longer than is kept.
	More bool
}

// Reads reports whether it is one statement that begins as one does that reads.
func (s *Statement) Reads() bool {
	return (s.Verb == "select" || s.Verb == "with") && s.Kept != "" && !strings.Contains(s.Kept, ";")
}

// word is one word of a statement.
type word struct {
	is     wordKind
	text   string   // as it stands
	values []string // of a constant
	number int      // of a parameter
}

func (w word) white() bool { return w.is == space || w.is == comment }

type wordKind int

const (
	space    wordKind = iota
	comment           // white space as well
	name              // not in quotation marks
	quoted            // a name in quotation marks
	constant          // a text
	figure            // a constant that is a number, or true or false
	parameter
	sign
)

// ReadSQL says what a statement looks like. However its text is read, nothing else of it is kept
// than words of the language, plain words and signs: a server that reads it otherwise finds no value in it.
func ReadSQL(text string) Statement {
	s := Statement{Verb: anotherStatement}
	text = strings.Trim(text, whiteSpace)
	text = strings.TrimRight(strings.TrimSuffix(text, ";"), whiteSpace)
	whole := len(text) <= longestRead
	words, ok := wordsOf(text[:min(len(text), longestRead)])
	for _, w := range words {
		if w.white() {
			continue
		}
		if verb := strings.ToLower(w.text); w.is == name && slices.Contains(verbs, verb) {
			s.Verb = verb
		}
		break
	}
	if !ok || !whole {
		s.More = !whole
		return s
	}
	words = listed(signed(words))
	next := 1
	for _, w := range words {
		if w.is == parameter {
			next = max(next, w.number+1)
		}
	}
	var kept, asks []string
	var found parts
	exact := true
	typed := -1 // the place of a type that a constant may follow
	member := false
	for _, w := range words {
		is, as := w.text, w.text
		switch w.is {
		case comment:
			is, as, exact = " ", " ", false
		case space:
			is = strings.Map(func(r rune) rune {
				if r == '\v' || r == '\f' {
					exact = false
					return ' '
				}
				return r
			}, is)
		case name:
			if !grammarOfSQL[strings.ToLower(w.text)] && Word(w.text) == Placeholder {
				is, exact = blank, false
			}
		case quoted:
			if inside := w.text[1 : len(w.text)-1]; Word(inside) == Placeholder {
				is, exact = blank, false
			}
		case constant, figure:
			exact = false
			if member && len(w.values) == 1 && Word(w.values[0]) != Placeholder { // the name of a member of JSON
				is = "'" + w.values[0] + "'"
				as, exact = is, true
				break
			}
			place := "$" + strconv.Itoa(next)
			next++
			for _, value := range w.values {
				found.saw(place, KindOf(value))
			}
			if is, as = place, place; typed >= 0 && w.is == constant {
				kept[typed], asks[typed] = place+"::"+kept[typed], place+"::"+asks[typed]
				is, as = "", ""
			}
		}
		if !w.white() {
			typed = -1
			if w.is == name && slices.Contains(literal, strings.ToLower(w.text)) {
				typed = len(kept)
			}
			member = w.is == sign && (w.text == "->" || w.text == "->>")
		}
		kept, asks = append(kept, is), append(asks, as)
	}
	s.Parameters = found.list
	s.Kept, s.Asks = joined(kept), joined(asks)
	if s.Exact = exact; len(s.Kept) > longestStatement || next > highestParameter+1 {
		return Statement{Verb: s.Verb, More: true}
	}
	return s
}

// joined is a text of its words: those that would be one are kept apart.
func joined(words []string) string {
	var b strings.Builder
	var last byte
	inName := func(c byte) bool {
		return c == '_' || c == '$' || c >= utf8.RuneSelf || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	for _, w := range words {
		if w == "" {
			continue
		}
		if inName(last) && inName(w[0]) {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		last = w[len(w)-1]
	}
	return strings.Trim(b.String(), whiteSpace)
}

const whiteSpace = " \t\r\n\f\v"

var (
	spaceOfSQL     = regexp.MustCompile(`^[ \t\r\n\f\v]+`)
	nameOfSQL      = regexp.MustCompile(`^[A-Za-z_\x{80}-\x{10ffff}][A-Za-z0-9_$\x{80}-\x{10ffff}]*`)
	numberOfSQL    = regexp.MustCompile(`^(\.?[0-9])([eE][+-][0-9]|[A-Za-z0-9_.\x{80}-\x{10ffff}])*`)
	parameterOfSQL = regexp.MustCompile(`^\$[1-9][0-9]?`)
	dollarsOfSQL   = regexp.MustCompile(`^\$([A-Za-z_\x{80}-\x{10ffff}][A-Za-z0-9_\x{80}-\x{10ffff}]*)?\$`)
	signOfSQL      = regexp.MustCompile(`^(::|:=|[-+*/<>=~!@#%^&|` + "`" + `?]+|[:.,;()\[\]])`)
	prefixOfText   = regexp.MustCompile(`^([eEnNbBxX]|[uU]&)'`)
)

// wordsOf takes a statement apart as PostgreSQL does. It reports false for what it cannot, with the
// words before.
func wordsOf(text string) (words []word, ok bool) {
	if !utf8.ValidString(text) {
		return nil, false
	}
	for text != "" {
		w := word{is: sign}
		switch {
		case spaceOfSQL.MatchString(text):
			w.is, w.text = space, spaceOfSQL.FindString(text)
		case strings.HasPrefix(text, "--"):
			line, _, _ := strings.Cut(text, "\n")
			w.is, w.text = comment, line
		case strings.HasPrefix(text, "/*"):
			w.is, w.text = comment, commented(text)
		case text[0] == '\'':
			w.is = constant
			w.text, w.values = inQuotes(text, '\'', false)
		case prefixOfText.MatchString(text):
			w.is = constant
			before := strings.IndexByte(text, '\'')
			w.text, w.values = inQuotes(text[before:], '\'', text[0] == 'e' || text[0] == 'E')
			if w.text != "" {
				w.text = text[:before] + w.text
			}
		case strings.HasPrefix(text, `U&"`) || strings.HasPrefix(text, `u&"`):
			said, _ := inQuotes(text[2:], '"', false)
			if w.is = quoted; said != "" { // what its escapes stand for is not looked into
				words = append(words, word{is: quoted, text: `"` + Placeholder + `"`})
				text = text[2+len(said):]
				continue
			}
		case text[0] == '"':
			w.is = quoted
			w.text, _ = inQuotes(text, '"', false)
		case dollarsOfSQL.MatchString(text):
			tag := dollarsOfSQL.FindString(text)
			if end := strings.Index(text[len(tag):], tag); end >= 0 {
				w.is, w.text, w.values = constant, text[:end+2*len(tag)], []string{text[len(tag) : len(tag)+end]}
			}
		case parameterOfSQL.MatchString(text):
			w.is, w.text = parameter, parameterOfSQL.FindString(text)
			w.number, _ = strconv.Atoi(w.text[1:])
			if after := text[len(w.text):]; after != "" && (after[0] >= '0' && after[0] <= '9' || nameOfSQL.MatchString(after)) {
				return words, false
			}
		case numberOfSQL.MatchString(text):
			w.is, w.text = figure, numberOfSQL.FindString(text)
			w.values = []string{w.text}
		case nameOfSQL.MatchString(text):
			w.is, w.text = name, nameOfSQL.FindString(text)
		default:
			w.text = operator(text)
		}
		if w.text == "" {
			return words, false
		}
		text = text[len(w.text):]
		words = append(words, w)
	}
	return words, true
}

// commented is the comment that a text begins with, others within it; empty when it does not end.
func commented(text string) string {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			if i++; depth == 0 {
				return text[:i+1]
			}
		}
	}
	return ""
}

// inQuotes is what a text begins with in quotation marks, which are doubled within it, and what it says; empty when
// it does not end.
func inQuotes(text string, mark byte, escapes bool) (whole string, says []string) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] != mark:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == mark:
			b.WriteByte(mark)
			i++
		default:
			return text[:i+1], []string{b.String()}
		}
	}
	return "", nil
}

// operator is the sign that a text begins with, as PostgreSQL ends it; empty when there is none, or
// it is longer than any that is usual.
func operator(text string) string {
	found := signOfSQL.FindString(text)
	for _, begins := range []string{"--", "/*"} {
		if at := strings.Index(found, begins); at > 0 {
			found = found[:at]
		}
	}
	for len(found) > 1 && strings.HasSuffix(found, "-") || len(found) > 1 && strings.HasSuffix(found, "+") {
		if strings.ContainsAny(found, "~!@#%^&|`?") {
			break
		}
		found = found[:len(found)-1]
	}
	if len(found) > longestSign {
		return ""
	}
	return found
}

// signed joins a sign to the number that it is of, and the texts of one constant. True and false are constants, but
// where something is asked to be so.
func signed(words []word) (all []word) {
	ended, is := false, false // whether a value may have ended; whether IS stands before
	last, unary := -1, -1     // the places of the last that is no white space, and of a sign that is of what follows
	for _, w := range words {
		if w.white() {
			all = append(all, w)
			continue
		}
		lower := strings.ToLower(w.text)
		if w.is == name && (lower == "true" || lower == "false") && !is {
			w.is, w.values = figure, []string{lower}
		}
		switch {
		case w.is == figure && unary >= 0:
			w.values = []string{all[unary].text + w.values[0]}
			all = append(all[:unary], w)
		case w.is == constant && last >= 0 && all[last].is == constant:
			all[last].values = []string{all[last].values[0] + w.values[0]}
		default:
			last = len(all)
			all = append(all, w)
		}
		unary = -1
		if w.is == sign && (w.text == "-" || w.text == "+") && !ended {
			unary = last
		}
		is = w.is == name && (lower == "is" || is && lower == "not")
		switch w.is {
		case name:
			ended = !slices.Contains(begins, lower)
		case sign:
			ended = w.text == ")" || w.text == "]"
		default:
			ended = true
		}
	}
	return all
}

// listed has each list of constants be one: how many there are changes from one time to the next.
func listed(words []word) []word {
	said := func(i int, is wordKind, text string) bool {
		return i >= 0 && i < len(words) && words[i].is == is && strings.EqualFold(words[i].text, text)
	}
	words = slices.Clone(words)
	for from := 0; from < len(words); from++ {
		if !said(from, sign, "(") && !said(from, sign, "[") {
			continue
		}
		before := from - 1
		for before >= 0 && words[before].white() {
			before--
		}
		in, array := said(from, sign, "(") && said(before, name, "in"), said(from, sign, "[") && said(before, name, "array")
		if !in && !array {
			continue
		}
		var values []string
		to, wants := from+1, true
		for ; to < len(words); to++ {
			w := words[to]
			if w.white() {
				continue
			}
			if wants && (w.is == constant || w.is == figure) {
				values, wants = append(values, w.values...), false
			} else if !wants && w.is == sign && w.text == "," {
				wants = true
			} else {
				break
			}
		}
		closed := !wants && (in && said(to, sign, ")") || array && said(to, sign, "]"))
		switch {
		case !closed || in && len(values) < 2:
		case array:
			words = slices.Replace(words, before, to+1, word{is: constant, text: "'", values: values})
		default:
			as, begin := "= any", before
			for begin--; begin >= 0 && words[begin].white(); begin-- {
			}
			if said(begin, name, "not") {
				as, before = "<> all", begin
			}
			words = slices.Replace(words, before, to+1, word{is: sign, text: as + "("}, word{is: constant, text: "'", values: values}, word{is: sign, text: ")"})
		}
	}
	return words
}

// Parameters are what a statement takes, by their types.
func Parameters(types []uint32) ([]Part, bool) {
	return ofTypes(types, func(i int) string { return "$" + strconv.Itoa(i+1) })
}

// Columns are what an answer is of, by their names and types. Two of one name, or whose name is no
// plain word, are called by their places.
func Columns(names []string, types []uint32) ([]Part, bool) {
	return ofTypes(types, func(i int) string { return Word(names[i]) })
}

func ofTypes(types []uint32, name func(i int) string) ([]Part, bool) {
	var p parts
	for i := range types {
		called := name(i)
		if _, known := p.at[called]; known || called == Placeholder {
			called = fmt.Sprintf("%s %d", Placeholder, i+1)
		}
		p.saw(called, Nothing)
		if at, known := p.at[called]; known {
			is, usual := typesOf[types[i]]
			if !usual {
				is = anotherType
			}
			p.list[at].Type = is
			clear(p.list[at].Kinds)
		}
	}
	return p.list, p.more
}

// typed is a part with the kind that its type has, where nothing was seen of its values.
func (p Part) typed() Part {
	if kind, says := ofType[p.Type]; says && len(p.Kinds) == 0 {
		p.Kinds = map[Kind]int{kind: 1}
	}
	return p
}

// draftStatement writes the declaration of a statement of SQL, the number of which it is called by.
func (s Shape) draftStatement(b *strings.Builder, known register.Categories, scheme string, number int) {
	fmt.Fprintf(b, "# SQL %s: asked %d×, and refused: %s\n", s.Path, s.Times, s.Why)
	switch {
	case s.Document == "":
		fmt.Fprintf(b, "# Its text is not kept: it is too long, or cannot be taken apart. Declare it by hand.\n\n")
		return
	case s.Path != "select" && s.Path != "with":
		fmt.Fprintf(b, "# Statements are declared that read: SELECT or WITH. It was:\n# %q\n\n", s.Document)
		return
	case strings.Contains(s.Document, ";"):
		fmt.Fprintf(b, "# These are several statements at once; declare each by itself:\n# %q\n\n", s.Document)
		return
	}
	call := fmt.Sprintf("statement_%d", number)
	fmt.Fprintf(b, "[[sql.service.statement]]\nname = %q # call it what it is\nsql = %q\n", call, s.Document)
	if !s.Exact {
		fmt.Fprintf(b, "# It is not to the letter: comments are gone, constants are parameters, and where %s stands is a name that is not kept: write it. Clients ask with this text, or with EXECUTE %s(…).\n", blank, call)
	}
	for _, p := range s.Query {
		category, like := known.Like(p.Guess())
		switch {
		case p.Type != "" && !slices.Contains(mayName, p.Type):
			fmt.Fprintf(b, "#   %s: %s\n", p.Path, p.Evidence())
		case like && p.Kinds[Date] == 0:
			fmt.Fprintf(b, "#   %s: %s; looks like %s. If it names somebody:\n# request = { %q = %q }\n", p.Path, p.Evidence(), category.ID, p.Path, scheme)
		default:
			fmt.Fprintf(b, "#   %s: %s; if it names somebody, request = { %q = %q }\n", p.Path, p.Evidence(), p.Path, scheme)
		}
	}
	switch {
	case len(s.Parts) == 0 && s.Code != "":
		fmt.Fprintf(b, "# Its columns are not known: the server did not describe it so (%s). Declare each: person, fields and plain.\n\n", s.Code)
		return
	case len(s.Parts) == 0:
		fmt.Fprintf(b, "# Its columns are not known: the server was not asked. With learn = the name of a purpose, on the [[sql.service]], it is, and runs nothing. Declare each: person, fields and plain.\n\n")
		return
	}
	s.columns(b, known, scheme)
	fmt.Fprintln(b)
}

// columns writes what a statement's columns look like. Those that nothing speaks for stay undeclared, and the answer
// is refused until somebody has said what each is.
func (s Shape) columns(b *strings.Builder, known register.Categories, scheme string) {
	fields := make(map[register.Fields][]string)
	var may []Part
	for _, p := range s.Parts {
		category, like := known.Like(p.Guess())
		mark := "nothing speaks for a category; look at it"
		if like {
			mark = "looks like " + category.ID
		}
		unsaid := strings.Contains(p.Path, Placeholder)
		if unsaid {
			mark += "; its name is no plain word, or another column's too: name it with AS"
		}
		fmt.Fprintf(b, "#   %s: %s; %s\n", p.Path, p.Evidence(), mark)
		if like && !unsaid {
			fields[category.Bit()] = append(fields[category.Bit()], p.Path)
		}
		if slices.Contains(mayName, p.Type) {
			may = append(may, p)
		}
	}
	comment, person := "", naming(may)
	if person == "" {
		comment = "# "
		fmt.Fprintf(b, "# No column names the row's person; say which does under person. Where each row is of whom the request names: shows = […].\n")
	}
	fmt.Fprintf(b, "%sperson = { %s = %q }\n", comment, key(person), scheme)
	if len(fields) > 0 {
		var each []string
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			each = append(each, known.Of(field).ID+" = "+oneOrMore(fields[field]))
		}
		fmt.Fprintf(b, "%sfields = { %s }\n", comment, strings.Join(each, ", "))
	}
}

// Describe gives parameters the types that a server said of them, and adds those of which no constant was seen.
func Describe(seen, types []Part) []Part {
	all := slices.Clone(seen)
	for _, of := range types {
		if i := slices.IndexFunc(all, func(p Part) bool { return p.Path == of.Path }); i >= 0 {
			all[i].Type = of.Type
		} else {
			all = append(all, of)
		}
	}
	slices.SortFunc(all, func(a, b Part) int { return cmp.Or(len(a.Path)-len(b.Path), strings.Compare(a.Path, b.Path)) })
	return all
}
