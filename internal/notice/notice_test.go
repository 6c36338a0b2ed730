package notice_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/notice"
	"poterne/internal/register"
)

var aware = time.Date(2026, time.May, 22, 14, 10, 0, 0, time.UTC) // the Friday before Pentecost

// whole is everything that the program may know.
func whole() notice.Facts {
	return notice.Facts{
		Reference: notice.Reference(2026, 3), Written: aware.Add(time.Hour),
		Controller: notice.Controller{
			Name: "Agence du registre", SIREN: "900000000", Sector: "Emploi", Headcount: "120", Address: "1 place du Marché\n99100 Valbourg", Country: "France",
			Representative: "Mme Ariane Colin", Contact: "M. Paul Noir, 01 99 00 10 10", Officer: "Mme Claire Aubry, 01 99 00 10 11",
			Helpline: "01 99 00 10 12", Counter: "1 place du Marché, Valbourg",
		},
		Involved: []string{"Mission locale de Valbourg"}, Aware: aware, From: "ourselves", Counted: true, Begun: aware.Add(-2 * time.Hour), Ended: aware.Add(-time.Hour),
		People: 12, WithNone: 2, Records: 15, Data: []notice.Data{{Category: register.Name, Name: "name", People: 12}, {Category: register.Contact, Name: "contact", People: 10}},
		Accounts: []string{"lucas.ferrand"}, Orders: []notice.Order{{At: aware, Effect: "suspended", Reach: "account", Target: "lucas.ferrand", Entry: 3590}},
		Authorities: []notice.Sending{{Form: notice.ANSSI, Stage: notice.Initial, At: aware, Receipt: "A-1"}}, Entries: 3600, List: strings.Repeat("ab", 32),
	}
}

// answered answers every field that people are asked.
func answered() map[string]notice.Answer {
	answers := make(map[string]notice.Answer)
	for _, form := range notice.Forms {
		for _, part := range notice.Fill(form, notice.Complete, notice.Facts{}, nil).Groups {
			for _, f := range part.Fields {
				switch f.Takes {
				case notice.Told:
				case notice.One, notice.Some:
					answers[f.Key] = notice.Answer{Values: f.Choices[:1]}
				case notice.Number:
					answers[f.Key] = notice.Answer{Values: []string{"4"}}
				case notice.Moment:
					answers[f.Key] = notice.Answer{Values: []string{aware.Format(time.RFC3339)}}
				default:
					answers[f.Key] = notice.Answer{Values: []string{"Quelques mots."}}
				}
			}
		}
	}
	return answers
}

// Promise: TELL-2
func TestTELL_2_EachPartThatIsDroppedIsNamedAndKeepsBackWhatIsCompleteOnly(t *testing.T) {
	facts := whole()
	facts.Written = aware.Add(73 * time.Hour) // so that the delay is to be explained
	dropping := map[string]func(*notice.Facts){
		"reference": func(f *notice.Facts) { f.Reference = "" }, "organisation": func(f *notice.Facts) { f.Controller.Name = "" },
		"siren": func(f *notice.Facts) { f.Controller.SIREN = "" }, "sector": func(f *notice.Facts) { f.Controller.Sector = "" },
		"headcount": func(f *notice.Facts) { f.Controller.Headcount = "" }, "address": func(f *notice.Facts) { f.Controller.Address = "" },
		"country": func(f *notice.Facts) { f.Controller.Country = "" }, "representative": func(f *notice.Facts) { f.Controller.Representative = "" },
		"contact": func(f *notice.Facts) { f.Controller.Contact = "" }, "officer": func(f *notice.Facts) { f.Controller.Officer = "" },
		"involved": func(f *notice.Facts) { f.Involved = nil }, "begun": func(f *notice.Facts) { f.Begun = time.Time{} },
		"aware": func(f *notice.Facts) { f.Aware = time.Time{} }, "orders": func(f *notice.Facts) { f.Orders = nil },
		"aware-from": func(f *notice.Facts) { f.From = "" }, "accounts": func(f *notice.Facts) { f.Accounts = nil }, "people": func(f *notice.Facts) { f.Counted = false },
	}
	for _, form := range notice.Forms {
		whole := notice.Fill(form, notice.Complete, facts, answered())
		if len(whole.Missing) > 0 || !whole.MayBeSent() {
			t.Fatalf("%s lacks %v although everything is said", form, whole.Missing)
		}
		for _, part := range whole.Groups {
			for _, f := range part.Fields {
				if f.Spare || f.State == notice.Unasked {
					continue
				}
				facts, answers := facts, answered()
				switch drop := dropping[f.Key]; {
				case f.Takes != notice.Told:
					delete(answers, f.Key)
				case drop != nil:
					drop(&facts)
				default:
					continue // is there whenever another is: see below
				}
				complete, initial := notice.Fill(form, notice.Complete, facts, answers), notice.Fill(form, notice.Initial, facts, answers)
				if !slices.Contains(complete.Missing, f.Key) || complete.MayBeSent() {
					t.Errorf("%s without %s: it lacks %v", form, f.Key, complete.Missing)
				}
				if !initial.MayBeSent() {
					t.Errorf("%s without %s: not even an initial one may be sent", form, f.Key)
				}
			}
		}
	}
}

