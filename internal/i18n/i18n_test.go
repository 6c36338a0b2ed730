package i18n_test

import (
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
)

// plain writes the unbreakable spaces of French as others.
func plain(text string) string {
	return strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(text)
}

func TestPluralsFollowTheLanguage(t *testing.T) {
	for _, test := range []struct {
		n               any
		french, english string
	}{
		{0, "0 personne", "0 people"},
		{1, "1 personne", "1 person"},
		{2, "2 personnes", "2 people"},
		{0.2, "0,2 personne", "0.2 people"},
		{1.0, "1 personne", "1 person"},
		{1.5, "1,5 personne", "1.5 people"},
		{7.25, "7,25 personnes", "7.25 people"},
		{uint64(1_234_567), "1 234 567 personnes", "1,234,567 people"},
	} {
		french, english := i18n.French.Say("n.people", "n", test.n), i18n.English.Say("n.people", "n", test.n)
		if plain(french) != test.french || english != test.english {
			t.Errorf("%v is said %q and %q", test.n, french, english)
		}
	}
}

func TestFiguresAreWrittenAsInTheLanguage(t *testing.T) {
	for got, want := range map[string]string{
		i18n.French.Number(36_793_920): "36\u202f793\u202f920", i18n.English.Number(36_793_920): "36,793,920",
		i18n.French.Number(999): "999", i18n.English.Number(-1000): "−1,000",
		i18n.French.Decimal(1016.14, 1): "1\u202f016,1", i18n.English.Decimal(4.05, 1): "4.0",
		i18n.French.Decimal(0.25, i18n.Shortest): "0,25", i18n.English.Decimal(3, i18n.Shortest): "3",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMomentsAreWrittenAsInTheLanguage(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.March, 3, 14, 30, 0, 0, paris)
	for _, test := range []struct {
		at              time.Time
		french, english string
	}{
		{now.Add(-time.Hour).UTC(), "aujourd’hui à 13 h 30", "today at 13:30"},
		{now.Add(-15 * time.Hour), "hier à 23 h 30", "yesterday at 23:30"},
		{now.Add(10 * time.Hour), "demain à 00 h 30", "tomorrow at 00:30"},
		{now.AddDate(0, 0, -2), "dimanche 1er mars à 14 h 30", "Sunday 1 March at 14:30"},
		{now.AddDate(-1, 0, 0), "lundi 3 mars 2025 à 14 h 30", "Monday 3 March 2025 at 14:30"},
	} {
		if got := plain(i18n.French.Moment(test.at, now)); got != test.french {
			t.Errorf("%q, want %q", got, test.french)
		}
		if got := plain(i18n.English.Moment(test.at, now)); got != test.english {
			t.Errorf("%q, want %q", got, test.english)
		}
	}
	for at, want := range map[time.Time]string{now: "14:30:00", now.AddDate(0, 0, -1): "yesterday 14:30:00"} {
		if got := i18n.English.Clock(at, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for span, want := range map[time.Duration]string{0: "0 seconde", 90 * time.Minute: "90 minutes", 47 * time.Hour: "47 heures", 48 * time.Hour: "2 jours"} {
		if got := i18n.French.Span(span); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

type lost struct{}

func (lost) Message() (string, []any) { return "n.people", []any{"people", 3} }

func TestNoReaderSeesAKey(t *testing.T) {
	for name, say := range map[string]func() string{
		"a text that is missing":    func() string { return i18n.French.Say("nowhere.to-be-found") },
		"a value that is missing":   func() string { return i18n.French.Say("day.moment", "day", "lundi") },
		"a count that is missing":   func() string { return i18n.English.Sentence(lost{}) },
		"a language that is absent": func() string { return i18n.Language("de").Say("day.today") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nothing is said of it")
				}
			}()
			t.Error(say())
		})
	}
}
