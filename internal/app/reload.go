package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/config"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/store"
)

// node is one that serves, and what stays the same whichever program of its succession is
// in charge.
type node struct {
	succession
	file        string
	opened      *Opened       // of the program in charge
	asked       <-chan asking // at the control socket; nil where there is none
	certificate atomic.Pointer[tls.Certificate]
	read        atomic.Int64 // when the configuration in force was, in seconds since 1970
	refused     atomic.Bool  // the file is not what is in force: it was refused
}

// hear takes up the configuration anew whenever SIGHUP comes, or somebody asks for it at the
// control socket, until ctx ends. A file that is wrong changes nothing; of one that two people have not
// allowed, what is of this machine is taken up. On SIGUSR1 it opens the access log anew.
func (h *node) hear(ctx context.Context) error {
	hangups, rotations := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	signal.Notify(rotations, syscall.SIGUSR1)
	defer signal.Stop(hangups)
	defer signal.Stop(rotations)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-rotations:
			h.reopen(ctx)
		case <-hangups:
			h.takeUp(ctx)
		case one := <-h.asked:
			switch one.asked {
			case Reload:
				one.answer <- h.takeUp(ctx)
			case Reopen:
				one.answer <- h.reopen(ctx)
			default:
				one.answer <- answer{Error: "this node is of another release, and does not know what it was asked"}
			}
		}
	}
}

// takeUp takes up the configuration anew, and says in the log what came of it.
func (h *node) takeUp(ctx context.Context) answer {
	err := h.reload(ctx)
	h.refused.Store(err != nil)
	waits, isRefused := errors.AsType[refusedError](err)
	renewed := ""
	if err != nil && !isRefused {
		renewed = h.renew()
	}
	switch wrong, many := errors.AsType[fault.Complaints](err); {
	case isRefused:
		const goesBy = "the file is refused: this node goes by what two people allowed last, with the certificates and secrets that are there now"
		h.log.ErrorContext(ctx, goesBy, slog.String("digest", h.opened.Deciding.Digest.String()), slog.Any("err", waits.why))
		return answer{Error: fmt.Sprintf("%s (digest %s): %v", goesBy, h.opened.Deciding.Digest, waits.why)}
	case many:
		for _, one := range wrong {
			h.log.ErrorContext(ctx, refused(renewed), slog.String("where", one.Where), slog.String("key", one.Path), slog.String("why", one.Text))
		}
		return answer{Wrong: wrong, Renew: renewed}
	case err != nil:
		h.log.ErrorContext(ctx, refused(renewed), slog.Any("err", err))
		return answer{Error: refused(renewed) + ": " + err.Error()}
	}
	const taken = "the configuration was read anew: what is asked from now on goes by it"
	h.log.InfoContext(ctx, taken, slog.Int("services", len(h.opened.Services)), slog.String("digest", h.opened.Digest.String()))
	return answer{Done: fmt.Sprintf("%s (%d services, digest %s)", taken, len(h.opened.Services), h.opened.Digest)}
}

// refused says that a configuration is, and what became of the certificate.
func refused(renewed string) string {
	if renewed == "" {
		return "the configuration is refused: nothing has changed"
	}
	return "the configuration is refused, and stays as it was; " + renewed
}

// renew takes up the certificate that lies where the configuration in force has it: whatever is wrong with
// the file MUST NOT keep one that ends. It says what came of it; nothing where there is no other one.
func (h *node) renew() string {
	pair := h.opened.Pair
	if pair == (config.Pair{}) {
		return ""
	}
	next, err := pair.Read()
	if err != nil {
		return "nor can the certificate be read anew, and the one before it stays: " + err.Error()
	}
	if slices.EqualFunc(next.Certificate, h.certificate.Load().Certificate, bytes.Equal) {
		return ""
	}
	h.certificate.Store(next)
	return "the certificate of " + pair.Cert + " was taken up all the same, and ends on " + next.Leaf.NotAfter.UTC().Format(time.DateOnly)
}