// What follows from an answer is asked when that answer asks for it, and then is as needed as
// anything else; a notice that is withdrawn needs its reason, and nothing that is still missing.
//
// Promise: TELL-2
func TestTELL_2_WhatFollowsFromAnAnswerIsNeededOnceThatIsGiven(t *testing.T) {
	lacks := func(set map[string]string, dropped string) (bool, notice.State) {
		answers := answered()
		for key, value := range set {
			answers[key] = notice.Answer{Values: []string{value}}
		}
		delete(answers, dropped)
		d := notice.Fill(notice.EDPB, notice.Complete, whole(), answers)
		for _, part := range d.Groups {
			for _, f := range part.Fields {
				if f.Key == dropped {
					return slices.Contains(d.Missing, dropped) && !d.MayBeSent(), f.State
				}
			}
		}
		return false, ""
	}
	followers := 0
	for _, part := range notice.Fill(notice.EDPB, notice.Complete, whole(), nil).Groups {
		for _, f := range part.Fields {
			if f.If == "" {
				continue
			}
			followers++
			set := map[string]string{f.If: f.Has[0]}
			for from, _ := notice.Asked(f.If); from.If != ""; from, _ = notice.Asked(from.If) {
				set[from.If] = from.Has[0]
			}
			if is, state := lacks(set, f.Key); is == f.Spare || state != notice.Lacking && !f.Spare {
				t.Errorf("%s, which %s asks for, is %q when it is missing: it is needed %v", f.Key, f.If, state, is)
			}
			set[f.If] = "another"
			if is, state := lacks(set, f.Key); is || state != notice.Unasked {
				t.Errorf("%s, which %s does not ask for, is %q", f.Key, f.If, state)
			}
		}
	}
	if followers < 20 {
		t.Errorf("%d fields follow from another", followers)
	}
	withdrawn := map[string]notice.Answer{"withdrawn": {Values: []string{"yes"}}}
	if d := notice.Fill(notice.EDPB, notice.Complete, whole(), withdrawn); !slices.Equal(d.Missing, []string{"withdrawn-why"}) {
		t.Errorf("a notice that is withdrawn lacks %v", d.Missing)
	}
	if d := notice.Fill(notice.CNIL, notice.Complete, whole(), withdrawn); d.MayBeSent() {
		t.Error("a form that asks nothing of a withdrawal is complete by one")
	}
}

// Promise: TELL-2
func TestTELL_2_WhatIsNotKnownYetMayStandInAnInitialNoticeOnly(t *testing.T) {
	answers := answered()
	answers["origin"] = notice.Answer{Unknown: notice.NotYet}
	answers["cause"] = notice.Answer{Unknown: notice.Never}
	initial, complete := notice.Fill(notice.CNIL, notice.Initial, whole(), answers), notice.Fill(notice.CNIL, notice.Complete, whole(), answers)
	if len(initial.Missing) != 0 || !slices.Equal(initial.Waiting, []string{"origin"}) || !slices.Equal(complete.Missing, []string{"origin"}) {
		t.Errorf("the initial one lacks %v and waits for %v, the complete one lacks %v", initial.Missing, initial.Waiting, complete.Missing)
	}
}

