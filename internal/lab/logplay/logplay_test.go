package logplay_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"poterne/internal/config"
	"poterne/internal/i18n"
	"poterne/internal/lab/logplay"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// line is one event of a log that is written here.
type line struct {
	at                            time.Time
	account, person, role, action string
}

var monday = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// known is a log whose truth is known: it is said beside each account.
func known() (all []line) {
	n := 0
	does := func(day, hour int, account, person, role, action string) {
		n++ // no two at the same moment
		all = append(all, line{monday.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour + time.Duration(n)*time.Second/10), account, person, role, action})
	}
	for i := range 5 { // calm: 100 openings, all of people who were assigned
		does(0, 0, "calm", fmt.Sprint("c", i), "adviser", "assign")
		for day := 1; day <= 20; day++ {
			does(day, 1, "calm", fmt.Sprint("c", i), "adviser", "start")
		}
	}
	for i := range 3 { // writer: 3 writings about strangers, then 30 openings with a history
		does(0, 1, "writer", fmt.Sprint("w", i), "adviser", "complete")
		for day := 1; day <= 10; day++ {
			does(day, 2, "writer", fmt.Sprint("w", i), "adviser", "start")
		}
		does(12, 3, "colleague", fmt.Sprint("w", i), "adviser", "start") // 3 openings of live items
		does(30, 3, "stranger", fmt.Sprint("w", i), "adviser", "start")  // 3 openings: the items are 30 days old
	}
	does(0, 0, "curious", "own", "adviser", "assign")
	for day := 1; day <= 25; day++ { // curious: a stranger a day, 25 of them, where 20 are allowed in 28 days
		does(day, 4, "curious", "own", "adviser", "start")
		does(day, 5, "curious", fmt.Sprint("s", day), "adviser", "start")
	}
	for i := range 8 { // hasty: 8 strangers within an hour, where a desk has 6
		does(3, 0, "hasty", fmt.Sprint("d", i), "desk", "assign")
		does(4, 6, "hasty", fmt.Sprint("d", i), "desk", "start")
		does(4, 6, "hasty", fmt.Sprint("e", i), "desk", "start")
	}
	for range 3 {
		does(9, 7, "calm", "c0", "adviser", "ate_abort")
	}
	for range 2 {
		does(9, 8, "", "c0", "", "start")
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	return all
}

func asCSV(lines []line, delimiter string) []byte {
	var text strings.Builder
	fmt.Fprintln(&text, strings.Join([]string{"who", "whom", "when", "as", "what"}, delimiter))
	for _, l := range lines {
		fmt.Fprintln(&text, strings.Join([]string{l.account, l.person, l.at.Format("2006-01-02T15:04:05.000Z07:00"), l.role, l.action}, delimiter))
	}
	return []byte(text.String())
}

