package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"poterne/internal/app"
	"poterne/internal/i18n"
	"poterne/internal/lab/mailbox"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/roster"
)

// clock is the demonstration's: the machine's, and ahead of it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// leap lets time pass at once.
func (c *clock) leap(d time.Duration) { c.ahead.Add(int64(d)) }

// until leaps to a moment, which is not past.
func (c *clock) until(t time.Time) { c.leap(max(0, t.Sub(c.now()))) }

// paris is where the exercise is played.
var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(fmt.Sprintf("demo: %v", err))
	}
	return zone
}()

// at is the first moment after one when clocks show an hour, on a weekday.
func at(after time.Time, day time.Weekday, hour, minute int) time.Time {
	local := after.In(paris)
	for n := 0; ; n++ {
		t := time.Date(local.Year(), local.Month(), local.Day()+n, hour, minute, 0, 0, paris)
		if t.Weekday() == day && t.After(after) {
			return t
		}
	}
}

// exerciseBegins is when offices close for a week-end.
func exerciseBegins(now time.Time) time.Time { return at(now, time.Friday, 18, 10) }

// exercise is a whole incident, from the theft to the closed file, by the pages that people
// use. The clock leaps over what people take: to read an alert, to sleep, to write.
type exercise struct {
	clock   *clock
	world   *world
	opened  *app.Opened
	portal  string
	dir     string
	letters *mailbox.Box
	out     io.Writer
	in      i18n.Language

	began time.Time // the first person whom the thief was shown
	file  string    // the incident's path
	sheet []step
}

// step is a line of the sheet.
type step struct {
	key  string
	at   time.Time     // when it was done, by the exercise's clock
	took time.Duration // of the program, by the machine's
	came []any         // what came of it
}

// The people of the exercise.
const (
	stolen  = pauline
	onCall  = roster.AccountID("samir.cohen")
	officer = roster.AccountID("claire.aubry")
)

// play plays the incident and ends with its sheet.
func (e *exercise) play(ctx context.Context) error {
	fmt.Fprint(e.out, e.in.Say("exercise.begins", "at", e.in.Dated(e.clock.now().In(paris)), "portal", e.portal))
	for _, part := range []func(context.Context) error{e.theft, e.contain, e.count, e.notify, e.tellPeople, e.complete, e.close} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("the exercise: %w", err)
		}
	}
	e.sum()
	return nil
}

// done notes a step, with how long the program took.
func (e *exercise) done(key string, took time.Duration, came ...any) {
	s := step{key, e.clock.now(), took, came}
	e.sheet = append(e.sheet, s)
	e.tell(s)
}

func (e *exercise) tell(s step) {
	fmt.Fprintf(e.out, "  %s  %s\n", e.in.Dated(s.at.In(paris)), e.in.Say("exercise."+s.key, s.came...))
}

// theft lets a thief use a stolen session until nobody new comes any more.
func (e *exercise) theft(ctx context.Context) error {
	caseload := e.world.staff.Caseload(stolen)
	pages := func(yield func(string) bool) {
		for _, some := range []iter.Seq[string]{first(30, e.world.files(func(yield func(int) bool) {
			for _, person := range caseload {
				if !yield(person) {
					return
				}
			}
		})), e.world.strangers(0, 1)} {
			for page := range some {
				if !yield(page) {
					return
				}
			}
		}
	}
	from, err := e.opened.Ledger.FirstAt(ctx, e.clock.now().AddDate(1000, 0, 0))
	if err != nil {
		return err
	}
	thief := e.world.thief(stolen, 100*time.Millisecond, pages)
	thief.Portal = e.portal
	if err := thief.Steal(ctx); err != nil {
		return err
	}
	people, without := make(map[register.PersonID]bool), make(map[register.PersonID]bool)
	var alert time.Time
	for entry, err := range e.opened.Ledger.Entries(ctx, from) {
		switch {
		case err != nil:
			return err
		case entry.Kind == ledger.Placed && entry.Effect == order.Frozen && entry.Target == string(stolen) && alert.IsZero():
			alert = entry.Time
		case entry.Account == stolen && entry.Disclosed():
			if e.began.IsZero() {
				e.began = entry.Time
			}
			people[entry.Person] = true
			if !entry.Reason.Explained() {
				without[entry.Person] = true
			}
		}
	}
	if alert.IsZero() {
		return errors.New("nothing was noticed")
	}
	e.sheet = append(e.sheet, step{key: "theft", at: e.began}, step{key: "alert", at: alert, took: alert.Sub(e.began), came: []any{"people", len(people), "without", len(without)}})
	for _, s := range e.sheet {
		e.tell(s)
	}
	return nil
}