func TestAnswersAreHeldToTheirFields(t *testing.T) {
	for key, wrong := range map[string][]notice.Answer{
		"origin":       {{Values: []string{"elsewhere"}}, {Values: []string{"attack", "lost"}}, {Values: []string{"attack"}, Unknown: notice.NotYet}, {Unknown: "perhaps"}},
		"nature":       {{Values: []string{"integrity", "integrity"}}},
		"others":       {{Values: []string{"-1"}}, {Values: []string{"several"}}},
		"telling-when": {{Values: []string{"tomorrow"}}, {Unknown: notice.NotYet}},
		"description":  {{Values: []string{"a\u202eb"}}, {Values: []string{" \n "}}, {Values: []string{strings.Repeat("a", notice.LongestText+1)}}},
		"against":      {{Values: []string{"X\nY"}}},
	} {
		field, known := notice.Asked(key)
		if !known {
			t.Fatalf("%s is not asked", key)
		}
		for _, answer := range wrong {
			if field.Check(answer) == nil {
				t.Errorf("%s takes %+v", key, answer)
			}
		}
	}
	for key, answer := range answered() {
		if field, _ := notice.Asked(key); field.Check(answer) != nil || field.Check(notice.Answer{}) != nil {
			t.Errorf("%s does not take %+v, or does not let it be taken back", key, answer)
		}
	}
	if _, known := notice.Asked("people"); known {
		t.Error("people may type how many were shown")
	}
}

func TestEveryFieldIsSaidInBothLanguages(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	facts := whole()
	facts.Before = "FR-1"
	for _, in := range i18n.Languages {
		w := notice.Words{In: in, Zone: zone}
		for _, form := range notice.Forms {
			for _, answers := range []map[string]notice.Answer{answered(), nil} {
				d := notice.Fill(form, notice.Initial, facts, answers)
				for _, part := range d.Groups {
					if !in.Has("notice.group-" + part.Key) {
						t.Errorf("%s: the heading %s has no words", in, part.Key)
					}
					for _, f := range part.Fields {
						if lines := w.Lines(d, f); len(lines) == 0 || lines[0] == "" || w.Label(f.Key) == "" {
							t.Errorf("%s: %s says nothing", in, f.Key)
						}
						for _, choice := range f.Choices {
							w.Choice(f.Key, choice) // panics without words
						}
					}
				}
			}
		}
		for _, field := range register.Categories(nil).IDs(register.Categories(nil).Declared()) {
			if !in.Has("data."+field) || !in.Has("yours."+field) {
				t.Errorf("%s: the category %s has no words", in, field)
			}
		}
	}
}

// Promise: TELL-1
func TestTELL_1_HoursRunThroughWeekEndsAndHolidaysAndAMonthFromTheNotice(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	marks := notice.Marks(aware, nil)
	if marks[0].Ends != aware.Add(24*time.Hour) || marks[1].Ends != aware.Add(72*time.Hour) || !marks[1].Done.IsZero() {
		t.Errorf("the marks are %+v", marks)
	}
	words := notice.Words{In: i18n.French, Zone: paris}
	if said := words.Ends(marks[1], aware); said != "lundi 25\u00a0mai\u00a02026 à 16\u00a0h\u00a010 (lundi de Pentecôte compte, bien que férié, le week-end compte)" {
		t.Errorf("the notice is due %q", said)
	}
	sent := time.Date(2026, time.January, 31, 10, 0, 0, 0, time.UTC)
	marks = notice.Marks(sent.Add(-time.Hour), []notice.Sending{{Form: notice.CNIL, Stage: notice.Initial, At: sent}})
	if marks[1].Done != sent || marks[0].Done != sent || marks[2].Ends != time.Date(2026, time.February, 28, 10, 0, 0, 0, time.UTC) || !marks[2].Done.IsZero() {
		t.Errorf("once it was sent, the marks are %+v", marks)
	}
	// Hours are hours when clocks are moved: 29 March 2026 has 23 of them in Paris.
	spring := time.Date(2026, time.March, 27, 10, 0, 0, 0, paris)
	if ends := notice.Marks(spring, nil)[1].Ends.In(paris); ends.Hour() != 11 || ends.Day() != 30 {
		t.Errorf("72 hours over the change of clocks end %v", ends)
	}
}

