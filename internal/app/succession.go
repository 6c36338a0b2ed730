package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/journal"
	"poterne/internal/seal"
)

// succession is the programs that serve one after the other behind the same listeners, each by
// a configuration of its own. A request is one program's from its beginning to its end; the
// one that was in charge before ends when its last request has. To the database they are two
// nodes for as long as both are there.
type succession struct {
	group  *errgroup.Group
	living context.Context // ends when one of them fails
	log    *slog.Logger

	mu  sync.RWMutex // guards what follows
	now *term
}

// term is a program's time in charge.
type term struct {
	*Program
	requests sync.WaitGroup // that it has begun to answer
	parts    sync.WaitGroup // that run
	end      context.CancelFunc
}

// take puts a program in charge: its parts run, and the next request is its own.
func (s *succession) take(p *Program) {
	p.begins()
	living, end := context.WithCancel(s.living)
	next := &term{Program: p, end: end}
	for _, run := range p.parts {
		next.parts.Add(1)
		s.group.Go(func() error {
			defer next.parts.Done()
			err := run(living)
			// What a part says that was ended while another program serves is no reason to stop that
			// one; that the ledger's state is not known is one, whoever finds it out.
			if err != nil && living.Err() != nil && s.living.Err() == nil && !errors.Is(err, journal.ErrOutcomeUnknown) && !errors.Is(err, seal.ErrBroken) {
				s.log.Warn("a part of the program before", slog.Any("err", err))
				return nil
			}
			return err
		})
	}
	s.mu.Lock()
	before := s.now
	s.now = next
	s.mu.Unlock()
	if before != nil {
		s.group.Go(func() error { return s.part(before) })
	}
}

// part lets a program end the requests that it has begun, and then ends its parts. What would
// never end by itself, such as the desk's flow, is ended first: browsers ask for it again.
func (s *succession) part(t *term) error {
	close(t.leaving)
	over := make(chan struct{})
	go func() {
		_ = t.shutSQL(s.living)
		t.requests.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-s.living.Done():
	}
	t.end()
	t.parts.Wait()
	t.proxy.Close()
	if err := t.access.Close(); err != nil {
		s.log.Warn("the access log of the configuration before", slog.Any("err", err))
	}
	return nil
}

// finish waits for the requests that have begun, as long as they may take to end.
func (t *term) finish() {
	over := make(chan struct{})
	go func() {
		t.requests.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(patience):
	}
}

// current is the program in charge.
func (s *succession) current() *term {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now
}

// handler answers each request by the program that is in charge when it comes.
func (s *succession) handler(of func(*Program) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.RLock()
		t := s.now
		t.requests.Add(1)
		s.mu.RUnlock()
		defer t.requests.Done()
		recovering(of(t.Program), t.failed, s.log).ServeHTTP(w, r)
	})
}

// answerSQL has each connection of a client of PostgreSQL be of the program that is in charge
// when it comes, until the listener is closed.
func (s *succession) answerSQL(listener net.Listener) error {
	for {
		raw, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // too many files are open; others end
			time.Sleep(10 * time.Millisecond)
		default: // the one in charge shuts its door only after another has taken over
			s.mu.RLock()
			s.now.answerSQL(raw)
			s.mu.RUnlock()
		}
	}
}

// doors are open listeners; all but the public one may be nil.
type doors struct {
	public     *Listening
	programmes *Listening // asks for client certificates
	private    *Listening // of probes and metrics
	sql        net.Listener
}

// serve serves until ctx ends, by the first program and those that take over from it while
// beside runs, which may be nil.
func (s *succession) serve(ctx context.Context, first *Program, at doors, beside func(context.Context) error) error {
	sql := at.sql
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s.group, s.living = errgroup.WithContext(living)
	s.take(first)
	servers := []*http.Server{at.public.start(s.group, s.handler(func(p *Program) http.Handler { return p.Public }), s.log)}
	if at.programmes != nil {
		servers = append(servers, at.programmes.start(s.group, s.handler(func(p *Program) http.Handler { return p.Programmes }), s.log))
	}
	if at.private != nil {
		servers = append(servers, at.private.start(s.group, s.handler(func(p *Program) http.Handler { return p.Private }), s.log))
	}
	if sql != nil {
		s.group.Go(func() error { return s.answerSQL(sql) })
	}
	besides, alone := context.WithCancel(s.living)
	var taking sync.WaitGroup
	if beside != nil {
		taking.Add(1)
		s.group.Go(func() error {
			defer taking.Done()
			return beside(besides)
		})
	}
	s.group.Go(func() error {
		defer alone()
		if sql != nil {
			defer sql.Close()
		}
		select {
		case <-ctx.Done():
			alone()
			taking.Wait() // from here on nobody else takes over
			last := s.current()
			err := last.leave(servers)
			last.finish() // a server that is shut down does not wait for a WebSocket
			end()
			return err
		case <-s.living.Done():
			var all []error
			for _, server := range servers {
				all = append(all, server.Close())
			}
			if t := s.current(); t.sql != nil {
				all = append(all, t.sql.Close())
			}
			return errors.Join(all...)
		}
	})
	if err := s.group.Wait(); err != nil {
		return err
	}
	last := s.current()
	if err := last.access.Close(); err != nil {
		s.log.Warn("the access log", slog.Any("err", err))
	}
	if err := last.Journal.Keep(context.WithoutCancel(ctx)); err != nil {
		s.log.Warn("the next start reads more of the ledger", slog.Any("err", err))
	}
	for advanced := true; advanced; {
		var err error
		if advanced, err = last.Sequencer.Step(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("signing the last checkpoint: %w", err)
		}
	}
	return last.Council.Attend(context.WithoutCancel(ctx)) // it is co-signed, too
}
