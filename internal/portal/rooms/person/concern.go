package person

import (
	"bytes"
	"fmt"
	"net/http"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/notice/pdf"
	"poterne/internal/register"
)

// concernPage answers a person: was I concerned?
type concernPage struct {
	page
	All   []concern
	Yes   int    // how many concerned them
	Blank int    // and of how many that cannot be told any more
	By    string // the code that was typed; empty for whoever is signed in
}

// concern is an incident as the person reads it.
type concern struct {
	incident.Concern
	Paragraphs []string // what they are told; none when it did not concern them
	Complaint  string   // where its complaint is made
}

// concerns shows answers.
func (h *Handlers) concerns(r *http.Request, shown concernPage, answers []incident.Concern) concernPage {
	speaker := h.pages.Speaker(r)
	words := notice.Words{In: speaker.Language, Zone: speaker.Zone(), Categories: speaker.Categories}
	for _, c := range answers {
		one := concern{Concern: c, Complaint: fmt.Sprintf("/concerned/%d/complaint", c.File)}
		if shown.By != "" {
			one.Complaint = "/code/complaint"
		}
		switch c.Verdict {
		case incident.Blank:
			shown.Blank++
		case incident.Yes:
			shown.Yes++
			one.Paragraphs = c.Message.Paragraphs(notice.Plain, words)
		}
		shown.All = append(shown.All, one)
	}
	return shown
}

func (h *Handlers) concerned(v visit) error {
	answers, err := h.deps.Concerns.Of(v.Context(), v.Person)
	if err != nil {
		return err
	}
	h.pages.Write(v.Writer, v.Request, http.StatusOK, "concerned.html", h.concerns(v.Request, concernPage{page: h.mine(v, "mine.concerned")}, answers))
	return nil
}

func (h *Handlers) complaint(v visit) error {
	number, err := numberOf(v)
	if err != nil {
		return err
	}
	return h.complain(v.Writer, v.Request, v.Person, number)
}

// complain hands over the complaint of somebody whom a file concerned. To whom it did not, and
// of a file that people are not answered about, there is none.
func (h *Handlers) complain(w http.ResponseWriter, r *http.Request, person register.PersonID, file ledger.Number) error {
	c, err := h.deps.Concerns.In(r.Context(), person, file)
	if err != nil {
		return err
	}
	if c.Verdict != incident.Yes {
		return &fault.Error{Kind: fault.Absent}
	}
	in := i18n.French // it is sent to a French authority
	if r.FormValue("in") == string(i18n.English) {
		in = i18n.English
	}
	paper := complaintOf(c, in, h)
	var body bytes.Buffer
	if _, err := paper.WriteTo(&body); err != nil {
		return err
	}
	h.pages.Protect(w)
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", in.Say("complaint.file")+"-"+c.Message.Reference+".pdf"))
	_, err = w.Write(body.Bytes())
	return err
}

// complaintOf is a complaint with what Poterne knows. It knows nobody's name: that, the place
// and the signature are left to the person.
func complaintOf(c incident.Concern, in i18n.Language, h *Handlers) *pdf.Document {
	say, words, now := in.Say, notice.Words{In: in, Zone: h.pages.Settings().Zone, Categories: h.pages.Settings().Categories}, h.pages.Settings().Now()
	m := c.Message
	paper := &pdf.Document{Title: say("complaint.title") + ", " + m.Reference, Lang: string(in), Made: now, Foot: m.Reference}
	paper.Heading(1, say("complaint.title"))
	paper.Paragraph(say("complaint.to"))
	paper.Heading(2, say("complaint.me"))
	for _, field := range []string{"name", "birth", "address", "reach"} {
		paper.Item(say("complaint."+field), []string{say("complaint.blank")})
	}
	paper.Heading(2, say("complaint.facts"))
	paper.Paragraph(say("complaint.against"))
	for _, text := range m.Facts(words) {
		paper.Paragraph(text)
	}
	paper.Item(say("complaint.reference"), []string{m.Reference})
	paper.Item(say("complaint.holder"), []string{m.Controller.Name, m.Controller.Address, m.Controller.Officer})
	paper.Item(say("complaint.times"), []string{in.Number(c.Times)})
	paper.Heading(2, say("complaint.law"))
	paper.Paragraph(say("complaint.offences"))
	paper.Paragraph(say("complaint.ask"))
	paper.Heading(2, say("complaint.damage"))
	paper.Paragraph(say("complaint.damage-what"))
	paper.Paragraph(say("complaint.blank"))
	paper.Heading(2, say("complaint.sign"))
	paper.Paragraph(say("complaint.sign-what"))
	return paper
}

// The code of a letter answers for the one person and the one incident that the letter was
// about. Whoever types it need not be signed in, and is told no more than that. Every code that
// opens nothing is one answer.

// codePage asks for the code of a letter.
type codePage struct {
	page
	Wrong bool
}

func (h *Handlers) askCode(w http.ResponseWriter, r *http.Request) {
	h.pages.Write(w, r, http.StatusOK, "code.html", codePage{page: h.page(r, "mine.code")})
}

func (h *Handlers) typedCode(w http.ResponseWriter, r *http.Request) {
	h.opened(w, r, func(code string, person register.PersonID, file ledger.Number) error {
		c, err := h.deps.Concerns.In(r.Context(), person, file)
		if err != nil {
			return err
		}
		shown := h.concerns(r, concernPage{page: h.page(r, "mine.concerned"), By: code}, []incident.Concern{c})
		h.pages.Write(w, r, http.StatusOK, "concerned.html", shown)
		return nil
	})
}

func (h *Handlers) codeComplaint(w http.ResponseWriter, r *http.Request) {
	h.opened(w, r, func(_ string, person register.PersonID, file ledger.Number) error {
		return h.complain(w, r, person, file)
	})
}

// opened serves what a code opens.
func (h *Handlers) opened(w http.ResponseWriter, r *http.Request, serve func(code string, person register.PersonID, file ledger.Number) error) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	code := r.PostFormValue("code")
	person, file, err := h.deps.Codes.Open(r.Context(), code)
	if err == nil {
		err = serve(code, person, file)
	}
	switch {
	case fault.Is(err, fault.Absent):
		h.pages.Write(w, r, http.StatusNotFound, "code.html", codePage{h.page(r, "mine.code"), true})
	case err != nil:
		h.fails(w, r, err)
	}
}
