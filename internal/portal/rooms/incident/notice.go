package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/notice/pdf"
	"poterne/internal/portal"
)

// noticePage answers those who keep a file: what does this form say, and what does it
// still lack?
type noticePage struct {
	portal.Page
	file
	Path      string // of the form
	Back      string // to the file
	Form      notice.Form
	Stage     notice.Stage
	Stages    []notice.Stage
	Groups    []groupView
	Said, Of  int
	Missing   []string // labels
	Waiting   []string
	MayBeSent bool
	SentAt    string // as it was typed
	Receipt   string
	Wrong     portal.Mends
}

// groupView is fields under a heading, as the page has them.
type groupView struct {
	Key    string
	Fields []fieldView
}

// fieldView is a field of a form.
type fieldView struct {
	notice.Filled
	Label   string
	Lines   []string // what stands in it
	Choices []choiceView
	Value   string // of a field with one value, as it is typed
	Hint    string // key of what helps to answer it; empty for nothing
}

// choiceView is a choice of a field.
type choiceView struct {
	Code, Label string
	Chosen      bool
}

// asked reads which form an address names, and how far the document is meant to go.
func (h *Handlers) asked(v visit) (notice.Form, notice.Stage, error) {
	form, stage := notice.Form(v.PathValue("form")), notice.Initial
	if v.FormValue("stage") == string(notice.Complete) {
		stage = notice.Complete
	}
	if !slices.Contains(notice.Forms, form) {
		return form, stage, &fault.Error{Kind: fault.Absent, Public: "there is no such form"}
	}
	return form, stage, nil
}

func (h *Handlers) notice(v visit, f file) error {
	form, stage, err := h.asked(v)
	if err != nil {
		return err
	}
	return h.showNotice(v, f, http.StatusOK, document(f, h.facts(v, f), form, stage), noticePage{})
}

// showNotice writes the page of a document, with what is to be mended.
func (h *Handlers) showNotice(v visit, f file, status int, d notice.Document, shown noticePage) error {
	shown.Page = f.marked(v, v.Page(path, "form."+string(d.Form)))
	shown.file, shown.Form, shown.Stage, shown.Stages = f, d.Form, d.Stage, notice.Stages
	shown.Back, shown.Path = f.path(), f.path()+"/notices/"+string(d.Form)
	shown.Said, shown.Of = d.Count()
	shown.MayBeSent = d.MayBeSent()
	for _, key := range d.Missing {
		shown.Missing = append(shown.Missing, v.words.Label(key))
	}
	for _, key := range d.Waiting {
		shown.Waiting = append(shown.Waiting, v.words.Label(key))
	}
	for _, part := range d.Groups {
		group := groupView{Key: part.Key}
		for _, filled := range part.Fields {
			if filled.State == notice.Unasked {
				continue
			}
			field := fieldView{Filled: filled, Label: v.words.Label(filled.Key), Lines: v.words.Lines(d, filled)}
			for _, code := range filled.Choices {
				field.Choices = append(field.Choices, choiceView{code, v.words.Choice(filled.Key, code), slices.Contains(filled.Answer.Values, code)})
			}
			if len(filled.Answer.Values) == 1 {
				field.Value = filled.Answer.Values[0]
			}
			if filled.Takes == notice.Moment && field.Value != "" {
				at, _ := v.Speaker.Typed(field.Value) // it was checked
				field.Value = at.In(v.words.Zone).Format("2006-01-02T15:04")
			}
			if filled.Key == "severity" && f.Count != nil {
				field.Hint = v.words.In.Say("incident.proposed-level", "level", v.words.Choice("severity", notice.Propose(f.Shown(), v.Speaker.Categories).Level()), "score", notice.Propose(f.Shown(), v.Speaker.Categories).Value())
			}
			group.Fields = append(group.Fields, field)
		}
		shown.Groups = append(shown.Groups, group)
	}
	h.pages.Show(v.Visit, status, "notice.html", shown)
	return nil
}

// answer writes what was answered to a form's fields, those that changed.
func (h *Handlers) answer(v visit, f file) error {
	form, stage, err := h.asked(v)
	if err != nil {
		return err
	}
	d := document(f, h.facts(v, f), form, stage)
	changed, typedNow := make(incident.Answers), make(map[string]notice.Answer)
	var wrong portal.Mends
	for _, part := range d.Groups {
		for _, field := range part.Fields {
			if field.Takes == notice.Told || field.State == notice.Unasked {
				continue
			}
			answer, err := typedAnswer(v, field.Field)
			if err != nil {
				wrong = append(wrong, portal.Wrong{Field: field.Key, Key: "incident.answer-wrong"})
			}
			typedNow[field.Key] = answer
			if !slices.Equal(answer.Values, field.Answer.Values) || answer.Unknown != field.Answer.Unknown {
				changed[field.Key] = answer
			}
		}
	}
	if len(wrong) > 0 {
		return h.showNotice(v, f, http.StatusUnprocessableEntity, notice.Fill(form, stage, d.Facts, typedNow), noticePage{Wrong: wrong})
	}
	if len(changed) > 0 {
		if _, err := h.deps.Files.Do(v.Context(), incident.Write{File: f.Number, By: v.Viewer.ID, Step: &changed}); err != nil {
			return err
		}
	}
	v.Back(f.path() + "/notices/" + string(form) + "?stage=" + string(stage))
	return nil
}

