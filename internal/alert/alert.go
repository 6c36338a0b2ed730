// Package alert tells people who are not looking at the desk that there is something to
// look at: an account that the rules froze, a person opened who exists for Poterne only, a
// source that went silent, another configuration. It sends mail, and calls an address with a signed text. It says
// which account, and never whose file.
package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Kind is what there is to look at.
type Kind string

const (
	Frozen Kind = "frozen"
	Canary Kind = "canary"
	Silent Kind = "silent"
	Broken Kind = "break-glass" // it was tried, used, ended or unlocked

	Configured Kind = "configured" // a node goes by another configuration than before

	// Where two people allow each change of the configuration.
	ConfigurationAsked Kind = "configuration-asked" // a node found another in its file
	ConfigurationSet   Kind = "configuration-set"   // they allowed it, or the first was taken
	ConfigurationFreed Kind = "configuration-freed" // they allowed that one person alone changes it from then on
)

// Alert is one of them, as the call says it.
type Alert struct {
	Kind         Kind                  `json:"kind"`
	Account      roster.AccountID      `json:"account,omitempty"`
	Name         string                `json:"name,omitempty"` // of the account's holder
	Organisation roster.OrganisationID `json:"organisation,omitempty"`
	Source       string                `json:"source,omitempty"`
	Node         string                `json:"node,omitempty"`   // that goes by another configuration
	Digest       string                `json:"digest,omitempty"` // of that one: SHA-256, in hexadecimal
	State        ledger.State          `json:"state,omitempty"`  // what came of the break-glass access
	Entry        ledger.Number         `json:"entry,omitempty"`
	At           time.Time             `json:"at"`
	Page         string                `json:"page"` // where to look
}

// about names what an alert is about: there is one an hour about each. Everything about the
// break-glass access is told, but for tries while it is locked.
func (a Alert) about() string {
	if a.Kind == Configured || a.Kind == ConfigurationAsked || a.Kind == ConfigurationSet || a.Kind == ConfigurationFreed || a.Kind == Broken && a.State != ledger.Locked {
		return fmt.Sprintf("%s %d", a.Kind, a.Entry)
	}
	return string(a.Account) + " " + a.Source + string(a.State)
}

// Settings say who is told, and how.
type Settings struct {
	Mail    []string                 // addresses; empty: nobody is told by mail
	URL     string                   // what is called; empty: nothing is
	Secret  []byte                   // signs what is sent there
	Silence map[string]time.Duration // how long each source may be silent
	Origin  string                   // of the desk
}

// Deps are what alerts rely on.
type Deps struct {
	Journal interface {
		// Follow yields the entries from a number on, then each new one, until ctx ends.
		Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
		// RecentBy returns an account's newest entries, newest first.
		RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error)
	}
	Ledger interface {
		// FirstAt returns the number of the first entry at or after a time.
		FirstAt(context.Context, time.Time) (ledger.Number, error)
	}
	Roster interface {
		// Account returns an account and its organisation; fault.Absent when there is none.
		Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error)
	}
	Sources interface {
		// Heard returns when each was last heard.
		Heard(context.Context) (map[string]time.Time, error)
	}
	// Once sets a mark until a time, and reports whether it was new: of all nodes, one tells.
	Once   func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	Mail   func(context.Context, mail.Message) error // nil: there is no mail server
	Client *http.Client
	Now    func() time.Time
	Log    *slog.Logger
}

// stopped is the state of an alert that the break-glass access put an order in force.
const stopped ledger.State = "stopped"

const (
	apart       = time.Hour   // between two alerts about the same
	lookEvery   = time.Minute // how often sources are looked at
	triesOf     = 4           // of a mail or a call
	firstPause  = time.Second // before the second of them; each next pause is four times as long
	patience    = 10 * time.Second
	mostRefused = 1 << 10 // of an answer that is read
	lookedBack  = 1000    // of what the program did by itself, for the configuration before
)

// Teller tells. Nothing waits for it.
type Teller struct {
	Settings
	Deps
	told map[string]time.Time // when it last told about each; Run's own
}

// New returns a teller.
func New(s Settings, d Deps) *Teller {
	return &Teller{Settings: s, Deps: d, told: make(map[string]time.Time)}
}