// reopen opens the access log anew.
func (h *node) reopen(ctx context.Context) answer {
	log := h.current().access
	if log == nil {
		return answer{Done: "there is no access log to open: the configuration has no [access_log]"}
	}
	if err := log.Reopen(); err != nil {
		h.log.ErrorContext(ctx, "the access log goes on where it was", slog.Any("err", err))
		return answer{Error: "the access log goes on where it was: " + err.Error()}
	}
	return answer{Done: "the access log was opened anew: " + log.path}
}

// refusedError is the error of a file that two people have not allowed, on a node that goes by what they
// allowed last, under what is of this machine as it is now.
type refusedError struct{ why error }

func (e refusedError) Error() string { return e.why.Error() }

// reload reads the configuration as it stands now, and goes by it, unless two people are to allow it:
// then by what they allowed last, as a start does. What the files of certificates and secrets hold is not
// theirs to allow: it is read anew either way.
func (h *node) reload(ctx context.Context) error {
	s, err := config.Read(h.file)
	if err != nil {
		return err
	}
	is, err := store.NewInstalled(h.opened.DB).Installed(ctx)
	if err != nil {
		return err
	}
	if !is.ByTwo || is.Digest == s.Deciding.Digest {
		return h.goBy(ctx, s)
	}
	at, err := h.opened.ask(ctx, s)
	why := refusal(s.Deciding.Digest, at, err)
	if s, err = allowed(s, is); err == nil {
		err = h.goBy(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("%w; nor can what they allowed last be taken up anew: %v", why, err) // of which complaints are no list: it is one sentence
	}
	return refusedError{why}
}

// goBy makes the program anew from a configuration, and puts it in charge. Read it from top to
// bottom: until the entry is written nothing has changed, and nothing can fail after it.
func (h *node) goBy(ctx context.Context, s config.Settings) error {
	before := h.current().Program
	if err := stays(h.opened.Settings, s); err != nil {
		return err
	}
	if err := before.Journal.Keep(ctx); err != nil { // so that little of the ledger is read again
		h.log.WarnContext(ctx, "all of the last weeks' entries are read", slog.Any("err", err))
	}
	o := h.opened.under(s)
	if err := o.gloss(ctx); err != nil {
		return err
	}
	program, err := assemble(ctx, o, before, h.log)
	if err != nil {
		return err
	}
	// Everything was checked. Only the database can fail now: then how long the ledger is kept is what
	// it was, and a category that was written is one that no field has.
	err = o.settle(ctx, h.log)
	if err == nil {
		err = o.take(ctx, h.log)
	}
	if err == nil {
		err = configured(ctx, o, ledger.ReadAnew)
	}
	if err != nil {
		return errors.Join(err, program.access.Close(), h.opened.retain(context.WithoutCancel(ctx), h.log))
	}
	h.observed(program)
	h.opened = o
	h.certificate.Store(s.Certificate)
	h.read.Store(o.Now().Unix())
	h.take(program)
	return nil
}

// under is the same database under another configuration.
func (o *Opened) under(s config.Settings) *Opened {
	next := opened(s, o.DB)
	next.Now, next.index = o.Now, o.index
	if next.index != nil {
		next.Index = index.New(index.Standard, next.Ledger, next.index)
	}
	return next
}

// stays complains, by name, about whatever differs and cannot change while the program runs:
// what it holds in its hands, and what everything that was written rests on.
func stays(now, next config.Settings) error {
	var wrong fault.Complaints
	for _, one := range []struct {
		key  string
		same bool
	}{
		{"public.origin", now.Origin == next.Origin},
		{"public.listen", now.Listen == next.Listen},
		{"public.programmes", now.Programmes == next.Programmes},
		{"public.cert", (now.Certificate == nil) == (next.Certificate == nil)},
		{"control.socket", now.Control == next.Control},
		{"metrics.listen", now.Metrics == next.Metrics},
		{"sql.listen", now.SQL.Listens() == next.SQL.Listens()},
		{"database", now.Database == next.Database && now.Server == next.Server},
		{"keys.pseudonym", now.Pseudonym.Person("") == next.Pseudonym.Person("")},
		{"keys.checkpoint", now.PublicKey == next.PublicKey},
		{"keys.assertion", now.Assertion.Equal(next.Assertion)},
		{"keys.epoch", now.EpochFile == next.EpochFile && now.Pseudonyms.Same(next.Pseudonyms)},
		{"keys.seal", now.SealFile == next.SealFile},
		{"register.scheme", now.Schemes.Own() == next.Schemes.Own()},
	} {
		if !one.same {
			wrong.Add(one.key, "it cannot change while the program runs; restart it, or write what was there")
		}
	}
	return wrong.Err()
}

// configured writes down by which configuration this node goes from now on.
func configured(ctx context.Context, o *Opened, how ledger.State) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	return journal.Record(ctx, o.Writer(), ledger.Entry{
		Kind: ledger.Configured, Account: journal.Itself, State: how, Target: name, Count: uint64(len(o.Files)), Digest: o.Digest,
	})
}

