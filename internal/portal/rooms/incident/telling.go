package incident

import (
	"net/http"
	"strconv"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/notice"
	"poterne/internal/portal"
)

// messagePage answers those who keep a file: what are the people told, and how far is it?
type messagePage struct {
	portal.Page
	file
	Back     string
	Lacks    []string
	Versions []versionView
	SMS      string
	Press    []string // empty while nobody was counted

	Sends   bool // the program can tell people
	Counts  mailing.Counts
	Percent int
	Erased  bool     // the list is not kept any more
	Doubts  []string // Message-IDs
	Trouble string
	Rate    string // as it was typed
	Wrong   portal.Mends
}

// versionView is a message in one version.
type versionView struct {
	Version    notice.Version
	Paragraphs []string
}

// messageTo is what everybody of a file is told: each person's own message names what was
// shown of them.
func (h *Handlers) messageTo(f file, facts notice.Facts) notice.Message {
	m := notice.Message{
		Reference: f.Reference, Controller: h.deps.Controller, First: facts.Begun, Last: facts.Ended, Shown: f.Shown(), Held: h.shell.Categories().Declared(),
		Harms: f.Answers["harms"].Values, Contained: len(f.Accounts()) > 0 && !facts.GoingOn, Exercise: f.Exercise,
	}
	for _, s := range f.Sent {
		m.Notified = m.Notified || s.Form == notice.CNIL || s.Form == notice.EDPB
	}
	if f.Telling.Begun != nil { // it stays as it was when it began
		m = f.Telling.Begun.Message
	}
	return m
}

func (h *Handlers) message(v visit, f file) error {
	return h.showMessage(v, f, http.StatusOK, messagePage{})
}

// showMessage writes the page of the message, with what is to be mended.
func (h *Handlers) showMessage(v visit, f file, status int, shown messagePage) error {
	shown.Page, shown.file, shown.Back, shown.Sends = f.marked(v, v.Page(path, "incident.message")), f, f.path(), h.deps.Messages != nil
	m := h.messageTo(f, h.facts(v, f))
	shown.Lacks = m.Lacks()
	for _, version := range notice.Versions {
		if said := m.Paragraphs(version, v.words); said != nil {
			shown.Versions = append(shown.Versions, versionView{version, said})
		}
	}
	if len(shown.Lacks) == 0 {
		shown.SMS = m.SMS(v.words)
		if c := f.Count; c != nil {
			shown.Press = m.Press(c.People, c.WithoutReason, v.words)
		}
	}
	if t := f.Telling; shown.Sends && t.Listed != nil {
		var err error
		if shown.Counts, _, err = h.deps.Messages.Counts(v.Context(), t.List); err != nil {
			return err
		}
		people := shown.Counts.People()
		if people > 0 {
			shown.Percent = 100 * (people - shown.Counts[mailing.Waiting]) / people
		}
		shown.Erased = people == 0 && t.Ended != nil && t.Ended.People > 0
		if shown.Counts[mailing.Doubted] > 0 {
			if shown.Doubts, err = h.deps.Messages.Doubts(v.Context(), f.Number, t.List); err != nil {
				return err
			}
		}
		if t.Running() {
			shown.Trouble = h.deps.Messages.Trouble(f.Number)
		}
	}
	h.pages.Show(v.Visit, status, "message.html", shown)
	return nil
}

// Of is how many people have a fate.
func (p messagePage) Of(fate string) int {
	return p.Counts[map[string]mailing.Fate{
		"waiting": mailing.Waiting, "taken": mailing.Taken, "refused": mailing.Refused, "bounced": mailing.Bounced, "no-mail": mailing.NoMail,
		"no-address": mailing.NoAddress, "gone": mailing.Gone, "doubted": mailing.Doubted, "printed": mailing.Printed,
	}[fate]]
}

// Leads is the message of the file that this one goes on as.
func (p messagePage) Leads() string {
	return file{File: incident.File{Number: p.Into}}.path() + "/message"
}

// Fates are those that the page counts, in order.
func (messagePage) Fates() []string {
	return []string{"waiting", "taken", "printed", "no-mail", "refused", "bounced", "doubted", "no-address", "gone"}
}

// tells fails where the program tells nobody.
func (h *Handlers) tells() error {
	if h.deps.Messages == nil {
		return &fault.Error{Kind: fault.Absent, Public: "messages are not sent here"}
	}
	return nil
}

// telling writes a step of telling people, and shows the message again.
func (h *Handlers) telling(v visit, f file, step incident.Step) error {
	if err := h.tells(); err != nil {
		return err
	}
	return h.doMessage(v, f, step)
}

// doMessage writes a step, and shows the message again.
func (h *Handlers) doMessage(v visit, f file, step incident.Step) error {
	if _, err := h.deps.Files.Do(v.Context(), incident.Write{File: f.Number, By: v.Viewer.ID, Step: step}); err != nil {
		return err
	}
	v.Back(f.path() + "/message")
	return nil
}

// begin has the people told.
func (h *Handlers) begin(v visit, f file) error {
	typed := v.PostFormValue("rate")
	rate, err := strconv.Atoi(typed)
	if typed != "" && (err != nil || rate < 1) {
		return h.showMessage(v, f, http.StatusUnprocessableEntity, messagePage{Rate: typed, Wrong: portal.Mends{{Field: "rate", Key: "mailing.rate-wrong"}}})
	}
	return h.telling(v, f, &incident.Beginning{Message: h.messageTo(f, h.facts(v, f)), Rate: rate})
}

func (h *Handlers) pause(v visit, f file) error { return h.telling(v, f, new(incident.Pause)) }

func (h *Handlers) resume(v visit, f file) error { return h.telling(v, f, new(incident.Resumption)) }

// settle says what became of the mails in doubt.
func (h *Handlers) settle(v visit, f file) error {
	if err := h.tells(); err != nil {
		return err
	}
	because := portal.Tidy(v.PostFormValue("settle-because"))
	if wrong := portal.MendTyped("settle-because", because); len(wrong) > 0 {
		return h.showMessage(v, f, http.StatusUnprocessableEntity, messagePage{Wrong: wrong})
	}
	counts, _, err := h.deps.Messages.Counts(v.Context(), f.Telling.List)
	if err != nil {
		return err
	}
	step := incident.Settlement{Taken: v.PostFormValue("taken") == "yes", People: counts[mailing.Doubted], Because: because}
	if _, err := h.deps.Files.Do(v.Context(), incident.Write{File: f.Number, By: v.Viewer.ID, Step: &step}); err != nil {
		return err
	}
	if err := h.deps.Messages.Settle(v.Context(), f.Telling.List, step.Taken); err != nil {
		return err
	}
	v.Back(f.path() + "/message")
	return nil
}

// end says that nobody is told any more, and what became of everybody.
func (h *Handlers) end(v visit, f file) error {
	if err := h.tells(); err != nil {
		return err
	}
	c, digest, err := h.deps.Messages.Counts(v.Context(), f.Telling.List)
	if err != nil {
		return err
	}
	return h.telling(v, f, &incident.Ending{
		People: c.People(), Mailed: c[mailing.Taken], Lettered: c[mailing.Printed], Untold: c.Untold(), Doubtful: c[mailing.Doubted],
		Unsettled: c[mailing.Waiting] + c.Letters(), Fates: digest,
	})
}
