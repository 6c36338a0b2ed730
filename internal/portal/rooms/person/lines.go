package person

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/reason"
	"poterne/internal/typed"
)

// filePage answers a person: who looked at my file, and should I worry?
type filePage struct {
	page
	Times, Bodies, Unknown int // within a year: how often, by how many bodies, and how often without a reason
	Last                   *said
	Year                   year
	Months                 []month
	Since                  time.Time
	More                   bool // there are older lines than the page shows
	Contacts               bool // contact details are changed here
	Mandates               bool // and who may read this page is shown
	mandated
	Represented int // how many pages the visitor may read
}

// said is a line in words.
type said struct {
	person.Line
	Who, Data, Because string
	Day, Hour          string
	base               string    // below which its page lies
	Asked              *question // nil while nothing was asked
}

// question is what was asked about a line, as the person follows it.
type question struct {
	person.Question
	Due  time.Time
	Late bool
}

// Path is the line's own page.
func (s said) Path() string { return fmt.Sprintf("%s/lines/%d", s.base, s.Number) }

// month is the lines of a month.
type month struct {
	Name  string
	Lines []said
}

// year is twelve months as a picture.
type year struct {
	Bars        []bar
	First, Last string
	Total       int
}

// bar is a month of the picture, in its units.
type bar struct {
	X, Y, Height int
	Name         string
	Times        int
}

// mostShown is how many lines are on the page: all of them are in the files.
const mostShown = 500

// words says a line.
func words(v visit, line person.Line) said {
	say, at := v.Speaker.Say, line.At.In(v.Speaker.Zone())
	who := "mine.role-" + string(line.Role)
	if !v.Speaker.Has(who) {
		who = "mine.role-other"
	}
	verb := "mine.saw"
	if line.Changed {
		verb = "mine.changed"
	}
	var data []string
	for _, one := range v.Speaker.Categories.In(line.Fields) {
		data = append(data, one.Mine(v.Speaker.Language))
	}
	because := "mine.because-" + line.Reason.String()
	if !v.Speaker.Has(because) {
		because = "mine.because-none"
	}
	return said{
		Line: line, Who: say(who), Data: say(verb, "what", listed(data, say("mine.and"))), Because: say(because),
		Day: v.Speaker.DatedDay(at), Hour: v.Speaker.Hour(at), base: v.Base,
	}
}

// listed joins words as people do.
func listed(words []string, and string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + and + " " + words[len(words)-1]
}

// read reads the lines of the visitor.
func (h *Handlers) read(v visit) (person.Lines, error) {
	return h.deps.Reader.Read(v.Context(), v.Person)
}

// asked is what the visitor asked about a line, of all that they asked.
func (h *Handlers) asked(all map[ledger.Number]person.Question, line ledger.Number) *question {
	q, is := all[line]
	if !is {
		return nil
	}
	return &question{q, q.Due(), q.Waits() && q.Due().Before(h.pages.Settings().Now())}
}

// answer is the page's answer, from all lines.
func (h *Handlers) answer(v visit, all person.Lines, asked map[ledger.Number]person.Question) filePage {
	now := h.pages.Settings().Now().In(v.Speaker.Zone())
	shown := filePage{page: h.mine(v, "mine.title"), Since: all.Since, Contacts: h.deps.Contacts != nil && v.Base == ""}
	begins, bodies := now.AddDate(-1, 0, 0), make(map[string]bool)
	counts := make(map[string]int)
	for i, line := range all.Lines {
		at := line.At.In(v.Speaker.Zone())
		name := v.Speaker.MonthOf(at)
		counts[name]++
		if !at.Before(begins) {
			shown.Times++
			bodies[string(line.Body)] = true
			if line.Reason == reason.None {
				shown.Unknown++
			}
		}
		if shown.More = i >= mostShown; shown.More {
			continue
		}
		if len(shown.Months) == 0 || shown.Months[len(shown.Months)-1].Name != name {
			shown.Months = append(shown.Months, month{Name: name})
		}
		of := &shown.Months[len(shown.Months)-1]
		one := words(v, line)
		one.Asked = h.asked(asked, line.Number)
		of.Lines = append(of.Lines, one)
	}
	shown.Bodies = len(bodies)
	if len(shown.Months) > 0 {
		shown.Last = &shown.Months[0].Lines[0]
	}
	shown.Year = drawn(v, now, counts)
	return shown
}

// The picture's measures.
const barStep, barTall = 60, 68

// drawn draws the twelve months that end now.
func drawn(v visit, now time.Time, counts map[string]int) (y year) {
	first, most := time.Date(now.Year(), now.Month(), 1, 12, 0, 0, 0, now.Location()).AddDate(0, -11, 0), 1
	for i := range 12 {
		name := v.Speaker.MonthOf(first.AddDate(0, i, 0))
		y.Bars = append(y.Bars, bar{X: i * barStep, Name: name, Times: counts[name]})
		most = max(most, counts[name])
		y.Total += counts[name]
	}
	for i := range y.Bars {
		b := &y.Bars[i]
		b.Height = max(2, b.Times*barTall/most)
		b.Y = barTall - b.Height
	}
	y.First, y.Last = y.Bars[0].Name, y.Bars[11].Name
	return y
}

