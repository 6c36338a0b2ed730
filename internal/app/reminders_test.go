package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/incident"
	"poterne/internal/lab/mailbox"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// Promise: TELL-1. Whoever keeps files of incidents is mailed that a mark comes, and that it has
// passed, once each, over a real SMTP server; nobody is once it is met, or who is suspended.
func TestTELL_1_MarksAreMailedToWhoKeepsTheFile(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64 // of the clock
	var box mailbox.Box
	letters, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = box.Serve(t.Context(), letters) }()
	e := connect(t, func(o *Opened) { o.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) } })
	// The program itself was started without a mail server, and reminds nobody meanwhile.
	e.Mail = &mail.Server{Host: "127.0.0.1", Port: letters.Addr().(*net.TCPAddr).Port, Security: mail.Plain, From: "poterne@mission.example"}
	files := incident.Service{Writer: e.p.Journal, Rows: store.NewIncidents(e.DB), Ledger: e.p.Journal}
	do := func(file ledger.Number, step incident.Step) ledger.Number {
		number, err := files.Do(t.Context(), incident.Write{File: file, By: "samir", Step: step})
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	aware := ledger.Cut(e.Now())
	file := do(0, &incident.Opening{Title: "Secret title", Scope: incident.Scope{Accounts: []roster.AccountID{"pauline"}, Since: aware.Add(-time.Hour)}})
	do(file, &incident.Awareness{At: aware, From: "ourselves", Because: "seen at the desk"})
	var stopped order.Set
	reminders := func() *incident.Reminders { // of a node that has just started
		return e.reminders(func() order.Set { return stopped }, files, slog.New(slog.DiscardHandler))
	}
	down := true
	first := reminders()
	send := first.Send
	first.Send = func(ctx context.Context, m mail.Message) error {
		if down {
			return errors.New("the server is away")
		}
		return send(ctx, m)
	}
	at := func(since time.Duration, by *incident.Reminders) error {
		offset.Store(int64(since))
		return by.Remind(t.Context())
	}
	subjects := func() (said []string) {
		for _, letter := range slices.Backward(box.Letters("nadia@registre.example")) {
			if strings.Contains(letter.Subject, "Incident 2") {
				_, english, _ := strings.Cut(letter.Subject, " / ")
				said = append(said, english[strings.Index(english, ": ")+2:])
			}
			if strings.Contains(letter.Text, "Secret title") || strings.Contains(letter.Text, "pauline") {
				t.Errorf("a mail says what is in the file: %s", letter.Text)
			}
		}
		return said
	}
	is := func(what string, want ...string) {
		t.Helper()
		if got := subjects(); !slices.Equal(got, want) {
			t.Errorf("%s: Nadia was mailed %q, want %q", what, got, want)
		}
	}
	if err := at(17*time.Hour, first); err != nil {
		t.Fatal(err)
	}
	is("seven hours before the first mark")
	if err := at(18*time.Hour+time.Minute, first); err == nil {
		t.Error("a server that is away is no error")
	}
	down = false
	if err := errors.Join(at(18*time.Hour+time.Minute, first)); err != nil {
		t.Fatal(err)
	}
	is("while the server is left alone")
	if err := errors.Join(at(18*time.Hour+4*time.Minute, first), at(19*time.Hour, first), at(19*time.Hour, reminders()), at(20*time.Hour, reminders())); err != nil {
		t.Fatal(err)
	}
	is("once it is there again, and on two nodes more", "the early warning (24 hours) is due")
	if err := errors.Join(at(24*time.Hour+time.Minute, reminders()), at(25*time.Hour, reminders())); err != nil {
		t.Fatal(err)
	}
	is("a minute after", "the early warning (24 hours) is due", "overdue, the early warning (24 hours)")
	do(file, &incident.Sent{Sending: notice.Sending{Form: notice.ANSSI, Stage: notice.Initial, At: ledger.Cut(e.Now()), Receipt: "A-1"}, Document: []byte("{}")})
	stopped = order.Set{{ID: "1", Reach: order.Account, Target: "nadia", Effect: order.Suspended, By: "samir", Placed: aware}}
	if err := at(50*time.Hour, reminders()); err != nil {
		t.Fatal(err)
	}
	is("who is suspended", "the early warning (24 hours) is due", "overdue, the early warning (24 hours)")
	stopped = nil
	if err := at(51*time.Hour, reminders()); err != nil {
		t.Fatal(err)
	}
	is("the second mark", "the early warning (24 hours) is due", "overdue, the early warning (24 hours)", "the notice to the data-protection authority (72 hours) is due")
	do(file, &incident.Sent{Sending: notice.Sending{Form: notice.CNIL, Stage: notice.Initial, At: ledger.Cut(e.Now()), Receipt: "C-1"}, Document: []byte("{}")})
	if err := at(40*24*time.Hour, reminders()); err != nil {
		t.Fatal(err)
	}
	is("the last, which has passed", "the early warning (24 hours) is due", "overdue, the early warning (24 hours)", "the notice to the data-protection authority (72 hours) is due", "overdue, the final report (one month)")
}
