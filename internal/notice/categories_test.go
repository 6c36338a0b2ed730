package notice_test

import (
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/notice"
	"poterne/internal/register"
)

// Promise: RUN-10, TELL-2, TELL-3. Notices and messages call what was shown what the operator calls
// it, an authority is told its class, and the proposed severity goes by that.
func TestRUN_10_NoticesAndMessagesSpeakOfTheOperatorsCategories(t *testing.T) {
	known := register.Categories{
		{Number: 1, ID: "plate", Class: register.Document, Names: register.Words{i18n.French: "plaque", i18n.English: "plate"}, Yours: register.Words{i18n.French: "la plaque de votre véhicule"}},
		{Number: 2, ID: "offence", Class: register.Offences, Names: register.Words{i18n.French: "infraction", i18n.English: "offence"}},
		{Number: 3, ID: "colour", Class: register.Other, Names: register.Words{i18n.French: "couleur", i18n.English: "colour"}, Gone: true},
	}
	m := notice.Message{
		Reference: notice.Reference(2026, 1), Controller: notice.Controller{Name: "Préfecture", Helpline: "01", Officer: "dpo", Counter: "guichet"}, First: time.Now(), Last: time.Now(),
		Shown: 1 | 4, Held: known.Declared(), Harms: []string{"fraud"}, Contained: true, Notified: true,
	}
	for in, want := range map[i18n.Language][]string{
		i18n.French:  {"Ont été vus : la plaque de votre véhicule, couleur.", "N’ont pas été affichés : infraction."},
		i18n.English: {"These were seen: plate, colour.", "These were not shown: offence."},
	} {
		said := strings.ReplaceAll(strings.Join(m.Paragraphs(notice.Plain, notice.Words{In: in, Zone: time.UTC, Categories: known}), "\n"), "\u202f", " ")
		for _, one := range want {
			if !strings.Contains(said, one) {
				t.Errorf("the message lacks %q:\n%s", one, said)
			}
		}
	}
	for id, want := range map[string]string{"plate": "Documents officiels : plaque", "offence": "Infractions, condamnations, mesures de sûreté : infraction"} {
		if got := strings.ReplaceAll(known.Known(id).Data(i18n.French), "\u202f", " "); got != want {
			t.Errorf("an authority is told %q, want %q", got, want)
		}
	}
	for shown, level := range map[register.Fields]string{1: "limited", 1 | 2: "maximal", 4: "negligible"} {
		if got := notice.Propose(shown, known).Level(); got != level {
			t.Errorf("%b is proposed as %s, want %s", shown, got, level)
		}
	}
}
