// Package person is what people of the register are told about their own file: who looked
// at it, when and why. They are found by their civil status, exactly, and see the lines of
// one person only. Nothing here names a member of staff.
package person

import (
	"context"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Register finds people by their civil status.
type Register interface {
	// Find returns the register's own identifiers of the people who have exactly this civil
	// status; of several, two are enough. It is given in its normal form.
	Find(ctx context.Context, civil register.Civil) ([]string, error)
}

// Matching finds the one person whom an identity provider vouches for.
type Matching struct {
	Register Register
	Journal  journal.Writer
	// Person returns the pseudonym of the person with an identifier.
	Person func(identifier string) (register.PersonID, error)
	// Represents reports whether somebody of a civil status has a mandate in force; nil: nobody has.
	Represents func(context.Context, register.Civil) (bool, error)
}

// Match returns the person with their identifier, and writes down what came of looking. Whoever
// is not exactly one person of the register is fault.Absent, whether there is none or there are
// several; but whoever is none and has a mandate is the zero person.
func (m Matching) Match(ctx context.Context, civil register.Civil, network string) (who register.PersonID, identifier string, err error) {
	e := ledger.Entry{Kind: ledger.Matched, State: ledger.NobodyFound, Network: network}
	var found []string
	if civil = civil.Normal(); civil.Whole() {
		if found, err = m.Register.Find(ctx, civil); err != nil {
			return who, "", err
		}
	}
	switch {
	case len(found) > 1:
		e.State = ledger.SeveralFound
	case len(found) == 1:
		e.State = ledger.OnePerson
		if e.Person, err = m.Person(found[0]); err != nil {
			return who, "", err
		}
	case civil.Whole() && m.Represents != nil:
		represents, err := m.Represents(ctx, civil)
		if err != nil {
			return who, "", err
		}
		if represents {
			e.State = ledger.Represents
		}
	}
	if err := journal.Record(ctx, m.Journal, e); err != nil {
		return who, "", err
	}
	switch {
	case e.State == ledger.Represents:
		return who, "", nil
	case e.Person.IsZero():
		return who, "", &fault.Error{Kind: fault.Absent}
	}
	return e.Person, found[0], nil
}