// Run tells until ctx ends. After a start it tells of the last hour what no node told.
func (t *Teller) Run(ctx context.Context) error {
	if len(t.Settings.Mail) == 0 && t.URL == "" {
		<-ctx.Done()
		return nil
	}
	alerts := make(chan Alert)
	go t.follow(ctx, alerts)
	go t.listen(ctx, alerts)
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-alerts:
			t.tell(ctx, a)
		}
	}
}

// follow finds what the ledger tells.
func (t *Teller) follow(ctx context.Context, to chan<- Alert) {
	for ctx.Err() == nil {
		from, err := t.Ledger.FirstAt(ctx, t.Now().Add(-apart))
		if err == nil {
			for e, broken := range t.Journal.Follow(ctx, from) {
				if err = broken; err != nil {
					break
				}
				if a, worth := Of(e); worth && !t.goesOn(ctx, e) {
					send(ctx, to, a)
				}
			}
		}
		if err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "alerts lost the ledger; they go on in a minute", slog.Any("err", err))
			pause(ctx, time.Minute)
		}
	}
}

// goesOn reports whether a node says that it goes by the configuration it went by before, as
// after a start, or by the one to which the change before this one led, of whichever node, within an
// hour: then that was told. A change back is told, and so is the next one forth. What is not known
// any more is not taken for the same.
func (t *Teller) goesOn(ctx context.Context, e ledger.Entry) bool {
	if e.Kind != ledger.Configured {
		return false
	}
	before, err := t.Journal.RecentBy(ctx, journal.Itself, lookedBack)
	if err != nil && ctx.Err() == nil {
		t.Log.WarnContext(ctx, "it is not known by which configuration a node went before: it is told", slog.Any("err", err))
	}
	goes := make(map[string]ledger.Digest) // by which each node went
	var change ledger.Entry                // the newest
	for _, b := range slices.Backward(before) {
		if b.Kind != ledger.Configured || b.Number >= e.Number {
			continue
		}
		if digest, known := goes[b.Target]; !known || digest != b.Digest {
			change = b
		}
		goes[b.Target] = b.Digest
	}
	digest, known := goes[e.Target]
	return known && digest == e.Digest || change.Digest == e.Digest && e.Time.Sub(change.Time) < apart
}

// listen finds sources that went silent.
func (t *Teller) listen(ctx context.Context, to chan<- Alert) {
	for ctx.Err() == nil {
		heard, err := t.Sources.Heard(ctx)
		if err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "alerts could not look at the sources", slog.Any("err", err))
		}
		for _, source := range slices.Sorted(maps.Keys(t.Silence)) {
			if limit := t.Silence[source]; err == nil && limit > 0 && t.Now().Sub(heard[source]) > limit {
				send(ctx, to, Alert{Kind: Silent, Source: source, At: t.Now()})
			}
		}
		pause(ctx, lookEvery)
	}
}

func send(ctx context.Context, to chan<- Alert, a Alert) {
	select {
	case to <- a:
	case <-ctx.Done():
	}
}

func pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// Of is what an entry is worth telling, if anything. A person who exists for Poterne only
// is not said to be one: which they are stays a secret.
func Of(e ledger.Entry) (Alert, bool) {
	a := Alert{Account: e.Account, Organisation: e.Organisation, Entry: e.Number, At: e.Time}
	switch {
	case e.Kind == ledger.BrokeGlass || e.Kind == ledger.Secured:
		a = Alert{Kind: Broken, State: e.State, Entry: e.Number, At: e.Time}
	case e.Kind == ledger.Placed && e.Account == breakglass.ID:
		a = Alert{Kind: Broken, State: stopped, Entry: e.Number, At: e.Time}
	case e.Kind == ledger.Configured:
		a = Alert{Kind: Configured, Node: e.Target, Digest: e.Digest.String(), State: e.State, Entry: e.Number, At: e.Time}
	case e.Kind == ledger.ConfigurationAsked && e.State == ledger.Found:
		a = Alert{Kind: ConfigurationAsked, Node: e.Target, Digest: e.Digest.String(), Entry: e.Number, At: e.Time}
	case e.Kind == ledger.ConfigurationSet:
		a = Alert{Kind: ConfigurationSet, Node: e.Target, Digest: e.Digest.String(), State: e.State, Entry: e.Number, At: e.Time}
		if e.State == ledger.Freed {
			a.Kind = ConfigurationFreed
		}
	case e.Why == policy.CanaryOpened && e.Account != journal.Itself && !e.Observed:
		a.Kind = Canary
	case e.Kind == ledger.Placed && e.Account == journal.Itself && e.Reach == order.Account && e.Effect == order.Frozen:
		a.Kind, a.Account = Frozen, roster.AccountID(e.Target)
	default:
		return Alert{}, false
	}
	return a, true
}