// observed tells of the configuration among a program's metrics.
func (h *node) observed(p *Program) {
	p.metrics.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_configuration_read_seconds", Help: "When the configuration in force was read, in seconds since 1970.",
	}, func() float64 { return float64(h.read.Load()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "poterne_configuration_refused", Help: "1 when the configuration was to be read anew and was refused: the one before it is in force.",
	}, func() float64 {
		if h.refused.Load() {
			return 1
		}
		return 0
	}))
}

// Serve guards the services that a configuration declares until ctx ends. On SIGHUP it takes
// up the configuration anew, without losing a request.
func Serve(ctx context.Context, file string, log *slog.Logger) error {
	limitMemory()
	hangups := make(chan os.Signal, 1) // one that comes before anything is served ends nothing
	signal.Notify(hangups, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(hangups)
	signal.Ignore(syscall.SIGPIPE) // whoever reads our output may go; that is no reason to end
	s, err := config.Read(file)
	if err != nil {
		return err
	}
	if !s.Pseudonyms.Conceals() {
		log.Warn("whoever has the database can follow people in the ledger from month to month: make an epoch key with poterne keys epoch, and write epoch under [keys]")
	}
	o, err := Open(ctx, s)
	if err != nil {
		return err
	}
	s = o.Settings // which are what two people allowed, where they do
	if err := o.WithIndex(ctx); err != nil {
		return errors.Join(err, o.Close())
	}
	h := &node{succession: succession{log: log}, file: file, opened: o}
	h.certificate.Store(s.Certificate)
	h.read.Store(time.Now().Unix())
	program, err := assemble(ctx, o, nil, log)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	h.observed(program)
	public, err := listen(ctx, s.Listen, h.certificate.Load)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	at := doors{public: public}
	if s.Programmes != "" {
		if at.programmes, err = listenForCertificates(ctx, s.Programmes, h.certificate.Load); err != nil {
			return errors.Join(err, o.Close())
		}
	}
	if s.Metrics != "" {
		if at.private, err = listen(ctx, s.Metrics, nil); err != nil {
			return errors.Join(err, o.Close())
		}
	}
	if s.SQL != nil {
		if at.sql, err = new(net.ListenConfig).Listen(ctx, "tcp", s.SQL.Listen); err != nil {
			return errors.Join(fmt.Errorf("listening for SQL: %w", err), o.Close())
		}
	}
	asked, deaf, err := h.askings(ctx)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	h.asked = asked
	defer deaf()
	if err := o.settle(ctx, log); err != nil { // nothing but the database can fail now
		return errors.Join(err, o.Close())
	}
	if err := o.take(ctx, log); err != nil {
		return errors.Join(err, o.Close())
	}
	if err := configured(ctx, o, ledger.Started); err != nil {
		return errors.Join(err, o.Close())
	}
	if o.Found != nil {
		h.refused.Store(true)
		at, err := o.ask(ctx, *o.Found)
		log.Error("this node goes by what two people allowed last", slog.String("digest", o.Deciding.Digest.String()), slog.Any("err", refusal(o.Found.Deciding.Digest, at, err)))
	}
	log.Info("guarding", slog.String("origin", s.Origin), slog.String("listen", public.Addr().String()), slog.Int("services", len(s.Services)))
	if err := h.serve(ctx, program, at, h.hear); err != nil {
		return err // what the database holds is not known any more: leave it as it is
	}
	log.Info("left in order")
	return o.Close()
}