// browser is somebody at a screen, who signs in.
func (e *exercise) browser(ctx context.Context, who roster.AccountID) (*life.Browser, error) {
	b := life.NewBrowser(e.portal)
	return b, b.SignIn(ctx, e.world.button(who))
}

// post sends a form that must be taken.
func post(ctx context.Context, b *life.Browser, path string, form ...string) (life.Page, error) {
	values := make(url.Values)
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	page, err := b.Post(ctx, path, values)
	if err == nil && page.Status != http.StatusOK {
		err = fmt.Errorf("%s is answered with %d", path, page.Status)
	}
	return page, err
}

// typed is a moment as a form takes it; forms take whole minutes, which are past.
func (e *exercise) typed(t time.Time) string { return t.In(paris).Format("2006-01-02T15:04") }

// contain: who is on call reads the alert, and suspends the account.
func (e *exercise) contain(ctx context.Context) error {
	e.clock.leap(25 * time.Minute)
	b, err := e.browser(ctx, onCall)
	if err != nil {
		return err
	}
	begun := time.Now()
	if _, err := post(ctx, b, "/desk/orders", "reach", "account", "target", string(stolen), "effect", "suspended", "because", e.in.Say("exercise.because")); err != nil {
		return err
	}
	e.done("contained", time.Since(begun))
	return nil
}

// count opens the file, and counts exactly who was shown.
func (e *exercise) count(ctx context.Context) error {
	e.clock.leap(5 * time.Minute)
	b, err := e.browser(ctx, onCall)
	if err != nil {
		return err
	}
	page, err := post(ctx, b, "/incidents", "title", e.in.Say("exercise.title"), "accounts", string(stolen), "since", e.typed(e.began.Add(-time.Minute)), "until", "", "exercise", "1")
	if err != nil {
		return err
	}
	if e.file = page.Address.Path; !regexp.MustCompile(`^/incidents/[0-9]+$`).MatchString(e.file) {
		return fmt.Errorf("the incident was not opened: %s", e.file)
	}
	begun := time.Now()
	if _, err := post(ctx, b, e.file+"/count"); err != nil {
		return err
	}
	e.done("counted", time.Since(begun))
	return nil
}

// initial is what is known the next morning.
var initial = []string{"nature", "confidentiality", "origin", "attack", "cause", "outside-malicious", "harms", "fraud", "description", "exercise.description"}

// notify: the next morning the data-protection officer says since when the body knows, and
// sends the initial notice.
func (e *exercise) notify(ctx context.Context) error {
	aware := e.clock.now()
	e.clock.until(at(e.clock.now(), time.Saturday, 9, 30))
	b, err := e.browser(ctx, officer)
	if err != nil {
		return err
	}
	if _, err := post(ctx, b, e.file+"/aware", "at", e.typed(aware), "from", "ourselves", "aware-because", e.in.Say("exercise.aware")); err != nil {
		return err
	}
	e.clock.leap(40 * time.Minute)
	return e.send(ctx, "initial", "initial", initial)
}

// send answers a form's fields and writes down that it went, with the PDF that went.
func (e *exercise) send(ctx context.Context, key, stage string, answers []string) error {
	b, err := e.browser(ctx, officer)
	if err != nil {
		return err
	}
	form := []string{"stage", stage}
	for i := 0; i < len(answers); i += 2 {
		value := answers[i+1]
		if e.in.Has(value) {
			value = e.in.Say(value)
		}
		form = append(form, answers[i], value)
	}
	begun := time.Now()
	if _, err := post(ctx, b, e.file+"/notices/cnil", form...); err != nil {
		return err
	}
	pdf, err := b.Get(ctx, e.file+"/notices/cnil/pdf?stage="+stage)
	if err != nil || !strings.HasPrefix(string(pdf.Body), "%PDF") {
		return fmt.Errorf("the notice is no PDF: %w", err)
	}
	took := time.Since(begun)
	e.clock.leap(2 * time.Minute)
	if _, err := post(ctx, b, e.file+"/notices/cnil/sent", "stage", stage, "sent", e.typed(e.clock.now().Add(-time.Minute)), "number", "EX-"+stage); err != nil {
		return err
	}
	e.done(key, took)
	return nil
}

