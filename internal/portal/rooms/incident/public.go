package incident

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/notice"
	"poterne/internal/portal"
)

const publicPath = "/incident"

// publicPage answers whoever was told, or was not: what happened, and is this message true?
// It is the same for everybody.
type publicPage struct {
	portal.Page
	Asked    string // a reference, as it was typed
	Known    string // what is said of it, by key, where it has a public page or people were told under it; empty of any other
	Now      string // the reference of the incident that it was merged into; empty of one that was not
	Typo     bool   // its letter does not fit its figures
	Exercise bool   // it is how an exercise is called
	Helpline, Counter,
	Officer string
	All []publicIncident // those that are there
}

// publicIncident is an incident as everybody may read of it.
type publicIncident struct {
	Reference  string
	Since      time.Time // of the page
	Told       string    // how far the messages to them have come
	People     int
	Paragraphs []string
	Data       []string
}

// public shows the public pages, and answers whether a message with a reference is true.
func (h *Handlers) public(v *portal.Visit) error {
	if !h.askers.may(h.asker(v.Request), h.shell.Now()) {
		return &fault.Error{Kind: fault.Unavailable, Public: "too many ask from there: try again in a minute"}
	}
	files, err := h.deps.Files.Files(v.Context())
	if err != nil {
		return err
	}
	words := notice.Words{In: v.Speaker.Language, Zone: v.Speaker.Zone(), Categories: v.Speaker.Categories}
	c := h.deps.Controller
	shown := publicPage{Page: v.Page(publicPath, "public.title"), Asked: strings.ToUpper(portal.Tidy(v.URL.Query().Get("reference"))), Helpline: c.Helpline, Counter: c.Counter, Officer: c.Officer}
	if len(shown.Asked) > 40 {
		shown.Asked = strings.ToValidUTF8(shown.Asked[:40], "")
	}
	for _, f := range files {
		if f.ToldUnder(shown.Asked) { // announced here or not: whoever has a true message MUST NOT be told otherwise
			shown.Known = "public.true"
			if f.Messages() == incident.MessagesBegun {
				shown.Known = "public.true-begun"
			}
		}
		if f.Public == nil || f.Into != 0 { // what was merged is announced by the file that goes on
			continue
		}
		m := f.Public.Message
		shown.All = append(shown.All, publicIncident{m.Reference, f.PublicSince, told(v, f), f.Public.People, m.Paragraphs(notice.Plain, words), v.Speaker.Categories.IDs(m.Shown)})
		merged := slices.Contains(f.References, shown.Asked)
		if merged && m.Reference != shown.Asked {
			shown.Now = m.Reference
		}
		if shown.Known == "" && (merged || m.Reference == shown.Asked) {
			shown.Known = "public.true-none"
		}
	}
	if len(shown.All) == 0 {
		shown.Page.Title = v.Speaker.Say("public.title-none")
	}
	shown.Exercise = strings.HasPrefix(shown.Asked, notice.OfExercise)
	shown.Typo = shown.Asked != "" && shown.Known == "" && !notice.IsReference(shown.Asked)
	h.pages.Show(v, http.StatusOK, "public.html", shown)
	return nil
}

// told says how far the messages to the people of a file have come.
func told(v *portal.Visit, f incident.File) string {
	at := v.Speaker.Dated(f.ToldSince().In(v.Speaker.Zone()))
	switch e := f.Telling.Ended; f.Messages() {
	case incident.MessagesBegun:
		return v.Speaker.Say("public.told-begun", "at", at)
	case incident.MessagesSent:
		if e == nil || len(f.Told) > 0 { // how many had one before files were merged is not in the file
			return v.Speaker.Say("public.told-sent", "at", at)
		}
		return v.Speaker.Say("public.told-count", "at", at, "people", v.Speaker.Say("n.people", "n", e.Mailed+e.Lettered), "all", v.Speaker.Number(e.People))
	}
	return v.Speaker.Say("public.told-none")
}

// publish makes the public page of a file.
func (h *Handlers) publish(v visit, f file) error {
	if f.Count == nil {
		return fault.Errorf(fault.Refused, "count the people first")
	}
	return h.doMessage(v, f, &incident.Publication{Message: h.messageTo(f, h.facts(v, f)), People: f.Count.People})
}

// withdraw takes it away.
func (h *Handlers) withdraw(v visit, f file) error {
	because := portal.Tidy(v.PostFormValue("withdraw-because"))
	if wrong := portal.MendTyped("withdraw-because", because); len(wrong) > 0 {
		return h.showMessage(v, f, http.StatusUnprocessableEntity, messagePage{Wrong: wrong})
	}
	return h.doMessage(v, f, &incident.Withdrawal{Because: because})
}

// askers bounds how often one address asks within a minute.
type askers struct {
	mu    sync.Mutex // guards what follows
	since time.Time
	asked map[string]int
}

const (
	askedAtMost = 60
	mostAskers  = 10_000 // beyond these, all others count as one
)

// asker is from where somebody asks: whoever has one IPv6 address has all that begin as it
// does.
func (h *Handlers) asker(r *http.Request) string {
	client, ok := netip.Addr{}, false
	if h.deps.Client != nil {
		client, ok = h.deps.Client(r)
	} else if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		client, ok = peer.Addr(), true
	}
	if !ok {
		return ""
	}
	if client = client.Unmap(); client.Is6() {
		network, err := client.WithZone("").Prefix(64)
		if err == nil {
			return network.String()
		}
	}
	return client.String()
}

func (a *askers) may(host string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked == nil || now.Sub(a.since).Abs() >= time.Minute {
		a.since, a.asked = now, make(map[string]int)
	}
	if _, known := a.asked[host]; !known && len(a.asked) >= mostAskers {
		host = ""
	}
	a.asked[host]++
	return a.asked[host] <= askedAtMost
}
