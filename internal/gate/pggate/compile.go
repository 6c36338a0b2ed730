package pggate

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// service is a Service that was found to be right.
type service struct {
	Service
	server *pgconn.Config
	byText map[string]*statement
	byName map[string]*statement
}

// statement is a Statement that was found to be right.
type statement struct {
	Statement
	name       string // "SQL caseload", as it is written down
	parameters int
	columns    map[string]column
}

// column is what is declared of one.
type column struct {
	scheme string          // it names the row's person; empty when it does not
	needs  register.Fields // it tells these of them
	plain  bool
}

// list reports whether an answer is of rows that can be cut out one by one.
func (s *statement) list() bool { return len(s.Person) > 0 && !s.About }

var (
	serviceIDs = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	names      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)
	places     = regexp.MustCompile(`\$([0-9]+)`)
	reads      = regexp.MustCompile(`(?i)^(select|with)[\s(]`)
)

// Check says everything that is wrong with services, as fault.Complaints about their parts.
func Check(services []Service, schemes register.Schemes) error {
	_, err := compile(services, schemes)
	return err
}

func compile(services []Service, schemes register.Schemes) (map[string]*service, error) {
	var wrong fault.Complaints
	all := make(map[string]*service)
	for i, s := range services {
		at := fmt.Sprintf("service[%d]", i)
		if all[string(s.ID)] != nil {
			wrong.Add(at+".id", "there are two of the name %s", s.ID)
		}
		one, err := compileService(s, schemes)
		wrong.In(at, err)
		all[string(s.ID)] = one
	}
	return all, wrong.Err()
}

func compileService(s Service, schemes register.Schemes) (*service, error) {
	var c fault.Complaints
	if !serviceIDs.MatchString(string(s.ID)) {
		c.Add("id", "write small letters, digits and hyphens")
	}
	if s.Largest < 0 || s.Timeout < 0 {
		c.Add("", "a limit is negative")
	}
	s.Largest, s.Timeout = cmp.Or(s.Largest, LargestAnswer), cmp.Or(s.Timeout, AnswerTime)
	compiled := &service{Service: s, byText: make(map[string]*statement), byName: make(map[string]*statement)}
	var err error
	if compiled.server, err = pgconn.ParseConfig(s.Server); err != nil { // it may quote a password
		c.Add("server", "the connection cannot be understood, or a file that it names cannot be read; write it as libpq does")
	}
	if len(s.Statements) == 0 && s.Learn == "" {
		c.Add("statement", "no statement is declared, so nothing could go out; with learn, what clients ask is noted and drafted")
	}
	for i, one := range s.Statements {
		at := fmt.Sprintf("statement[%d]", i)
		t, err := compileStatement(one, schemes)
		c.In(at, err)
		if compiled.byName[t.Name] != nil {
			c.Add(at+".name", "there are two of the name %s", t.Name)
		}
		if compiled.byText[t.SQL] != nil {
			c.Add(at+".sql", "it is the same as that of %s; which is meant could not be told", compiled.byText[t.SQL].Name)
		}
		compiled.byName[t.Name], compiled.byText[t.SQL] = t, t
	}
	return compiled, c.Err()
}

func compileStatement(s Statement, schemes register.Schemes) (*statement, error) {
	var c fault.Complaints
	t := &statement{Statement: s, name: "SQL " + s.Name, columns: make(map[string]column)}
	t.SQL, t.Most = plainText(s.SQL), cmp.Or(s.Most, UsualMost)
	if !names.MatchString(s.Name) {
		c.Add("name", "write small letters, digits and _, such as caseload")
	}
	if !reads.MatchString(t.SQL) || strings.ContainsAny(t.SQL, ";\x00") {
		c.Add("sql", "it is one statement that reads: SELECT or WITH, without a semicolon")
	}
	if s.Purpose == "" {
		c.Add("purpose", "say what it is used for")
	}
	if t.Most < 1 || t.Most > MostRows {
		c.Add("most", "an answer has from 1 to %d rows", MostRows)
	}
	for _, found := range places.FindAllStringSubmatch(t.SQL, -1) {
		if n := len(found[1]); n > 2 || found[1][0] == '0' {
			c.Add("sql", "$%s is no parameter; write $1 to $99", found[1])
		} else {
			number := 0
			_, _ = fmt.Sscan(found[1], &number)
			t.parameters = max(t.parameters, number)
		}
	}
	for i, p := range s.Request {
		at := fmt.Sprintf("request[%d]", i)
		if p.Number < 1 || p.Number > t.parameters {
			c.Add(at, "there is no parameter $%d", p.Number)
		}
		if !schemes.Knows(p.Scheme) {
			c.Add(at, "no scheme %q is declared; write [register.schemes.%s] with its pattern", p.Scheme, p.Scheme)
		}
	}
	t.compileColumns(&c, schemes)
	switch {
	case !register.AllFields.Has(s.Shows):
		c.Add("shows", "there are categories nobody knows")
	case s.Shows != 0 && len(s.Request) == 0:
		c.Add("shows", "it is about whom the request names; declare request, or leave it out")
	case len(s.Person) == 0 && len(s.Request) > 0 && s.Shows == 0:
		c.Add("shows", "the rows name nobody, so they tell of whom the request names: say which categories")
	case len(s.Person) == 0 && s.About:
		c.Add("about", "nobody is named in its rows; declare person, or leave it out")
	}
	return t, c.Err()
}

