package intake

import (
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// readFact reads a fact about a person still to be found.
func readFact(r *record, source string, as register.Schemes) (reason.Fact, register.Ref) {
	fact := reason.Fact{
		Source: source, ID: r.need("id"),
		Account: roster.AccountID(r.text("account")), Organisation: roster.OrganisationID(r.text("organisation")),
		Author: roster.AccountID(r.text("author")),
	}
	kind, err := reason.ParseKind(r.need("kind"))
	if err != nil {
		r.reject("kind", "not a kind of fact: caseload, appointment, call, desk-ticket, message, enrolment or cover")
	}
	if (fact.Account == "") == (fact.Organisation == "") {
		r.reject("account", "a fact has either an account or an organisation")
	}
	fact.Kind = kind
	ref := r.reference(as, r.need("scheme"), "person")
	fact.From, fact.Until = r.period()
	return fact, ref
}

// readCover reads who stands in for whom.
func readCover(r *record, source string) reason.CoverDuty {
	cover := reason.CoverDuty{
		Source: source, ID: r.need("id"),
		Absent: roster.AccountID(r.need("absent")), Substitute: roster.AccountID(r.need("substitute")),
		DeclaredBy: roster.AccountID(r.need("declared_by")),
	}
	if r.wrong == "" && cover.Substitute == cover.Absent {
		r.reject("substitute", "nobody covers themself")
	}
	if r.wrong == "" && cover.DeclaredBy == cover.Substitute {
		r.reject("declared_by", "a cover is declared by somebody else than the substitute")
	}
	cover.From, cover.Until = r.period()
	return cover
}