func (h *Handlers) file(v visit) error { return h.showLines(v, "file.html") }

func (h *Handlers) easy(v visit) error { return h.showLines(v, "easy.html") }

func (h *Handlers) showLines(v visit, name string) error {
	all, err := h.read(v)
	if err != nil {
		return err
	}
	asked, err := h.deps.Questions.Of(v.Context(), v.Person)
	if err != nil {
		return err
	}
	shown := h.answer(v, all, asked)
	if err := h.mandated(v, &shown); err != nil {
		return err
	}
	h.pages.Write(v.Writer, v.Request, http.StatusOK, name, shown)
	return nil
}

// exported is a line as files have it.
type exported struct {
	Entry  ledger.Number `json:"entry"`
	At     time.Time     `json:"at"`
	Body   string        `json:"body"`
	Role   string        `json:"role"`
	Data   []string      `json:"data"`
	Did    string        `json:"did"` // "shown" or "changed"
	Reason string        `json:"reason"`
	Words  string        `json:"words"`
}

func export(v visit, line person.Line) exported {
	w := words(v, line)
	e := exported{line.Number, line.At, line.Name, string(line.Role), v.Speaker.Categories.IDs(line.Fields), "shown", line.Reason.String(), w.Who + " " + w.Data + " " + w.Because}
	if line.Changed {
		e.Did = "changed"
	}
	return e
}

// download begins a file.
func (h *Handlers) download(v visit, kind, name string) {
	h.pages.Protect(v.Writer)
	v.Writer.Header().Set("Content-Type", kind)
	v.Writer.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

func (h *Handlers) json(v visit) error {
	all, err := h.read(v)
	if err != nil {
		return err
	}
	file := struct {
		Since time.Time  `json:"since"`
		Lines []exported `json:"lines"`
	}{all.Since, []exported{}}
	for _, line := range all.Lines {
		file.Lines = append(file.Lines, export(v, line))
	}
	h.download(v, "application/json", "poterne.json")
	return json.NewEncoder(v.Writer).Encode(file)
}

func (h *Handlers) csv(v visit) error {
	all, err := h.read(v)
	if err != nil {
		return err
	}
	h.download(v, "text/csv; charset=utf-8", "poterne.csv")
	out := csv.NewWriter(v.Writer)
	rows := [][]string{{"entry", "at", "body", "role", "data", "did", "reason", "words"}}
	for _, line := range all.Lines {
		e := export(v, line)
		rows = append(rows, []string{fmt.Sprint(e.Entry), e.At.Format(time.RFC3339), typed.Cell(e.Body), e.Role, strings.Join(e.Data, "+"), e.Did, e.Reason, typed.Cell(e.Words)})
	}
	return out.WriteAll(rows)
}

// linePage answers a person: what is this line, and is it true?
type linePage struct {
	page
	said
	Key string
}

func (h *Handlers) line(v visit) error {
	line, err := h.one(v)
	if err != nil {
		return err
	}
	asked, err := h.deps.Questions.Of(v.Context(), v.Person)
	if err != nil {
		return err
	}
	shown := linePage{h.mine(v, "mine.line"), words(v, line), h.deps.Key}
	shown.Asked = h.asked(asked, line.Number)
	h.pages.Write(v.Writer, v.Request, http.StatusOK, "line.html", shown)
	return nil
}

// ask asks about a line of the visitor's, once.
func (h *Handlers) ask(v visit) error {
	number, err := numberOf(v)
	if err != nil {
		return err
	}
	err = h.deps.Questions.Ask(v.Context(), v.Person, number, ledger.State(v.PostFormValue("what")))
	if err != nil && !errors.Is(err, journal.Unchanged) {
		return err
	}
	h.pages.Back(v.Writer, fmt.Sprintf("%s/lines/%d", v.Base, number))
	return nil
}

// one is the visitor's line that an address names.
func (h *Handlers) one(v visit) (person.Line, error) {
	number, err := numberOf(v)
	if err != nil {
		return person.Line{}, err
	}
	return h.deps.Reader.One(v.Context(), v.Person, number)
}

func (h *Handlers) proof(v visit) error {
	line, err := h.one(v)
	if err != nil {
		return err
	}
	proof, err := h.deps.Prove(v.Context(), line.Number)
	if err != nil {
		return err
	}
	h.download(v, "text/plain; charset=utf-8", fmt.Sprintf("poterne-%d.tlog-proof", line.Number))
	_, err = v.Writer.Write(proof)
	return err
}