// The dates of the movable ones are those of the official calendar for 2024 to 2028.
func TestHolidaysAreThoseOfTheCalendar(t *testing.T) {
	want := []string{
		"2024-04-01", "2024-05-09", "2024-05-20", "2025-04-21", "2025-05-29", "2025-06-09", "2026-04-06", "2026-05-14", "2026-05-25",
		"2027-03-29", "2027-05-06", "2027-05-17", "2028-04-17", "2028-05-25", "2028-06-05",
	}
	var got []string
	count := 0
	for day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
		key := notice.Holiday(day)
		if key != "" {
			count++
		}
		if slices.Contains([]string{"easter-monday", "ascension", "whit-monday"}, key) {
			got = append(got, day.Format(time.DateOnly))
		}
		if key != "" && !i18n.French.Has("holiday."+key) {
			t.Errorf("%s has no words", key)
		}
	}
	if !slices.Equal(got, want) || count != 5*11 {
		t.Errorf("there are %d, and the movable ones are %v", count, got)
	}
}

func TestAReferenceIsNotMistaken(t *testing.T) {
	letter := func(year, number int) byte { r := notice.Reference(year, number); return r[len(r)-1] }
	for number := range 999 {
		for _, wrong := range []int{number + 1, number + 10, number + 100, number + 9} { // 9 apart: neighbours that changed places
			if wrong < 1000 && wrong/10%10 >= number/10%10 && letter(2026, number) == letter(2026, wrong) {
				t.Errorf("%s is taken for %s", notice.Reference(2026, wrong), notice.Reference(2026, number))
			}
		}
	}
}

func TestASeverityIsProposedByWhatWasShown(t *testing.T) {
	for _, c := range []struct {
		shown register.Fields
		value float64
		level string
	}{
		{register.Residence, 1.5, "negligible"},
		{register.Name, 1.75, "negligible"},
		{register.Name | register.Birth, 2, "limited"},
		{register.Name | register.Employment, 2.5, "limited"},
		{register.Name | register.Birth | register.Benefit, 4, "maximal"},
		{register.Name | register.Health, 4, "maximal"},
		{register.Name | register.NIR | register.Training, 3, "important"},
	} {
		if s := notice.Propose(c.shown, nil); s.Value() != c.value || s.Level() != c.level {
			t.Errorf("%d comes to %v, %s; want %v, %s", c.shown, s.Value(), s.Level(), c.value, c.level)
		}
	}
}

func message() notice.Message {
	return notice.Message{
		Reference: notice.Reference(2026, 3), Controller: whole().Controller, First: aware, Last: aware.Add(time.Hour),
		Shown: register.Name | register.Contact, Held: register.AllFields, Harms: []string{"fraud", "identity-theft"}, Contained: true, Notified: true,
	}
}

// Promise: TELL-3
func TestTELL_3_AMessageWithoutOneOfItsPartsIsNotReadyAndSaysWhich(t *testing.T) {
	words := notice.Words{In: i18n.French, Zone: time.UTC}
	if lacks := message().Lacks(); len(lacks) > 0 {
		t.Fatalf("it lacks %v", lacks)
	}
	for part, drop := range map[string]func(*notice.Message){
		"who":  func(m *notice.Message) { m.Controller.Name = "" },
		"when": func(m *notice.Message) { m.First = time.Time{} }, "which": func(m *notice.Message) { m.Shown = 0 },
		"effects": func(m *notice.Message) { m.Harms = []string{"other"} }, "done": func(m *notice.Message) { m.Contained = false },
		"authority": func(m *notice.Message) { m.Notified = false }, "whom": func(m *notice.Message) { m.Controller.Helpline = "" },
		"true": func(m *notice.Message) { m.Controller.Counter = "" },
	} {
		m := message()
		drop(&m)
		if !slices.Equal(m.Lacks(), []string{part}) || m.Paragraphs(notice.Plain, words) != nil {
			t.Errorf("without %s it lacks %v and says %q", part, m.Lacks(), m.Paragraphs(notice.Plain, words))
		}
	}
}

