// Package incident is the room of those who keep the files of incidents: what is owed to
// whom by when, exactly who was shown, what each authority is told, and what each person
// is.
package incident

import (
	"context"
	"embed"
	"net/http"
	"net/netip"
	"strconv"

	"poterne/internal/fault"
	"poterne/internal/glossary"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Files      Files
	Gate       Gate
	Roster     Roster
	Index      Index // nil: nobody can be counted here
	Controller notice.Controller
	// Covering returns a signed checkpoint that covers every entry before one.
	Covering func(ctx context.Context, before ledger.Number) ([]byte, error)
	Evidence Evidence
	Messages Messages // nil: people are told by other means
	// Client is from where a request was made, by what the program believes of the proxies
	// before it; nil: the other end of the connection.
	Client func(*http.Request) (netip.Addr, bool)
}

// Messages is how far people are told.
type Messages interface {
	// Counts is how many people of a list have which fate, and the SHA-256 of all.
	Counts(ctx context.Context, list ledger.Number) (mailing.Counts, string, error)
	// Doubts are the Message-IDs of the mails of a list that are in doubt.
	Doubts(ctx context.Context, file, list ledger.Number) ([]string, error)
	// Settle says of the mails in doubt that the server had them, or had not.
	Settle(ctx context.Context, list ledger.Number, taken bool) error
	// Trouble is what keeps the people of a file from being told; empty when nothing does.
	Trouble(file ledger.Number) string
}

// Evidence is what proves an incident to others.
type Evidence struct {
	Journal Journal
	Key     string // the public half of the key that signs checkpoints
	Program string // which version runs
	// Known returns what the categories of fields mean, and which entry declares it.
	Known func(context.Context) (glossary.Known, error)
	// Prove makes the proof that an entry is in the ledger, with the entry.
	Prove func(context.Context, ledger.Number) ([]byte, error)
}

// Journal is the ledger, as it is read.
type Journal interface {
	// RecentBy returns an account's newest entries, newest first.
	RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error)
	// Next is the number of the next entry.
	Next() ledger.Number
}

// Files are the incidents.
type Files interface {
	// Files returns every file, the last opened first.
	Files(context.Context) ([]incident.File, error)
	// Check holds a file against the ledger; incident.Altered when a line differs.
	Check(context.Context, incident.File) error
	// Do writes a line, and returns the number of its entry.
	Do(context.Context, incident.Write) (ledger.Number, error)
	// Merge merges a file into another.
	Merge(context.Context, incident.Merge) error
	// Escalate has an exercise go on as a real file, and returns the number of that.
	Escalate(context.Context, incident.Escalate) (ledger.Number, error)
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Roster is who has an account.
type Roster interface {
	// Accounts returns every account, by organisation and name.
	Accounts(context.Context) ([]roster.Account, error)
	// Organisations returns every organisation, by name.
	Organisations(context.Context) ([]roster.Organisation, error)
}

// Index answers exactly who was shown.
type Index interface {
	// ShownToAny counts the people whom one question asks about, or another.
	ShownToAny(ctx context.Context, first index.Question, also ...index.Question) (index.Shown, error)
}

// Handlers serve the room.
type Handlers struct {
	deps   Deps
	shell  *portal.Shell
	pages  portal.Writer
	askers askers
}

// New returns the room.
func New(shell *portal.Shell, deps Deps) *Handlers {
	return &Handlers{deps: deps, shell: shell, pages: shell.Writer(pageFiles)}
}

const path = "/incidents"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + path, Serve: h.keeping(h.list)},
		{Pattern: "GET " + path + "/new", Serve: h.keeping(h.propose)},
		{Pattern: "POST " + path, Serve: h.keeping(h.open)},
		{Pattern: "GET " + path + "/{id}", Serve: h.about(h.page)},
		{Pattern: "POST " + path + "/{id}/count", Serve: h.about(h.count)},
		{Pattern: "POST " + path + "/{id}/list", Serve: h.about(h.people)},
		{Pattern: "POST " + path + "/{id}/evidence", Serve: h.about(h.evidence)},
		{Pattern: "POST " + path + "/{id}/aware", Serve: h.about(h.aware)},
		{Pattern: "POST " + path + "/{id}/scope", Serve: h.about(h.scope)},
		{Pattern: "POST " + path + "/{id}/decide", Serve: h.about(h.decide)},
		{Pattern: "POST " + path + "/{id}/closing", Serve: h.about(h.closing)},
		{Pattern: "POST " + path + "/{id}/close", Serve: h.about(h.close)},
		{Pattern: "POST " + path + "/{id}/escalate", Serve: h.about(h.escalate)},
		{Pattern: "POST " + path + "/{id}/merging", Serve: h.about(h.merging)},
		{Pattern: "POST " + path + "/{id}/merge", Serve: h.about(h.merge)},
		{Pattern: "GET " + publicPath, Serve: h.public, Open: true},
		{Pattern: "POST " + path + "/{id}/message/publish", Serve: h.about(h.publish)},
		{Pattern: "POST " + path + "/{id}/message/withdraw", Serve: h.about(h.withdraw)},
		{Pattern: "GET " + path + "/{id}/message", Serve: h.about(h.message)},
		{Pattern: "POST " + path + "/{id}/message/begin", Serve: h.about(h.begin)},
		{Pattern: "POST " + path + "/{id}/message/pause", Serve: h.about(h.pause)},
		{Pattern: "POST " + path + "/{id}/message/resume", Serve: h.about(h.resume)},
		{Pattern: "POST " + path + "/{id}/message/settle", Serve: h.about(h.settle)},
		{Pattern: "POST " + path + "/{id}/message/end", Serve: h.about(h.end)},
		{Pattern: "GET " + path + "/{id}/notices/{form}", Serve: h.about(h.notice)},
		{Pattern: "POST " + path + "/{id}/notices/{form}", Serve: h.about(h.answer)},
		{Pattern: "POST " + path + "/{id}/notices/{form}/sent", Serve: h.about(h.sent)},
		{Pattern: "GET " + path + "/{id}/notices/{form}/json", Serve: h.about(h.json)},
		{Pattern: "GET " + path + "/{id}/notices/{form}/pdf", Serve: h.about(h.pdf)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: path, Name: "layout.incidents", For: portal.Viewer.Oversees}}
}