// asXES writes a trace for each person, so that events are not in the order of time.
func asXES(lines []line) []byte {
	var people []string
	of := make(map[string][]line)
	for _, l := range lines {
		if of[l.person] == nil {
			people = append(people, l.person)
		}
		of[l.person] = append(of[l.person], l)
	}
	var text strings.Builder
	say := func(key, value string) {
		if value != "" {
			text.WriteString(`<string key="` + key + `" value="`)
			_ = xml.EscapeText(&text, []byte(value))
			text.WriteString("\"/>\n")
		}
	}
	text.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<log xes.version="1.0"><extension name="Concept" prefix="concept"/><global scope="event"><string key="org:resource" value="nobody"/></global>` + "\n")
	for _, person := range people {
		text.WriteString("<trace>\n")
		say("concept:name", person)
		for _, l := range of[person] {
			text.WriteString("<event>\n")
			say("concept:name", "work")
			say("org:resource", l.account)
			say("org:role", l.role)
			say("lifecycle:transition", l.action)
			fmt.Fprintf(&text, "<date key=\"time:timestamp\" value=\"%s\"/>\n</event>\n", l.at.Format("2006-01-02T15:04:05.000Z07:00"))
		}
		text.WriteString("</trace>\n")
	}
	text.WriteString("</log>\n")
	return []byte(text.String())
}

const reading = `
warm-up-days = 0
[roles]
adviser = "adviser"
desk = "desk"
[actions]
writes = ["complete"]
assigns = ["assign"]
ignored = ["ate_abort"]
[reasons]
history-days = 28
live-item-days = 14
just-arrived-hours = 0
assigned-days = 90
`

const csvColumns = `
[columns]
account = "who"
person = "whom"
time = "when"
role = "as"
action = "what"
`

func written(t testing.TB, name string, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func settings(t testing.TB, mapping string) logplay.Settings {
	t.Helper()
	rules, err := config.ReadRules("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := logplay.ReadMapping(written(t, "mapping.toml", []byte(mapping)), roster.Readers)
	if err != nil {
		t.Fatal(err)
	}
	return logplay.Settings{Mapping: m, Rules: rules, ByDefault: rules, Seed: 1}
}

func played(t testing.TB, file string, s logplay.Settings) logplay.Report {
	t.Helper()
	report, err := logplay.Play(t.Context(), file, s)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sameIn is a report without what a format decides: where lines are, and what was guessed
// of columns.
func sameIn(t *testing.T, r logplay.Report) string {
	t.Helper()
	r.Guesses = nil
	for i := range r.Ignored {
		r.Ignored[i].First = 0
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a program writes and assigns is a fact for others; the program is asked for nothing, and no
// thief is put into its account.
func TestAProgramsEventsAreFactsAndAreNotPlayed(t *testing.T) {
	file := written(t, "log.csv", asCSV(known(), ","))
	all := played(t, file, settings(t, reading+csvColumns))
	without := played(t, file, settings(t, "systems = [\"writer\", \"curious\"]\n"+reading+csvColumns))
	of := func(r logplay.Report, account roster.AccountID) (openings, explained int) {
		for _, one := range r.Worst {
			if one.Account == account {
				return one.Openings, one.Explained
			}
		}
		return 0, 0
	}
	if n, _ := of(without, "writer"); n != 0 || without.Systems != 83 || without.Accounts != all.Accounts-2 || without.All.Openings != all.All.Openings-83 {
		t.Errorf("%d events of programs, %d accounts of %d, %d openings of %d", without.Systems, without.Accounts, all.Accounts, without.All.Openings, all.All.Openings)
	}
	if n, explained := of(without, "colleague"); n != 3 || explained != 3 {
		t.Errorf("what the program wrote explains %d of %d", explained, n)
	}
	for _, theft := range without.Thefts {
		if theft.Role == roster.Adviser && theft.Of != 3 { // calm, colleague, stranger
			t.Errorf("a thief may be in %d accounts of advisers", theft.Of)
		}
	}
	if _, err := logplay.Play(t.Context(), file, settings(t, "systems = [\"batch\"]\n"+reading+csvColumns)); err == nil || !strings.Contains(err.Error(), `"batch"`) {
		t.Errorf("a program that is not in the log: %v", err)
	}
}

func TestALogOfKnownTruthIsReportedExactlyFromCSVAndFromXES(t *testing.T) {
	counting := func(mapping string) logplay.Settings {
		s := settings(t, mapping)
		watches := make(map[roster.Role]policy.Watch)
		for role, watch := range s.Rules.Watches {
			watch.Evidence = false // the truth that is known is that of the allowances
			watches[role] = watch
		}
		s.Rules.Watches = watches
		return s
	}
	csv := played(t, written(t, "log.csv", asCSV(known(), ",")), counting(reading+csvColumns))
	xes := played(t, written(t, "log.xes", asXES(known())), counting(reading))
	if a, b := sameIn(t, csv), sameIn(t, xes); a != b {
		t.Errorf("CSV and XES differ:\n%s\n%s", a, b)
	}
	type truth struct{ days, openings, writings, explained, strangers, stepUps, identities, cosigns, freezes, refused int }
	want := map[roster.AccountID]truth{
		"calm":      {20, 100, 0, 100, 0, 0, 0, 0, 0, 0},
		"writer":    {11, 33, 3, 30, 3, 0, 0, 0, 0, 0},
		"colleague": {1, 3, 0, 3, 0, 0, 0, 0, 0, 0},
		"stranger":  {1, 3, 0, 0, 3, 0, 0, 0, 0, 0},
		"curious":   {25, 50, 0, 25, 25, 0, 0, 5, 0, 0},
		"hasty":     {1, 16, 0, 8, 8, 1, 0, 0, 0, 0},
	}
	if len(csv.Worst) != len(want) {
		t.Errorf("%d accounts are listed, want %d", len(csv.Worst), len(want))
	}
	for _, one := range csv.Worst {
		got := truth{one.Days, one.Openings, one.Writings, one.Explained, one.Strangers, one.StepUps, one.Identities, one.Cosigns, one.Freezes, one.Refused}
		if got != want[one.Account] {
			t.Errorf("%s: %+v, want %+v", one.Account, got, want[one.Account])
		}
	}
	if by := fmt.Sprint(csv.All.By); by != "map[assigned:133 history:30 live-item:3]" {
		t.Errorf("explained by %s", by)
	}
	if csv.Worst[0].Account != "curious" || csv.Worst[1].Account != "hasty" {
		t.Errorf("%s and %s exceed most", csv.Worst[0].Account, csv.Worst[1].Account)
	}
	if csv.Events != 219 || csv.Assigned != 14 || len(csv.Ignored) != 2 || csv.Ignored[0].Count != 2 || csv.Ignored[1].Count != 3 {
		t.Errorf("read %d events, %d assignments, ignored %v", csv.Events, csv.Assigned, csv.Ignored)
	}
	for _, theft := range csv.Thefts {
		limit := map[roster.Role]int{roster.Adviser: 20, roster.Desk: 80}[theft.Role]
		if theft.Passes.Strangers.Most > limit || theft.Fails.Strangers.Most > theft.Passes.Strangers.Most || theft.Passes.Strangers.Most == 0 {
			t.Errorf("%s: a thief is shown %+v, and %d are allowed", theft.Role, theft, limit)
		}
		if least := map[roster.Role]int{roster.Adviser: 5, roster.Desk: 8}[theft.Role]; theft.Fails.Explained.Most < least {
			t.Errorf("%s: a thief is shown %d of the account’s own people, which are %d", theft.Role, theft.Fails.Explained.Most, least)
		}
	}
}

func TestALogIsReadHoweverItIsPacked(t *testing.T) {
	plain := asCSV(known(), ";")
	want := sameIn(t, played(t, written(t, "log.csv", plain), settings(t, reading+csvColumns)))
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(plain); err != nil || zip.Close() != nil {
		t.Fatal(err)
	}
	backwards := known()
	slices.Reverse(backwards)
	for name, text := range map[string][]byte{
		"tabs": asCSV(known(), "\t"), "a byte order mark": append([]byte("\xef\xbb\xbf"), plain...), "gzip": packed.Bytes(),
		"Windows lines": bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")), "not in order": asCSV(backwards, ","),
	} {
		if got := sameIn(t, played(t, written(t, "log.csv", text), settings(t, reading+csvColumns))); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestWhatIsNotMappedIsGuessedAndSaid(t *testing.T) {
	text := "Login;Dossier;Horodatage;Acte\nada;1;05/01/2026 09:00:00;Saisie\nada;1;06/01/2026 09:00:00;Consultation\nada;;06/01/2026 09:00:00;Consultation\nada;;06/01/2026 09:00:00;Connexion\n"
	report := played(t, written(t, "log.csv", []byte(text)), logplay.Settings{Rules: policy.Rules{}})
	var table bytes.Buffer
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{
		"the account is in “Login”", "the person is in “Dossier”", "times are read as DD/MM/YYYY hh:mm:ss", "read as UTC", "every account is read with the role adviser",
		"the action “Saisie” writes to a file", "the action “Consultation” opens a file", "1 line that names no person, line 4", "1 line whose action “Connexion” concerns no file, line 5",
	} {
		if !strings.Contains(table.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, table.String())
		}
	}
}

func TestALogThatCannotBeReadSaysWhereAndWhatToWrite(t *testing.T) {
	head, good := "account,person,time\n", "ada,1,2026-01-05 09:00:00\n"
	event := func(inside string) string {
		return "<log>\n<trace>\n<string key=\"concept:name\" value=\"1\"/>\n<event>\n" + inside + "\n</event>\n</trace>\n</log>"
	}
	for name, test := range map[string]struct{ text, mapping, want string }{
		"nothing":             {"", "", "log:1: nothing is in this file"},
		"no lines":            {head, "", "no line tells that an account opened"},
		"no such column":      {"who,person,time\n", "", `log:1: no column is known to be the account; write account = "…" under [columns] in the mapping, with one of "who", "person", "time"`},
		"another column":      {head + good, "[columns]\nperson = \"whom\"", `log:1: there is no column "whom"; the columns are "account", "person", "time"`},
		"the same twice":      {"account,person,time,person\n", "", `log:1: two columns are called "person"`},
		"a short line":        {head + good + "ada,1\n", "", "log:3: there are not as many cells as column names"},
		"a bad time":          {head + good + good + "ada,1,yesterday\n", "", `log:4: "yesterday" is not a time of the format "YYYY-MM-DD hh:mm:ss"`},
		"no known time":       {head + "ada,1,soon\n", "", `log:2: "soon" is not a time that is known; write its format in the mapping`},
		"a time of long ago":  {head + "ada,1,1066-01-05 09:00:00\n", "time-format = \"YYYY-MM-DD hh:mm:ss\"", "log:2: \"1066-01-05 09:00:00\" lies before 1990"},
		"a stray quote":       {head + good + "ada,\"1\"x,2026-01-05 09:00:00\n", "", "log:3: a quotation mark stands in the middle"},
		"a quote left open":   {head + good + "ada,\"" + strings.Repeat("1\n", 1<<20), "", "log:3: a record is longer"},
		"a huge line":         {head + strings.Repeat("x", 3<<20), "", "log:2: a record is longer"},
		"a huge cell":         {head + strings.Repeat("x", 5000) + ",1,2026-01-05 09:00:00\n", "", "log:2: its account is longer than 1,024 bytes"},
		"Latin-1":             {head + "andr\xe9,1,2026-01-05 09:00:00\n", "", "log:2: this is not UTF-8"},
		"UTF-16":              {"\xff\xfea\x00", "", "log:1: this is UTF-16"},
		"a spreadsheet":       {"PK\x03\x04", "", "log:1: this is a ZIP archive or a spreadsheet"},
		"half a gzip":         {"\x1f\x8b\x08", "", "log:1: this is not a whole gzip file"},
		"an unknown role":     {"account,person,time,role\nada,1,2026-01-05 09:00:00,king\n", "[roles]\nqueen = \"desk\"", `log:2: nothing says what the role "king" is`},
		"an unknown reason":   {"account,person,time,reason\nada,1,2026-01-05 09:00:00,why not\n", "", `log:2: "why not" is no kind of reason`},
		"not XES":             {"<html></html>", "", "log:1: it begins with <html>"},
		"no event":            {"<log>\n</log>", "", "there is no <event> in a <trace>"},
		"open elements":       {"<log>\n<trace>\n<event>", "", "log:3: this is not XML"},
		"crossed elements":    {"<log>\n<trace>\n</log>", "", "log:3: this is not XML"},
		"a bomb":              {"<?xml version=\"1.0\"?>\n<!DOCTYPE log [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<log/>", "", "log:2: it declares a document type or entities"},
		"an unknown entity":   {event(`<string key="org:resource" value="&bomb;"/>`), "", "log:5: this is not XML"},
		"a deep tree":         {"<log>" + strings.Repeat("<a>", 1000), "", "more than 64 deep"},
		"a huge attribute":    {"<log>\n<trace a=\"" + strings.Repeat("x", 3<<20), "", "log:2: a record is longer"},
		"an event of no time": {event(`<string key="org:resource" value="ada"/>`), "", "log:4: \"\" is not a time"},
		"too long a warm-up":  {head + good, "warm-up-days = 3", "write a smaller warm-up-days in the mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, "log", []byte(test.text))
			_, err := logplay.Play(t.Context(), file, settings(t, test.mapping))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestAMappingIsReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"zone = \"Mars\"":                            "mapping.toml:1: zone: \"Mars\" is not a time zone",
		"\nzoom = 1":                                 "mapping.toml:2: zoom is not known",
		"delimiter = \"|\"":                          "delimiter: \"|\" is none",
		"role = \"manager\"":                         "no role that is shown people",
		"time-format = \"DD/MM\"":                    "does not tell the day and the minute",
		"[reasons]\nlive-item-days = 15":             "mapping.toml:2: reasons.live-item-days: must be between 0 and 14",
		"[actions]\nwrites=[\"a\"]\nassigns=[\"a\"]": "\"a\" stands in two lists",
		"[reason-kinds]\nx = \"protected\"":          "mapping.toml:2: reason-kinds.x: \"protected\" explains nothing",
		"\n[roles]\na.b = 1":                         "mapping.toml:3: ",
		"[roles]\n\"A b\" = \"captain\"":             "mapping.toml:2: roles.A b: \"captain\" is no role that is shown people; write one of [adviser desk call-centre training]",
	} {
		_, err := logplay.ReadMapping(written(t, "mapping.toml", []byte(text)), roster.Readers)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestWhatIsProposedIsAConfiguration(t *testing.T) {
	s := settings(t, reading+csvColumns)
	s.Propose = true
	report := played(t, written(t, "log.csv", asCSV(known(), ",")), s)
	var patch bytes.Buffer
	if err := report.WritePatch(&patch); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"[allowance]\n", "too few agent-days", "[watch]\n"} {
		if !strings.Contains(patch.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, patch.String())
		}
	}
	for _, role := range report.Study.Roles {
		if role.Role == roster.Adviser && (role.Days != 58 || role.Accounts != 5) {
			t.Errorf("tuned by %d days of %d advisers", role.Days, role.Accounts)
		}
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	report := played(t, written(t, "log.csv", asCSV(known(), ",")), settings(t, reading+csvColumns))
	for _, in := range i18n.Languages {
		var page bytes.Buffer
		if err := report.WriteHTML(&page, in); err != nil {
			t.Fatal(err)
		}
		tree, err := html.Parse(&page)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for n := range tree.Descendants() {
			switch n.Data {
			case "script", "img", "link", "iframe", "a":
				t.Errorf("the page has a <%s>", n.Data)
			case "tr":
				rows++
			}
			for _, a := range n.Attr {
				if strings.Contains(a.Val, "://") || a.Key == "style" {
					t.Errorf("the page has %s=%q", a.Key, a.Val)
				}
			}
		}
		if rows != 22 { // headings, five rules, two roles and all, two thieves in each role, six accounts
			t.Errorf("the page has %d rows", rows)
		}
	}
}

// FuzzPlay has mutilated logs fail with an error, and never panic.
func FuzzPlay(f *testing.F) {
	lines := known()[:12]
	f.Add(asCSV(lines, ";"), "")
	f.Add(asCSV(lines, ","), csvColumns)
	f.Add(asXES(lines), "")
	f.Add([]byte("account,person,time\na,b,1767600000\na,b,1767600000000\n"), "time-format = \"unix\"")
	f.Add([]byte("\x1f\x8b\x08\x00"), "")
	f.Fuzz(func(t *testing.T, text []byte, mapping string) {
		m, err := logplay.ReadMapping(written(t, "mapping.toml", []byte(mapping)), roster.Readers)
		if err != nil {
			return
		}
		s := settings(t, "")
		s.Mapping, s.Thieves = m, 1
		report, err := logplay.Play(t.Context(), written(t, "log", text), s)
		if err != nil {
			return
		}
		if err := report.WriteTable(new(bytes.Buffer)); err != nil {
			t.Error(err)
		}
		if err := report.WriteHTML(new(bytes.Buffer), i18n.French); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkPlay plays a million events of 2,000 accounts over 90 days.
func BenchmarkPlay(b *testing.B) {
	var text bytes.Buffer
	fmt.Fprintln(&text, "account,person,time,action")
	const events, accounts = 1_000_000, 2000
	for n := range events {
		account := n % accounts
		person := account*100 + n/accounts%60
		if n%17 == 0 {
			person = n % 150_000
		}
		fmt.Fprintf(&text, "a%d,p%d,%d,%s\n", account, person, 1767600000+n*(90*86400)/events, []string{"view", "write"}[n/accounts%2])
	}
	file := written(b, "log.csv", text.Bytes())
	s := settings(b, "")
	s.Thieves = 200
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		played(b, file, s)
	}
}