// Promise: TELL-3
func TestTELL_3_AMessageHasNoLinkAsksForNothingAndIsEasyWhereItSaysSo(t *testing.T) {
	for _, in := range i18n.Languages {
		for _, version := range notice.Versions {
			for _, day := range []time.Duration{time.Hour, 48 * time.Hour} {
				m := message()
				m.Last = m.First.Add(day)
				said := m.Paragraphs(version, notice.Words{In: in, Zone: time.UTC})
				text := strings.Join(said, "\n")
				for _, never := range []string{"http", "www", "://", "@", ".example", "<", "cliqu", "click"} {
					if strings.Contains(strings.ToLower(text), never) {
						t.Errorf("%s in %s has %q", version, in, never)
					}
				}
				for _, part := range []string{"Agence du registre", "01 99 00 10 12", "2026-003-", "place du Marché"} {
					if !strings.Contains(text, part) {
						t.Errorf("%s in %s does not say %q", version, in, part)
					}
				}
				if version == notice.Easy {
					easy(t, text)
				}
			}
		}
	}
}

// What is said to the press has the exact figure and is whole or nothing: without a part of the
// message, or of nobody, there is none. Of an exercise it says so first.
//
// Promise: TELL-3
func TestTELL_3_ThePressIsToldTheExactFigureAndNobodysName(t *testing.T) {
	for in, want := range map[i18n.Language][]string{
		i18n.French:  {"340\u202f127 personnes sont concernées. Ce chiffre est exact", "Parmi elles, 1\u202f204 ont été consultées sans motif connu.", "nom, coordonnées", "01 99 00 10 12"},
		i18n.English: {"340,127 people are concerned. This figure is exact", "Of them, 1,204 were looked at without a known reason.", "01 99 00 10 12"},
	} {
		words := notice.Words{In: in, Zone: time.UTC}
		text := strings.Join(message().Press(340_127, 1204, words), "\n")
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("in %s it does not say %q:\n%s", in, part, text)
			}
		}
		for _, never := range []string{"http", "@", "votre", "your"} {
			if strings.Contains(strings.ToLower(text), never) {
				t.Errorf("in %s it has %q:\n%s", in, never, text)
			}
		}
		if said := strings.Join(message().Press(2, 0, words), " "); strings.Contains(said, "0") && strings.Contains(said, "without a known reason") || strings.Contains(said, "sans motif") {
			t.Errorf("of none without a reason it says %q", said)
		}
		lacking, exercise := message(), message()
		lacking.Notified, exercise.Exercise = false, true
		if lacking.Press(2, 1, words) != nil || message().Press(0, 0, words) != nil {
			t.Errorf("in %s there is a text where a part is missing, or nobody is concerned", in)
		}
		if said := exercise.Press(2, 1, words); !strings.HasPrefix(said[0], "EXERCI") {
			t.Errorf("of an exercise it begins %q", said[0])
		}
	}
}

// easy objects to sentences of more than twelve words, lists and the details of whom to
// ask left aside.
func easy(t *testing.T, text string) {
	t.Helper()
	for paragraph := range strings.Lines(text) {
		for _, sentence := range strings.FieldsFunc(paragraph, func(r rune) bool { return strings.ContainsRune(".?!:", r) }) {
			if strings.Contains(sentence, ",") || strings.ContainsAny(sentence, "0123456789") {
				continue
			}
			if n := len(strings.Fields(sentence)); n > 12 {
				t.Errorf("a sentence has %d words: %q", n, sentence)
			}
		}
	}
}