// tellPeople: two persons have the people named, and each is told what was seen of them.
func (e *exercise) tellPeople(ctx context.Context) error {
	e.clock.until(at(e.clock.now(), time.Saturday, 14, 0))
	if err := e.world.tell(ctx, e.opened, e.clock.now()); err != nil {
		return err
	}
	begun := time.Now()
	number, err := strconv.ParseUint(strings.TrimPrefix(e.file, "/incidents/"), 10, 63)
	if err != nil {
		return err
	}
	list, err := os.Open(filepath.Join(e.dir, identifiers))
	if err != nil {
		return err
	}
	defer list.Close()
	if err := e.opened.Index.CatchUp(ctx, func(ledger.Number) {}); err != nil {
		return err
	}
	column := func() (*lookup.Column, error) { return lookup.NewColumn(identifiers, list, "identifier") } // of a town, whose people are one portion
	listed, err := e.opened.ListIncident(ctx, ledger.Number(number), officer, onCall, column, io.Discard, func(int) {})
	if err != nil {
		return err
	}
	b, err := e.browser(ctx, officer)
	if err != nil {
		return err
	}
	if _, err := post(ctx, b, e.file+"/message/begin"); err != nil {
		return err
	}
	told := regexp.MustCompile(`100[\s\x{a0}\x{202f}]%`)
	for tries := 0; ; tries++ {
		page, err := b.Get(ctx, e.file+"/message")
		if err != nil {
			return err
		}
		if told.Match(page.Body) {
			break
		}
		if tries == 600 {
			return errors.New("the people are not told")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	took := time.Since(begun)
	for _, act := range []string{"/message/pause", "/message/end"} {
		if _, err := post(ctx, b, e.file+act); err != nil {
			return err
		}
	}
	mails := 0
	for _, letter := range e.letters.Letters("") {
		if letter.To != "" {
			mails++
		}
	}
	e.done("told", took, "people", listed.Found, "mails", mails)
	return nil
}

// whole is what is known a few days later.
var whole = []string{
	"nature", "confidentiality", "origin", "attack", "cause", "outside-malicious", "harms", "fraud", "description", "exercise.description",
	"circumstances", "exercise.circumstances", "late", "exercise.late", "kinds", "users", "others", "0", "before", "exercise.before", "after", "exercise.after",
	"consequences", "spread", "severity", "limited", "telling", "done", "border", "no",
}

// complete: in the week that follows, everything is known that the authority asks.
func (e *exercise) complete(ctx context.Context) error {
	e.clock.until(at(e.clock.now(), time.Wednesday, 10, 0))
	return e.send(ctx, "complementary", "complete", whole)
}

// close: one proposes that the file be closed, another closes it.
func (e *exercise) close(ctx context.Context) error {
	e.clock.until(at(e.clock.now(), time.Friday, 16, 0))
	proposes, err := e.browser(ctx, officer)
	if err != nil {
		return err
	}
	if _, err := post(ctx, proposes, e.file+"/closing", "closing-because", e.in.Say("exercise.closing")); err != nil {
		return err
	}
	if alone, err := proposes.Post(ctx, e.file+"/close", nil); err != nil || alone.Status == http.StatusOK {
		return fmt.Errorf("one person alone closes the file: %w", err)
	}
	b, err := e.browser(ctx, onCall)
	if err != nil {
		return err
	}
	begun := time.Now()
	if _, err := post(ctx, b, e.file+"/close"); err != nil {
		return err
	}
	e.done("closed", time.Since(begun))
	return nil
}

// real is what is published of the three cases, for a step: a text of the catalogue, or
// nothing where nothing is.
var real = map[string]string{
	"alert": "exercise.real-alert", "contained": "exercise.real-contained", "counted": "exercise.real-counted",
	"initial": "exercise.real-initial", "told": "exercise.real-told",
}

// sum prints the sheet.
func (e *exercise) sum() {
	fmt.Fprint(e.out, "\n", e.in.Say("exercise.sheet"), "\n")
	for _, s := range e.sheet {
		since := e.in.Say("exercise.start")
		if s.at.After(e.began) {
			since = "+ " + e.in.Span(s.at.Sub(e.began))
		}
		fmt.Fprintf(e.out, "\n  %s\n    %s (%s)\n", e.in.Say("exercise."+s.key, s.came...), e.in.Dated(s.at.In(paris)), since)
		if s.took > 0 {
			fmt.Fprintf(e.out, "    %s\n", e.in.Say("exercise.machine", "seconds", e.in.Decimal(s.took.Seconds(), 1)))
		}
		if key := real[s.key]; key != "" {
			fmt.Fprintf(e.out, "    %s\n", e.in.Say(key))
		}
	}
	fmt.Fprint(e.out, "\n", e.in.Say("exercise.end"), "\n")
}