// visit is a visit of the room, where accounts have names.
type visit struct {
	*portal.Visit
	words  notice.Words
	labels portal.Labels
}

// keeping lets in those who keep the files, unless they are suspended themselves. Closing
// everything does not shut the room, which says what is to be done about it.
func (h *Handlers) keeping(serve func(visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(portal.Viewer.Oversees, h.deps.Gate.Orders, "this room is for those who keep the files of incidents", func(v *portal.Visit) error {
		accounts, err := h.deps.Roster.Accounts(v.Context())
		if err != nil {
			return err
		}
		organisations, err := h.deps.Roster.Organisations(v.Context())
		if err != nil {
			return err
		}
		words := notice.Words{In: v.Speaker.Language, Zone: v.Speaker.Zone(), Categories: v.Speaker.Categories}
		return serve(visit{v, words, h.shell.Labels(v, accounts, organisations)})
	})
}

// file is a file that is asked about, and what people outside call it.
type file struct {
	incident.File
	Reference string
	Altered   ledger.Number // the first line that is not as the ledger says; zero when all are
	others    []incident.File
}

// about finds the file that an address names.
func (h *Handlers) about(serve func(visit, file) error) func(*portal.Visit) error {
	return h.keeping(func(v visit) error {
		files, err := h.deps.Files.Files(v.Context())
		if err != nil {
			return err
		}
		number, err := strconv.ParseUint(v.PathValue("id"), 10, 63)
		for _, one := range files {
			if err != nil || one.Number != ledger.Number(number) {
				continue
			}
			found := file{File: one, others: files, Reference: incident.References(files, v.words.Zone)[one.Number]}
			if err := h.deps.Files.Check(v.Context(), one); err != nil {
				line, altered := incident.IsAltered(err)
				if !altered {
					return err
				}
				found.Altered = line
			}
			return serve(v, found)
		}
		return &fault.Error{Kind: fault.Absent, Public: "there is no such incident"}
	})
}

// marked is a page of the file, whose title says first whether it is an exercise.
func (f file) marked(v visit, page portal.Page) portal.Page {
	if f.Exercise {
		page.Title = v.words.In.Say("incident.exercise-title", "title", page.Title)
	}
	return page
}

// do writes a line of a file, and shows the file again.
func (h *Handlers) do(v visit, f file, step incident.Step) error {
	if _, err := h.deps.Files.Do(v.Context(), incident.Write{File: f.Number, By: v.Viewer.ID, Step: step}); err != nil {
		return err
	}
	v.Back(f.path())
	return nil
}

func (f file) path() string { return path + "/" + strconv.FormatUint(uint64(f.Number), 10) }

// listed is a file as the list has it.
type listed struct {
	incident.File
	Reference, Path string
	Next            *notice.Mark // the first mark that was not met; nil when there is none
	As              string       // the reference of the file that it goes on as; empty of one that was not merged
}

// listPage answers those who keep the files: what is owed now?
type listPage struct {
	portal.Page
	Files []listed
	Open  int
	Due   *listed // the one whose mark comes first
}

func (h *Handlers) list(v visit) error {
	files, err := h.deps.Files.Files(v.Context())
	if err != nil {
		return err
	}
	shown := listPage{Page: v.Page(path, "incidents.title")}
	names := incident.References(files, v.words.Zone)
	for _, f := range files {
		one := listed{File: f, Reference: names[f.Number], Path: file{File: f}.path(), As: names[f.Into]}
		if f.Closed.IsZero() {
			one.Next = next(f)
			if !f.Exercise {
				shown.Open++
			}
		}
		shown.Files = append(shown.Files, one)
	}
	for i := range shown.Files {
		if one := &shown.Files[i]; one.Next != nil && !one.Exercise && (shown.Due == nil || one.Next.Ends.Before(shown.Due.Next.Ends)) {
			shown.Due = one
		}
	}
	h.pages.Show(v.Visit, http.StatusOK, "incidents.html", shown)
	return nil
}

// next is the first mark that was not met.
func next(f incident.File) *notice.Mark {
	for _, m := range f.Marks() {
		if m.Done.IsZero() {
			return &m
		}
	}
	return nil
}
