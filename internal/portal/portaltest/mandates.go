package portaltest

import (
	"context"
	"log/slog"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// MandatesOf are who may read another person's page, in a register. They know what the ledger says once
// they have settled.
func MandatesOf(s *Site, of person.Register, contacts person.Addresses, sender interface {
	Send(context.Context, mail.Message) error
},
) *person.Mandates {
	return &person.Mandates{
		Writer: s.Gate.Journal, Ledger: store.NewLedger(s.DB), Rows: store.NewMandates(s.DB), Register: of, Contacts: contacts, Sender: sender, Key: Key(s.t), Tag: Tag,
		Person: func(identifier string) (register.PersonID, error) { return Key(s.t).Person(identifier), nil },
		Page:   "https://mine.example/mandates", Zone: time.UTC, Now: s.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// siteMandates are those that a test has set.
type siteMandates struct{ *Site }

func (s siteMandates) All(ctx context.Context) ([]person.MandateView, error) {
	return s.Mandates.All(ctx)
}

func (s siteMandates) Ask(ctx context.Context, by roster.AccountID, typed person.Typed) error {
	return s.Mandates.Ask(ctx, by, typed)
}

func (s siteMandates) Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	return s.Mandates.Approve(ctx, number, by)
}

func (s siteMandates) End(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	return s.Mandates.End(ctx, number, by)
}