// tell sends an alert, unless one about the same was sent within the hour by any node.
func (t *Teller) tell(ctx context.Context, a Alert) {
	now := t.Now()
	if last, told := t.told[a.about()]; told && now.Sub(last) < apart {
		return
	}
	maps.DeleteFunc(t.told, func(_ string, at time.Time) bool { return now.Sub(at) >= apart })
	t.told[a.about()] = now
	mark := sha256.Sum256(fmt.Appendf(nil, "alert %s %d", a.about(), a.At.Unix()/int64(apart/time.Second)))
	first, err := t.Once(ctx, mark, now.Add(2*apart))
	if err != nil && ctx.Err() == nil {
		t.Log.WarnContext(ctx, "it is not known whether an alert was sent: it is sent", slog.Any("err", err))
	} else if !first {
		return
	}
	a.Page = t.Origin + "/desk"
	if a.Kind == ConfigurationAsked || a.Kind == ConfigurationSet || a.Kind == ConfigurationFreed {
		a.Page = t.Origin + "/installation/configuration"
	}
	if a.Account != "" {
		a.Page += "/accounts/" + string(a.Account)
		if account, _, err := t.Roster.Account(ctx, a.Account); err == nil {
			a.Name, a.Organisation = account.Name, account.Organisation
		}
	}
	if t.Deps.Mail != nil {
		for _, address := range t.Settings.Mail {
			t.deliver(ctx, "mail", func(ctx context.Context) error { return t.Deps.Mail(ctx, a.message(address)) })
		}
	}
	if t.URL != "" {
		t.deliver(ctx, "call", func(ctx context.Context) error { return t.call(ctx, a) })
	}
}

// deliver tries a few times, beside what comes next.
func (t *Teller) deliver(ctx context.Context, how string, try func(context.Context) error) {
	go func() {
		var err error
		for n, wait := 0, firstPause; n < triesOf && ctx.Err() == nil; n, wait = n+1, 4*wait {
			if err = try(ctx); err == nil {
				return
			}
			if n < triesOf-1 {
				pause(ctx, wait)
			}
		}
		if ctx.Err() == nil {
			t.Log.ErrorContext(ctx, "an alert was not delivered", slog.String("by", how), slog.Any("err", err))
		}
	}()
}

// message says an alert in both languages.
func (a Alert) message(to string) mail.Message {
	m := mail.Message{To: to}
	for i, in := range i18n.Languages {
		name := a.Name
		if name == "" {
			name = string(a.Account)
		}
		key := string(a.Kind)
		if a.Kind == Broken {
			key += "-" + string(a.State)
		}
		said := in.Say("alert."+key, "number", uint64(a.Entry), "name", name, "organisation", string(a.Organisation), "source", a.Source, "node", a.Node, "digest", a.Digest)
		if i > 0 {
			m.Subject += " / "
			m.Text += "\n\n"
		}
		m.Subject += in.Say("alert.subject-" + string(a.Kind))
		m.Text += said + "\n" + in.Say("alert.look") + " " + a.Page
	}
	m.Text += "\n"
	return m
}

// Header is where a call bears its signature: when it was made, in seconds since 1970, and
// the HMAC-SHA-256 of that number, a point and the body, in hexadecimal.
const Header = "Poterne-Signature"

// Sign returns the signature of a body that is sent at a time.
func Sign(secret []byte, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(seconds + "."))
	sum.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(sum.Sum(nil))
}

// call hands an alert to the address.
func (t *Teller) call(ctx context.Context, a Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(Header, Sign(t.Secret, t.Now(), body))
	answer, err := t.Client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostRefused)
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the address answers %s", answer.Status)
	}
	return nil
}
