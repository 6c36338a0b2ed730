package gate

import (
	"context"
	"time"

	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Files is what the roster and other systems say, as the database has it when it is asked.
// The gate remembers it.
type Files interface {
	// Asker returns an account as the roster has it. One that is no more has no
	// role. A change of what it returns advances the head's generation.
	Asker(ctx context.Context, account roster.AccountID) (Asker, error)
	// Facts returns the facts about these people that hold at a moment or later, whoever
	// has to do with them: that nobody has is worth knowing too. A change of what it
	// returns is told by journal.Head.
	Facts(ctx context.Context, asker Asker, people []register.PersonID, at time.Time) ([]reason.Fact, error)
}

// AskerOf is an account without what it may use.
func AskerOf(account roster.Account) Asker {
	return Asker{Account: account.ID, Organisation: account.Organisation, Role: account.Role, Opened: account.Opened, Review: account.Review, Trained: account.Trained}
}

// Asker is an account with what it may use, and whom it covers.
type Asker struct {
	Account       roster.AccountID
	Organisation  roster.OrganisationID
	Role          roster.Role
	Opened        time.Time // since when there is this account
	Review        time.Time // when its managers must have confirmed it; zero: they need not
	Trained       time.Time // until when its certificate of awareness lasts; zero: it has none
	Habilitations []roster.Habilitation
	Covers        []reason.Duty       // past and to come included; as far as the roster tells
	Exports       []policy.ExportList // of permits that were given
}
