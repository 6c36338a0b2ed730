package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/person"
	"poterne/internal/portal"
	personroom "poterne/internal/portal/rooms/person"
	"poterne/internal/portal/rooms/questions"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
)

// people is where people of the register see their own file: a door and a room that share
// nothing with those of staff but the ledger, at a host name of their own.
func (p *Program) people(o *Opened, files incident.Service, sender *mailing.Sender, mandates *person.Mandates, once marks) (http.Handler, error) {
	if o.People == nil || o.Index == nil {
		return nil, nil
	}
	settings := portal.Settings{Home: o.People.Origin + "/", Help: o.Help, Now: o.Now, Log: p.log, Zone: paris()}
	if issuer, err := url.Parse(o.People.SignIn.Issuer); err == nil && issuer.Host != "" {
		settings.FormTo = append(settings.FormTo, issuer.Scheme+"://"+issuer.Host)
	}
	pages := portal.NewPages(settings)
	matching := person.Matching{Register: o.People.Register, Journal: p.Journal, Person: o.Settings.Person}
	s := o.People.SignIn
	s.Now, s.Log = o.Now, p.log
	s.Tried = func(*http.Request, signin.Attempt) error { return nil } // Match has written it
	s.Told = func(ctx context.Context, ended signin.Ended) {
		if entry, said := endingOf(ended); said { // the ledger does not say whose: people look others in each month of it
			p.endings.write(ctx, ledger.Entry{Kind: ledger.SignedOut, Session: entry.Session, State: entry.State})
		}
	}
	s.Over = p.Journal.Ended
	contacts := p.contacts(o)
	if contacts != nil {
		contacts.Post = mandates.Post
	}
	matching.Represents = func(ctx context.Context, civil register.Civil) (bool, error) {
		to, err := mandates.To(ctx, mandates.Identity(civil))
		return len(to) > 0, err
	}
	s.Match = func(r *http.Request, civil register.Civil) (register.PersonID, string, error) {
		who, identifier, err := matching.Match(r.Context(), civil, o.Networks.Of(r))
		if err != nil {
			return who, "", err
		}
		v := person.Visitor{Own: !who.IsZero(), Identity: mandates.Identity(civil)}
		switch {
		case !v.Own: // their session is known by the hash of who they are
			who = register.PersonID(v.Identity)
		case contacts != nil:
			v.Contacts, err = contacts.Reference(who, identifier)
		}
		return who, v.Reference(), err
	}
	p.parts = append(p.parts, mandates.Run)
	tally := &person.Tally{Reader: reader(o), Journal: p.Journal, Ledger: o.Ledger, Marks: once, Now: o.Now, Log: p.log}
	p.metrics.counted(tally)
	p.parts = append(p.parts, tally.Run)
	if o.Mail != nil {
		reminders := &person.Reminders{Rows: store.NewQuestions(o.DB), Roster: o.Roster, Marks: once, Sender: o.Mail, Link: o.Origin + questions.Path, Now: o.Now, Log: p.log}
		p.parts = append(p.parts, reminders.Run)
	}
	sessions := store.NewPersonSessions(o.DB)
	door, err := signin.New(s, sessions, o.Roster, personroom.NewDoorstep(pages, o.Controller))
	if err != nil {
		return nil, err
	}
	p.told = append(p.told, sessions.Told)
	p.parts = append(p.parts, door.Run)
	deps := personroom.Deps{
		Door: door, Reader: reader(o), Questions: p.questions(o), Concerns: incident.Concerns{Files: files, Lines: reader(o)}, Controller: o.Controller, Key: o.PublicKey, Mandates: mandates, Network: o.Networks.Of,
		Prove: func(ctx context.Context, number ledger.Number) ([]byte, error) {
			return tiles.ProveToPerson(ctx, o.Published(), o.Verifier, number)
		},
	}
	if contacts != nil {
		contacts.EndAll = func(ctx context.Context, of register.PersonID) error {
			return door.EndAll(ctx, roster.AccountID(of.Hex()))
		}
		deps.Contacts = contacts
		p.parts = append(p.parts, contacts.Run)
	}
	if sender != nil {
		deps.Codes = &mailing.Codes{Settings: sender.Settings, Files: files, Rows: store.NewMailings(o.DB), Typed: store.NewMailings(o.DB), Writer: p.Journal}
	}
	return personroom.New(pages, deps).Handler(pages), nil
}

// contacts changes where people are reached; nil where they do not change it here.
func (p *Program) contacts(o *Opened) *person.ContactService {
	if o.People.Contacts == nil || o.Mail == nil {
		return nil
	}
	return &person.ContactService{
		Writer: p.Journal, Ledger: o.Ledger, Rows: store.NewContacts(o.DB), Register: *o.People.Contacts, Sender: o.Mail, Key: o.Pseudonym,
		Tag:  func(text string) [16]byte { return o.Pseudonym.Alias(register.Ref{Scheme: "contacts/", Value: text}) },
		Page: o.People.Origin + personroom.ContactsPath, Stop: o.People.Origin + personroom.StopPath, Letter: o.peopleAt() + personroom.LetterPath, Now: o.Now, Log: p.log,
	}
}

// mandates are who may read another person's page; nil where people see no page of their own.
func (p *Program) mandates(o *Opened, sender *mailing.Sender) *person.Mandates {
	if o.People == nil || o.Index == nil {
		return nil
	}
	m := Mandates(o, p.Journal, p.log)
	if o.Mail != nil {
		m.Sender = o.Mail
	}
	if sender != nil {
		m.Post = mailing.Post{Settings: sender.Settings, From: o.Controller}
	}
	return m
}

// Mandates are who may read another person's page, written by a writer. They tell nobody by mail or
// letter. There MUST be a page of people, and an index.
func Mandates(o *Opened, writer journal.Writer, log *slog.Logger) *person.Mandates {
	m := &person.Mandates{
		Writer: writer, Ledger: o.Ledger, Rows: store.NewMandates(o.DB), Kept: store.NewKept(o.DB, "mandates"), Register: o.People.Register, Person: o.Settings.Person, Key: o.Pseudonym,
		Tag:  func(text string) [16]byte { return o.Pseudonym.Alias(register.Ref{Scheme: "mandate/", Value: text}) },
		Page: o.People.Origin + personroom.MandatesPath, Zone: paris(), Now: o.Now, Log: log,
	}
	if o.People.Contacts != nil {
		m.Contacts = *o.People.Contacts
	}
	return m
}

// reader reads people their lines.
func reader(o *Opened) person.Reader {
	return person.Reader{Index: o.Index, Roster: o.Roster, Withheld: store.NewWithholdings(o.DB), Now: o.Now}
}

// questions are what people ask about lines of theirs.
func (p *Program) questions(o *Opened) person.Questions {
	return person.Questions{Writer: p.Journal, Reader: reader(o), Ledger: p.Journal, Rows: store.NewQuestions(o.DB)}
}