// typedAnswer is what was typed into a field of a form.
func typedAnswer(v visit, field notice.Field) (notice.Answer, error) {
	var answer notice.Answer
	if unknown := notice.Unknown(v.PostFormValue(field.Key + ".unknown")); unknown != "" {
		answer.Unknown = unknown
		return answer, field.Check(answer)
	}
	switch typed := v.PostForm[field.Key]; field.Takes {
	case notice.Some, notice.One:
		for _, code := range typed {
			if code != "" {
				answer.Values = append(answer.Values, code)
			}
		}
	case notice.Moment:
		at, err := v.Speaker.Typed(strings.Join(typed, ""))
		if err != nil {
			return notice.Answer{Values: typed}, err
		}
		if !at.IsZero() {
			answer.Values = []string{ledger.Cut(at).Format("2006-01-02T15:04:05Z07:00")}
		}
	default:
		if text := notice.Tidy(strings.Join(typed, "\n")); text != "" {
			answer.Values = []string{text}
		}
	}
	return answer, field.Check(answer)
}

// sent writes down that a document went to its authority, and keeps it as it went. What
// is called complete and is not is refused.
func (h *Handlers) sent(v visit, f file) error {
	form, stage, err := h.asked(v)
	if err != nil {
		return err
	}
	d := document(f, h.facts(v, f), form, stage)
	shown := noticePage{SentAt: v.PostFormValue("sent"), Receipt: portal.Tidy(v.PostFormValue("number"))}
	at, err := v.Speaker.Typed(shown.SentAt)
	if err != nil || at.IsZero() || at.After(h.shell.Now()) {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "sent", Key: "incident.at-wrong"})
	}
	if len(shown.Receipt) > 100 {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "number", Key: "incident.answer-wrong"})
	}
	if !d.MayBeSent() {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "missing", Key: "incident.not-complete"})
	}
	if len(shown.Wrong) > 0 {
		return h.showNotice(v, f, http.StatusUnprocessableEntity, d, shown)
	}
	return h.do(v, f, &incident.Sent{
		Sending: notice.Sending{Form: form, Stage: stage, At: ledger.Cut(at), Receipt: shown.Receipt}, Document: asJSON(d),
	})
}

// json hands a document over for another program.
func (h *Handlers) json(v visit, f file) error {
	form, stage, err := h.asked(v)
	if err != nil {
		return err
	}
	return h.handOver(v, f, form, stage, "json", "application/json", asJSON(document(f, h.facts(v, f), form, stage)))
}

// handOver sends a document as a file.
func (h *Handlers) handOver(v visit, f file, form notice.Form, stage notice.Stage, ending, kind string, body []byte) error {
	v.Protect()
	v.Writer.Header().Set("Cache-Control", "no-store")
	v.Writer.Header().Set("Content-Type", kind)
	v.Writer.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Reference+"-"+string(form)+"-"+string(stage)+"."+ending))
	_, err := v.Writer.Write(body)
	return err
}

// pdf hands a document over for people to read, on paper or by a screen reader.
func (h *Handlers) pdf(v visit, f file) error {
	form, stage, err := h.asked(v)
	if err != nil {
		return err
	}
	d := document(f, h.facts(v, f), form, stage)
	say := v.words.In.Say
	title := say("form." + string(form))
	if f.Exercise {
		title = say("incident.exercise-title", "title", title)
	}
	paper := pdf.Document{Title: title + ", " + f.Reference, Lang: string(v.words.In), Made: d.Facts.Written, Foot: f.Reference + " · " + v.words.In.Dated(d.Facts.Written.In(v.words.Zone))}
	paper.Heading(1, title)
	if f.Exercise {
		paper.Foot = say("incident.exercise") + " · " + paper.Foot
		is := "incident.exercise-document"
		if f.Escalated() {
			is = "incident.exercise-document-was"
		}
		paper.Paragraph(say(is))
	}
	for _, part := range d.Groups {
		paper.Heading(2, say("notice.group-"+part.Key))
		for _, field := range part.Fields {
			if field.State == notice.Unasked {
				continue
			}
			paper.Item(v.words.Label(field.Key), v.words.Lines(d, field))
		}
	}
	var body bytes.Buffer
	if _, err := paper.WriteTo(&body); err != nil {
		return err
	}
	return h.handOver(v, f, form, stage, "pdf", "application/pdf", body.Bytes())
}

// asJSON is a document for another program: the facts, and the answers by key.
func asJSON(d notice.Document) []byte {
	answers := make(map[string]notice.Answer)
	for _, part := range d.Groups {
		for _, f := range part.Fields {
			if f.Takes != notice.Told && f.State != notice.Lacking && f.State != notice.Unasked {
				answers[f.Key] = f.Answer
			}
		}
	}
	body, err := json.Marshal(struct {
		Form    notice.Form              `json:"form"`
		Stage   notice.Stage             `json:"stage"`
		Facts   notice.Facts             `json:"facts"`
		Answers map[string]notice.Answer `json:"answers"`
		Missing []string                 `json:"missing"`
	}{d.Form, d.Stage, d.Facts, answers, d.Missing})
	if err != nil {
		panic(err) // it is texts, numbers and times
	}
	return body
}
