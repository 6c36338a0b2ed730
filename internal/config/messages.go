package config

import (
	"slices"
	"strings"

	"poterne/internal/gate/httpgate"
	"poterne/internal/roster"
)

// messagesTable is how the people of an incident are told. Where they can be reached is
// read through the gate, by an account of the role messages, one person at a time, from a
// route that is declared like any other: its answer is JSON with name, mail and address (a
// list of lines). account is nobody's: give it an issuer that no provider has.
type messagesTable struct {
	Account     string `toml:"account" need:"account = \"messages\", an account of the role messages"`
	Service     string `toml:"service" need:"service = \"dossier\", the one that tells where people can be reached"`
	Path        string `toml:"path" need:"path = \"/contacts/{number}\", its route for that, with the register's identifier"`
	Return      string `toml:"return" need:"return = \"retours@structure.example\", where mails come back to: the server adds what follows a plus sign"`
	Connections int64  `toml:"connections"` // to the mail server; 4
	Letters     string `toml:"letters" need:"letters = \"letters\", the folder for what goes to the printer"`
	Bounces     string `toml:"bounces"` // the folder in which mails that came back lie, one a file
}

// Messages is how the people of an incident are told.
type Messages struct {
	Account          roster.AccountID
	Service          roster.ServiceID
	Path             string // with its one wildcard
	Return           string
	Connections      int
	Letters, Bounces string
}

// Address is where a person with an identifier can be read of, below the service.
func (m Messages) Address(identifier string) string {
	before, after, _ := strings.Cut(m.Path, "{")
	_, after, _ = strings.Cut(after, "}")
	return before + identifier + after
}

const usualConnections, mostConnections = 4, 128

// messages reads how people are told, where they are.
func (c *config) messages(s *Settings, files secretFiles) {
	if c.Messages == nil {
		return
	}
	t, wrong := *c.Messages, files.wrong
	m := Messages{
		Account: roster.AccountID(t.Account), Service: roster.ServiceID(t.Service), Path: t.Path, Return: t.Return,
		Connections: int(t.Connections), Letters: files.path(t.Letters), Bounces: files.path(t.Bounces),
	}
	if m.Connections == 0 {
		m.Connections = usualConnections
	}
	if m.Connections < 0 || m.Connections > mostConnections {
		wrong.Add("messages.connections", "write from 1 to %d", mostConnections)
	}
	if _, err := roster.Mail(t.Return); t.Return != "" && err != nil {
		wrong.Add("messages.return", "it %v", err)
	}
	if s.Mail == nil {
		wrong.Add("messages", "messages go through the mail server: write a [mail] table")
	}
	i := slices.IndexFunc(s.Services, func(service httpgate.Service) bool { return service.ID == m.Service })
	switch {
	case t.Service == "" || t.Path == "": // complained of already
	case i < 0:
		wrong.Add("messages.service", "no service %q is declared", t.Service)
	case !slices.ContainsFunc(s.Services[i].Routes, func(r httpgate.Route) bool { return r.Path == m.Path && strings.Count(r.Path, "{") == 1 }):
		wrong.Add("messages.path", "service %q declares no route %s with one part that names a person", t.Service, t.Path)
	}
	s.Messages = &m
}
