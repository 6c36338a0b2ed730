package demo

import (
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

func TestTheEndOfAnAttackIsToldInItsLanguage(t *testing.T) {
	for in, want := range map[i18n.Language]string{
		i18n.French:  "Fin de l’attaque : 1 personne vue sans motif, 1 ouverture demandée, plus personne après 1,5 s.",
		i18n.English: "End of the attack: 1 person seen without a reason, 1 opening asked for, nobody more after 1.5 s.",
	} {
		var told strings.Builder
		n := newNarrator(&told, in, []life.Thief{{Account: karim}})
		n.hear(ledger.Entry{
			Kind: ledger.Consulted, Account: karim, Time: n.begun.Add(1500 * time.Millisecond), Person: register.PersonID{1},
			Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.Whole, Limit: meter.People(3),
		})
		n.sum("https://poterne.example")
		if said := strings.ReplaceAll(told.String(), "\u202f", " "); !strings.Contains(said, want) {
			t.Errorf("told:\n%s", said)
		}
	}
}
