package ledger

import (
	"time"

	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Line is an entry as JSON. People are pseudonyms: those that the program
// knows them by, which are the same in every month, or with an epoch, as in a proof,
// those that the ledger has of them in that month.
type Line struct {
	Number       Number                `json:"number"`
	Time         time.Time             `json:"time"`
	Kind         string                `json:"kind"`
	Receipt      Number                `json:"receipt"`
	Account      roster.AccountID      `json:"account,omitempty"`
	Organisation roster.OrganisationID `json:"organisation,omitempty"`
	Session      roster.SessionID      `json:"session,omitempty"`
	Service      roster.ServiceID      `json:"service,omitempty"`
	Purpose      roster.Purpose        `json:"purpose,omitempty"`
	Route        string                `json:"route,omitempty"`
	Person       string                `json:"person,omitempty"`
	Epoch        Month                 `json:"epoch,omitzero"`
	Fields       []string              `json:"fields,omitempty"`
	Verdict      string                `json:"verdict,omitempty"`
	Why          string                `json:"why,omitempty"`
	Reason       string                `json:"reason,omitempty"`
	Source       string                `json:"source,omitempty"`
	Fact         string                `json:"fact,omitempty"`
	Approver     roster.AccountID      `json:"approver,omitempty"`
	Subject      roster.AccountID      `json:"subject,omitempty"`
	Effect       order.Effect          `json:"effect,omitempty"`
	Reach        order.Reach           `json:"reach,omitempty"`
	Target       string                `json:"target,omitempty"`
	Cause        Number                `json:"cause,omitempty"`
	Since        time.Time             `json:"since,omitzero"`
	Until        time.Time             `json:"until,omitzero"`
	First        Month                 `json:"first,omitzero"` // the months that the act is about
	Last         Month                 `json:"last,omitzero"`
	Count        uint64                `json:"count,omitempty"`
	Rejected     uint64                `json:"rejected,omitempty"`
	Digest       string                `json:"digest,omitempty"`
	State        State                 `json:"state,omitempty"`
	Note         string                `json:"note,omitempty"`
	Issuer       string                `json:"issuer,omitempty"` // of a sign-in: the identity that was vouched for
	Provider     string                `json:"idp_id,omitempty"`
	Sub          string                `json:"sub,omitempty"`
	SIRET        string                `json:"siret,omitempty"`
	ACR          string                `json:"acr,omitempty"`
	AMR          string                `json:"amr,omitempty"`
	Factor       string                `json:"factor,omitempty"`
	From         *Number               `json:"from,omitempty"` // the entries that the act is about
	End          Number                `json:"end,omitempty"`  // the first after them
}

// LineOf is an entry as JSON; known says what its categories of fields mean.
func LineOf(e Entry, known register.Categories) Line {
	line := Line{
		Number: e.Number, Time: e.Time, Kind: e.Kind.String(), Receipt: e.Receipt,
		Account: e.Account, Organisation: e.Organisation, Session: e.Session, Service: e.Service, Purpose: e.Purpose, Route: e.Route,
		Person: pseudonym(e.Person), Epoch: e.Epoch, Fields: known.IDs(e.Fields), Since: e.Since, Until: e.Until, First: e.First, Last: e.Last,
		Approver: e.Approver, Subject: e.Subject, Effect: e.Effect, Reach: e.Reach, Target: e.Target, Cause: e.Cause,
		Count: e.Count, Rejected: e.Rejected, State: e.State, Note: e.Note,
		Issuer: e.Identity.Issuer, Provider: e.Identity.Provider, Sub: e.Identity.Subject, SIRET: e.SIRET, ACR: e.ACR, AMR: e.AMR, Factor: e.Factor,
	}
	if !e.Digest.IsZero() {
		line.Digest = e.Digest.String()
	}
	if e.Verdict != 0 {
		line.Verdict, line.Why = e.Verdict.String(), e.Why.String()
	}
	if e.End != 0 {
		line.From, line.End = &e.From, e.End
	}
	if e.Reason.Explained() {
		line.Reason, line.Source, line.Fact = e.Reason.Kind.String(), e.Reason.Source, e.Reason.ID
	}
	return line
}

func pseudonym(person register.PersonID) string {
	if person.IsZero() {
		return ""
	}
	return person.Hex()
}
