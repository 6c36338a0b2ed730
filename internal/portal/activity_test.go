package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// sentences says an activity in both languages.
func sentences(t *testing.T, e ledger.Entry) (french, english string) {
	t.Helper()
	said := make(map[i18n.Language]string)
	for _, in := range languages {
		portaltest.Visited(in, func(v *portal.Visit, shell *portal.Shell) {
			said[in] = strings.ReplaceAll(shell.Labels(v, nil, nil).Sentence(portal.Activity{Entry: e, People: 1}), thin, " ")
		})
	}
	return said[i18n.French], said[i18n.English]
}

const thin = "\u202f" // the narrow space of French typography

func TestWhatHappenedIsSaidAsItWas(t *testing.T) {
	stopped := func(why policy.Why, counted, limit meter.Cost) ledger.Entry {
		return ledger.Entry{Kind: ledger.Consulted, Person: register.PersonID{1}, Verdict: policy.Refused, Why: why, Counted: counted, Limit: limit}
	}
	for sentence, c := range map[string]struct {
		entry           ledger.Entry
		french, english string
	}{
		"at the limit": {
			stopped(policy.ShortEmpty, meter.People(3), meter.People(3)),
			"1 personne sans motif, au-delà de la franchise de l’heure (3 sur 3).", "1 person without a reason, beyond the hour’s allowance (3 of 3).",
		},
		"beyond a limit that was narrowed since": {
			stopped(policy.ShortEmpty, meter.People(6), meter.Whole+meter.Whole/2),
			"1 personne sans motif, au-delà de la franchise de l’heure (déjà 6, pour une limite de 1,5).", "1 person without a reason, beyond the hour’s allowance (6 so far, for a limit of 1.5).",
		},
		"for a frozen account": {
			stopped(policy.Frozen, 0, 0),
			"Les nouvelles ouvertures sont gelées : 1 personne sans motif.", "New openings are frozen: 1 person without a reason.",
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			if french, english := sentences(t, c.entry); french != c.french || english != c.english {
				t.Errorf("said as %q and %q", french, english)
			}
		})
	}
}

func TestEveryKindOfEntryHasASentenceOfItsOwn(t *testing.T) {
	said := make(map[string]ledger.Kind)
	for kind := ledger.Opened; kind < 255; kind++ {
		if kind.String() == "unknown kind" {
			continue
		}
		french, english := sentences(t, ledger.Entry{Kind: kind, Account: theo, Subject: theo, Why: policy.Why(kind), Effect: order.Frozen, Reach: order.Account, Target: string(theo), State: ledger.DeskRead})
		for _, sentence := range []string{french, english} {
			if other, twice := said[sentence]; twice {
				t.Errorf("%s is said as %s is: %q", kind, other, sentence)
			}
			said[sentence] = kind
		}
	}
	if french, _ := sentences(t, ledger.Entry{Kind: ledger.Named, Count: 12, Approver: "samir", Note: "prévenir"}); french != "Des personnes sont nommées de nouveau : 12 · samir · prévenir" {
		t.Errorf("naming people is said as %q", french)
	}
}

func TestAStepUpLiftsNoMeasure(t *testing.T) {
	steppedUp := portal.Activity{Entry: ledger.Entry{Kind: ledger.SteppedUp, Account: theo}}
	for in, want := range map[i18n.Language]string{i18n.French: "confirmation donnée", i18n.English: "confirmation given"} {
		portaltest.Visited(in, func(v *portal.Visit, _ *portal.Shell) {
			if said := v.Speaker.Say("state." + steppedUp.State()); said != want {
				t.Errorf("a step-up is said as %q", said)
			}
		})
	}
}

func TestTheSourceOfAReasonDoesNotRepeatIt(t *testing.T) {
	s := portaltest.NewStage()
	s.Write(0, ledger.Entry{
		Kind: ledger.Consulted, Account: theo, Service: "dossier", Person: register.PersonID{1}, Fields: register.Name,
		Verdict: policy.Shown, Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "portefeuilles"},
	})
	answer := httptest.NewRecorder()
	s.Visits(security, http.MethodGet, "/desk/accounts/"+string(theo), nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.French)
	if said := strings.ReplaceAll(portaltest.Read(t, answer.Body.String()), thin, " "); !strings.Contains(said, "1 personne, avec un motif : portefeuille. Source : portefeuilles.") {
		t.Errorf("the page says %s", said)
	}
}

func TestWhoeverMeetsACanaryIsToldOnceThatTheDeskKnows(t *testing.T) {
	pages := portaltest.NewStageWith(nil).Pages
	for in, told := range map[i18n.Language]string{i18n.French: "poste de garde", i18n.English: "security desk"} {
		answer := httptest.NewRecorder()
		refusal := portal.Refusal{Service: "dossier", Ruling: policy.Ruling{Verdict: policy.Freeze, Why: policy.CanaryOpened}}
		pages.Stops().Refused(answer, portaltest.Spoken(httptest.NewRequest(http.MethodGet, "/dossier/files/1", nil), in), refusal)
		if said := portaltest.Read(t, answer.Body.String()); strings.Count(strings.ToLower(said), told) != 1 {
			t.Errorf("the page says %s", said)
		}
	}
}
