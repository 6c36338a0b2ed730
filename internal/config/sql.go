package config

import (
	"crypto/tls"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"poterne/internal/gate/pggate"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// sqlTable is the door for SQL: databases of PostgreSQL that clients ask through Poterne, each a
// service. Clients name it as the database, their account as the user, and show a password that
// the portal gave them for one connection. Without cert and key it listens on this machine only.
type sqlTable struct {
	Listen  string            `toml:"listen" need:"listen = \":6432\", where clients of PostgreSQL connect"`
	Cert    string            `toml:"cert"`
	Key     string            `toml:"key"`
	Host    string            `toml:"host"`    // the name by which clients reach it; the origin's when left out
	Holding int64             `toml:"holding"` // bytes that the answers being held at any moment may take; 128 MiB
	Service []sqlServiceTable `toml:"service" need:"[[sql.service]] with id, server and statements: a database to guard"`
}

// sqlServiceTable is a database to guard. Server is a connection as libpq writes it, without its
// password, in a role that may read what the statements read and nothing else: whoever reaches
// the database by another way is not guarded.
type sqlServiceTable struct {
	ID        string           `toml:"id" need:"id = \"decisions\", which clients name as the database"`
	Name      string           `toml:"name"` // as people know it; the id when left out
	Server    string           `toml:"server" need:"server = \"host=/run/postgresql dbname=decisions user=poterne_reads\""`
	About     wordsTable       `toml:"about"`   // what it is for, in a sentence
	Purpose   string           `toml:"purpose"` // of statements that name none
	Largest   int64            `toml:"largest"` // bytes of an answer; 8 MiB
	Timeout   time.Duration    `toml:"timeout"` // for an answer to be whole; 30s
	Learn     string           `toml:"learn"`   // purpose for which the server describes what nobody declared, and runs nothing of it
	Statement []statementTable `toml:"statement"`
}

// statementTable is a statement that clients may run, by its text to the letter or by its name.
// Its answer has the declared columns and no others.
type statementTable struct {
	Name    string               `toml:"name" need:"name = \"caseload\", by which clients may call it"`
	SQL     string               `toml:"sql" need:"sql = \"select …\", with parameters $1, $2…"`
	Purpose string               `toml:"purpose"`
	Request map[string]string    `toml:"request"` // parameter; the scheme in which it names a person
	Person  map[string]string    `toml:"person"`  // column; the scheme in which it names the row's person
	Fields  map[string]oneOrMore `toml:"fields"`  // category; its columns
	Plain   oneOrMore            `toml:"plain"`   // columns that speak of nobody
	Shows   []string             `toml:"shows"`   // categories that every answer tells of whom the request names
	Most    int64                `toml:"most"`    // rows; 500. One with more is refused
	About   bool                 `toml:"about"`   // all of it or nothing, not a list
}

// SQL is the door for SQL.
type SQL struct {
	Listen      string
	Host, Port  string           // by which clients reach it
	Certificate *tls.Certificate // nil: it listens on this machine only
	Holding     int64
	Services    []pggate.Service
}

// Listens is where it listens; empty when there is no such door.
func (d *SQL) Listens() string {
	if d == nil {
		return ""
	}
	return d.Listen
}

// sql reads the door for SQL, if there is one.
func (c *config) sql(s *Settings, files secretFiles) {
	t, wrong := c.SQL, files.wrong
	if t == nil {
		return
	}
	d := &SQL{Listen: t.Listen, Host: t.Host, Holding: t.Holding}
	address(wrong, "sql.listen", t.Listen)
	host, port, err := net.SplitHostPort(t.Listen)
	if d.Port = port; d.Host == "" {
		if origin, err := url.Parse(s.Origin); err == nil {
			d.Host = origin.Hostname()
		}
	}
	switch {
	case (t.Cert == "") != (t.Key == ""):
		wrong.Add("sql", "cert and key come together; write both, or neither and listen on this machine only")
	case t.Cert != "":
		if _, err := PrivateFile(files.path(t.Key)); err != nil {
			wrong.Add("sql.key", "%v", err)
		}
		pair, err := tls.LoadX509KeyPair(files.path(t.Cert), files.path(t.Key))
		if err != nil {
			wrong.Add("sql.cert", "%v", err)
		}
		d.Certificate = &pair
	case err == nil && !signin.Loopback(host):
		wrong.Add("sql.listen", "passwords and people would travel unprotected; write cert and key, or listen on 127.0.0.1")
	}
	if t.Holding < 0 {
		wrong.Add("sql.holding", "a limit is negative; write how many bytes the answers being held at any moment may take, such as 134217728")
	}
	for i, table := range t.Service {
		path := index("sql.service", i)
		if s.Declares(roster.ServiceID(table.ID)) {
			wrong.Add(path+".id", "a [[service]] is called %q; write another", table.ID)
		}
		if table.Server != "" {
			if err := CheckServer(table.Server); err != nil {
				wrong.Add(path+".server", "%v", err)
			}
		}
		service := pggate.Service{ID: roster.ServiceID(table.ID), Name: table.Name, Server: table.Server, Largest: table.Largest, Timeout: table.Timeout, Learn: roster.Purpose(table.Learn)}
		if _, declared := s.Rules.Purposes[service.Learn]; !declared && service.Learn != "" {
			wrong.Add(path+".learn", "no purpose %q is declared; write the name of a [[purpose]]", service.Learn)
		}
		if service.Name == "" {
			service.Name = table.ID
		}
		for j, statement := range table.Statement {
			service.Statements = append(service.Statements, statement.compile(wrong, index(path+".statement", j), table.Purpose, s))
		}
		s.About[service.ID] = table.About.said()
		d.Services = append(d.Services, service)
	}
	wrong.object("sql", pggate.Check(d.Services, s.Schemes))
	s.SQL = d
}

func (t *statementTable) compile(wrong *document, path, purpose string, s *Settings) pggate.Statement {
	if t.Purpose == "" {
		t.Purpose = purpose
	}
	if _, declared := s.Rules.Purposes[roster.Purpose(t.Purpose)]; !declared {
		wrong.Add(path+".purpose", "no purpose %q is declared; write a [[purpose]] with this name, or the name of one", t.Purpose)
	}
	statement := pggate.Statement{
		Name: t.Name, SQL: t.SQL, Purpose: roster.Purpose(t.Purpose), Plain: t.Plain, Shows: categories(wrong, s.Rules.Categories, path+".shows", t.Shows), Most: int(t.Most), About: t.About,
	}
	for _, name := range slices.Sorted(maps.Keys(t.Request)) {
		number := 0
		for _, digit := range strings.TrimPrefix(name, "$") {
			if digit < '0' || digit > '9' || number > 9 {
				number = 0
				break
			}
			number = number*10 + int(digit-'0')
		}
		if number == 0 || !strings.HasPrefix(name, "$") {
			wrong.Add(path+".request", "%q is no parameter; write request = { \"$1\" = \"dossier\" }", name)
			continue
		}
		statement.Request = append(statement.Request, pggate.Parameter{Number: number, Scheme: t.Request[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Person)) {
		statement.Person = append(statement.Person, pggate.Column{Name: name, Scheme: t.Person[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		field, err := s.Rules.Categories.Parse(name)
		if err != nil {
			wrong.Add(path+".fields."+name, "%v", err)
			continue
		}
		for _, of := range t.Fields[name] {
			statement.Fields = append(statement.Fields, pggate.Field{Name: of, Field: field})
		}
	}
	return statement
}