func (t *statement) compileColumns(c *fault.Complaints, schemes register.Schemes) {
	for i, p := range t.Person {
		at := fmt.Sprintf("person[%d]", i)
		if !schemes.Knows(p.Scheme) {
			c.Add(at, "no scheme %q is declared; write [register.schemes.%s] with its pattern", p.Scheme, p.Scheme)
		}
		if t.columns[p.Name].scheme != "" {
			c.Add(at, "%q names a person in two schemes", p.Name)
		}
		t.columns[p.Name] = column{scheme: p.Scheme}
	}
	for i, f := range t.Fields {
		at := fmt.Sprintf("fields[%d]", i)
		if f.Field == 0 || !register.AllFields.Has(f.Field) {
			c.Add(at, "write a field category, such as name or contact")
		}
		if len(t.Person) == 0 {
			c.Add(at, "a category is of a row's person; declare person, or plain with shows")
		}
		one := t.columns[f.Name]
		one.needs |= f.Field
		t.columns[f.Name] = one
	}
	for i, name := range t.Plain {
		one := t.columns[name]
		if one.needs != 0 {
			c.Add(fmt.Sprintf("plain[%d]", i), "%q is of a category too", name)
		}
		one.plain = true
		t.columns[name] = one
	}
	if len(t.columns) == 0 {
		c.Add("person", "no column is declared, so nothing could go out")
	}
	if _, empty := t.columns[""]; empty {
		c.Add("person", "write the name of a column")
	}
}

// plainText is a statement without what is around it: white space, and one semicolon. No more of
// a text is put aside: within quotation marks everything counts.
func plainText(text string) string {
	text = strings.Trim(text, spaces)
	return strings.TrimRight(strings.TrimSuffix(text, ";"), spaces)
}

const spaces = " \t\r\n\f\v"

// find returns the declared statement that a client's text is, by its text or its name, and the
// values that stand in a call; nil where they come apart from it.
func (s *service) find(text string) (t *statement, values []*string, found bool) {
	text = plainText(text)
	if t, found = s.byText[text]; found {
		return t, nil, true
	}
	name, values, ok := readCall(text)
	t, found = s.byName[name]
	if !ok || !found || values != nil && len(values) != t.parameters {
		return nil, nil, false
	}
	return t, values, true
}

var call = regexp.MustCompile(`(?is)^execute\s+([a-z][a-z0-9_]*)\s*(\(.*\))?$`)

// readCall reads EXECUTE name, or EXECUTE name('4711', 3, null): a name and the values of
// parameters, each a text in single quotation marks that are doubled within it, a whole number,
// or null. Values are nil where there are no parentheses.
func readCall(text string) (name string, values []*string, ok bool) {
	parts := call.FindStringSubmatch(text)
	if parts == nil {
		return "", nil, false
	}
	name = strings.ToLower(parts[1])
	if parts[2] == "" {
		return name, nil, true
	}
	rest := strings.Trim(parts[2][1:len(parts[2])-1], spaces)
	values = []*string{}
	for rest != "" {
		value, after, ok := readValue(rest)
		if !ok {
			return "", nil, false
		}
		values = append(values, value)
		after = strings.TrimLeft(after, spaces)
		if after == "" {
			break
		}
		if rest, ok = strings.CutPrefix(after, ","); !ok {
			return "", nil, false
		}
		if rest = strings.TrimLeft(rest, spaces); rest == "" {
			return "", nil, false
		}
	}
	return name, values, true
}

var bare = regexp.MustCompile(`^(?i:null|-?[0-9]{1,19})`)

func readValue(text string) (value *string, rest string, ok bool) {
	if found := bare.FindString(text); found != "" {
		rest = text[len(found):]
		if rest != "" && !strings.ContainsAny(rest[:1], spaces+",") {
			return nil, "", false
		}
		if strings.EqualFold(found, "null") {
			return nil, rest, true
		}
		return &found, rest, true
	}
	if !strings.HasPrefix(text, "'") {
		return nil, "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' || text[i] == 0: // servers differ about what it means
			return nil, "", false
		case text[i] != '\'':
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			said := b.String()
			return &said, text[i+1:], true
		}
	}
	return nil, "", false
}

// settings are what a client may set, to any value: they change nothing here, or what clients
// want is what is so. Of a few only some values are.
var settings = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^set\s+(session\s+)?application_name\s*(=|to)\s*('[^'\\]{0,63}'|[a-z0-9_]{1,63})$`),
	regexp.MustCompile(`(?i)^set\s+(session\s+)?extra_float_digits\s*(=|to)\s*'?[123]'?$`),
	regexp.MustCompile(`(?i)^set\s+(session\s+)?client_encoding\s*(=|to)\s*'?utf-?8'?$`),
	regexp.MustCompile(`(?i)^set\s+(session\s+)?datestyle\s*(=|to)\s*'?iso(, ?mdy)?'?$`),
	regexp.MustCompile(`(?i)^set\s+(session\s+)?standard_conforming_strings\s*(=|to)\s*'?on'?$`),
}

// control is what a client may say besides statements: settings, and where a transaction begins
// and ends. All of them are answered here, and the server never hears of them.
func control(text string) (tag string, known bool) {
	text = plainText(text)
	if slices.ContainsFunc(settings, func(r *regexp.Regexp) bool { return r.MatchString(text) }) {
		return "SET", true
	}
	switch strings.ToLower(strings.Join(strings.Fields(text), " ")) {
	case "begin", "begin transaction", "begin work", "start transaction", "begin read only", "begin transaction read only", "start transaction read only",
		"begin isolation level read committed", "begin transaction isolation level read committed":
		return "BEGIN", true
	case "commit", "commit transaction", "commit work", "end", "end transaction":
		return "COMMIT", true
	case "rollback", "rollback transaction", "rollback work", "abort":
		return "ROLLBACK", true
	case "", "-- ping": // which a driver asks with
		return "", true
	}
	return "", false
}
