package mailing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/notice"
	"poterne/internal/register"
)

// Settings are how messages travel.
type Settings struct {
	From        string // whom mails are from: an address, with a name or without
	Return      string // where they come back to, without what says whose each was
	Connections int    // to the mail server, at once
	Letters     string // the folder for letters
	Bounces     string // the folder where mails that came back lie; empty: nowhere
	Site        string // the host where people type the code of their letter; empty: letters have none
	Zone        *time.Location
	Holder      string // this node
	HeldFor     time.Duration
	Categories  register.Categories // of fields, in whose words people are told
	Now         func() time.Time
	Log         *slog.Logger
	// Tag is a keyed hash of a text, for names that nobody else can make.
	Tag func(text string) [16]byte
}

type settings struct{ Settings }

// Contact is where a person can be reached, as the register has it.
type Contact struct {
	Name    string
	Mail    string   // empty when there is none
	Address []string // lines of the postal one; none when there is none
}

// Deps is what telling people relies on.
type Deps struct {
	Files interface {
		// Files returns every file, the last opened first.
		Files(context.Context) ([]incident.File, error)
	}
	Rows   Rows
	Server mail.Server
	// Explain gives the account that reads where people can be reached a reason for these
	// people, for an hour, in place of those whom it gave one to in the same slot.
	Explain func(ctx context.Context, file ledger.Number, slot int, people []register.PersonID) error
	// Contact reads where a person can be reached, through the gate. It is fault.Absent
	// that the register has nobody of that number.
	Contact func(ctx context.Context, identifier string) (Contact, error)
}

// Sender tells the people of incidents whose files say that they are to be told now. It is
// safe to share.
type Sender struct {
	Deps
	settings

	putOff time.Duration // how long was last waited for mails that the server put off

	mu       sync.Mutex               // guards what follows
	troubles map[ledger.Number]string // of files: what keeps their people from being told
}

// NewSender returns a sender. It sends nothing before Run.
func NewSender(s Settings, d Deps) *Sender {
	return &Sender{Deps: d, settings: settings{s}, troubles: make(map[ledger.Number]string)}
}

const (
	looksEvery = time.Second
	laterAfter = 2 * time.Second // mails that the server puts off are tried again, and then after twice as long
	latest     = 5 * time.Minute
)

// Trouble is what keeps the people of a file from being told; empty when nothing does.
func (s *Sender) Trouble(file ledger.Number) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.troubles[file]
}

func (s *Sender) trouble(file ledger.Number, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.troubles, file)
	if err != nil {
		s.troubles[file] = err.Error()
	}
}

// Counts is how many people of a list have which fate, and the SHA-256 of all, in
// hexadecimal.
func (s *Sender) Counts(ctx context.Context, list ledger.Number) (c Counts, digest string, err error) {
	sum := sha256.New()
	for some, err := range s.Rows.Fates(ctx, list) {
		if err != nil {
			return c, "", err
		}
		c.Add(some)
		sum.Write(some)
	}
	return c, hex.EncodeToString(sum.Sum(nil)), nil
}

// MostDoubts bounds how many mails in doubt are listed.
const MostDoubts = 1000

// Doubts are the Message-IDs of the mails of a list that are in doubt, by which the mail
// server's own log says whether it had them.
func (s *Sender) Doubts(ctx context.Context, file, list ledger.Number) (ids []string, err error) {
	err = s.doubted(ctx, list, func(_ int, people []Person, fates []byte) error {
		for i, fate := range fates {
			if Fate(fate) == Doubted && len(ids) < MostDoubts {
				ids = append(ids, s.MessageID(file, people[i].ID))
			}
		}
		return nil
	})
	return ids, err
}

// Settle says of the mails in doubt that the server had them, or had not: these people are
// told again.
func (s *Sender) Settle(ctx context.Context, list ledger.Number, taken bool) error {
	as := Waiting
	if taken {
		as = Taken
	}
	return s.doubted(ctx, list, func(part int, _ []Person, fates []byte) error {
		for i := range fates {
			if Fate(fates[i]) == Doubted {
				fates[i] = byte(as)
			}
		}
		return s.Rows.Save(ctx, list, s.hold(), map[int][]byte{part: fates})
	})
}

// doubted calls with each part of a list in which a mail is in doubt.
func (s *Sender) doubted(ctx context.Context, list ledger.Number, with func(part int, people []Person, fates []byte) error) error {
	var parts []int
	part := 0
	for fates, err := range s.Rows.Fates(ctx, list) {
		if err != nil {
			return err
		}
		if slices.Contains(fates, byte(Doubted)) {
			parts = append(parts, part)
		}
		part++
	}
	for _, part := range parts {
		raw, fates, err := s.Rows.Part(ctx, list, part)
		if err != nil {
			return err
		}
		people, err := decode(raw)
		if err == nil {
			err = with(part, people, fates)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Run tells people until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	for {
		files, err := s.Files.Files(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "the files of incidents cannot be read; nobody is told meanwhile", slog.Any("err", err))
		}
		if s.Bounces != "" {
			if err := s.bounces(ctx); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "mails that came back cannot be read", slog.Any("err", err))
			}
		}
		for _, f := range files {
			if f.Telling.Running() {
				err := s.tell(ctx, f)
				if errors.Is(err, ErrLost) || ctx.Err() != nil {
					err = nil
				}
				s.trouble(f.Number, err)
				if err != nil {
					s.Log.WarnContext(ctx, "people of an incident are not told; it is tried again", slog.Uint64("incident", uint64(f.Number)), slog.Any("err", err))
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(looksEvery):
		}
	}
}

// goes reports whether a file still says that its people are to be told.
func (s *Sender) goes(ctx context.Context, number ledger.Number) bool {
	files, err := s.Files.Files(ctx)
	i := slices.IndexFunc(files, func(f incident.File) bool { return f.Number == number })
	return err != nil || i >= 0 && files[i].Telling.Running()
}

// round is one walk over a list.
type round struct {
	*Sender
	file  ledger.Number
	list  ledger.Number
	saves chan save
	pace  pace
	begun notice.Message
	began time.Time
	later bool // the server put mails off
}

// save is fates that are to be made durable.
type save struct {
	fates map[int][]byte // by part
	done  chan error
}

// tell tells those of a file who wait, until nobody does or the file says to stop.
func (s *Sender) tell(ctx context.Context, f incident.File) error {
	t := f.Telling
	r := &round{Sender: s, file: f.Number, list: t.List, saves: make(chan save), begun: t.Begun.Message, began: t.At}
	r.pace.every = time.Second / time.Duration(max(1, t.Begun.Rate))
	if t.Begun.Rate == 0 {
		r.pace.every = 0
	}
	if err := s.Rows.Save(ctx, t.List, s.hold(), nil); err != nil {
		return err
	}
	waiting, letters, err := r.resume(ctx)
	if err != nil {
		return err
	}
	if len(waiting) == 0 && !letters {
		return r.finish(nil)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	saving := make(chan error, 1)
	go func() { saving <- r.keep(ctx) }()
	go func() { // the file may say to stop
		for ctx.Err() == nil {
			if !s.goes(ctx, f.Number) {
				stop()
			}
			wait(ctx, looksEvery)
		}
	}()
	work := make(chan int)
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for _, part := range waiting {
			select {
			case work <- part:
			case <-working.Done():
				return nil
			}
		}
		return nil
	})
	for slot := range max(1, s.Connections) {
		group.Go(func() error {
			c := &connection{round: r, slot: slot, writer: s.writer(t.List, f.Number, t.Begun.Message, t.At)}
			defer c.close()
			for part := range work {
				if err := c.tell(working, part); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	if err == nil && !r.later && ctx.Err() == nil {
		err = r.letters(ctx)
	}
	close(r.saves)
	if failed := <-saving; failed != nil {
		err = failed
	}
	if err == nil && r.later {
		s.putOff = min(max(laterAfter, 2*s.putOff), latest)
		wait(ctx, s.putOff)
	} else {
		s.putOff = 0
	}
	return err
}

func wait(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

func (s *Sender) hold() Hold {
	now := s.Now()
	return Hold{s.Holder, now, now.Add(s.HeldFor)}
}

// resume puts in doubt what was intended when the program ended, and returns the parts in
// which people wait, and whether others are told by letter.
func (r *round) resume(ctx context.Context) (waiting []int, letters bool, err error) {
	part, doubts := 0, make(map[int][]byte)
	for fates, err := range r.Rows.Fates(ctx, r.list) {
		if err != nil {
			return nil, false, err
		}
		letters = letters || slices.ContainsFunc(fates, byLetter)
		if slices.Contains(fates, byte(Intended)) {
			fates = slices.Clone(fates)
			for i := range fates {
				if Fate(fates[i]) == Intended {
					fates[i] = byte(Doubted)
				}
			}
			doubts[part] = fates
		}
		if slices.Contains(fates, byte(Waiting)) {
			waiting = append(waiting, part)
		}
		part++
	}
	return waiting, letters, r.Rows.Save(ctx, r.list, r.hold(), doubts)
}

// keep makes fates durable, those that wait at one moment together, and holds the list.
func (r *round) keep(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // what went out is written down to the last
	var broken error
	renew := time.NewTicker(max(r.HeldFor/4, time.Millisecond))
	defer renew.Stop()
	for {
		var some []save
		select {
		case one, open := <-r.saves:
			if !open {
				return broken
			}
			some = append(some, one)
		case <-renew.C:
		}
		for more := true; more; {
			select {
			case one, open := <-r.saves:
				if more = open; open {
					some = append(some, one)
				}
			default:
				more = false
			}
		}
		if broken == nil {
			fates := make(map[int][]byte, len(some))
			for _, one := range some {
				maps.Copy(fates, one.fates)
			}
			broken = r.Rows.Save(ctx, r.list, r.hold(), fates)
		}
		for _, one := range some {
			one.done <- broken
		}
	}
}

// connection tells the people of one part after another.
type connection struct {
	*round
	*writer
	slot   int
	relay  *mail.Relay // nil while there is none
	broken int         // times in a row that it broke

	part   int
	people []Person
	fates  []byte
}

func (c *connection) close() {
	if c.relay != nil {
		_ = c.relay.Close()
		c.relay = nil
	}
}

func (c *connection) save() error {
	done := make(chan error, 1)
	c.round.saves <- save{map[int][]byte{c.part: slices.Clone(c.fates)}, done}
	return <-done
}

// found is where somebody can be reached.
type found struct {
	place   int
	contact Contact
	err     error
}

// reading is how many are asked for at once.
const reading = 4

// find reads where those who wait can be reached.
func (c *connection) find(ctx context.Context, waiting []int) <-chan found {
	places, contacts := make(chan int), make(chan found, reading)
	go func() {
		defer close(places)
		for _, place := range waiting {
			select {
			case places <- place:
			case <-ctx.Done():
				return
			}
		}
	}()
	var readers sync.WaitGroup
	for range reading {
		readers.Go(func() {
			for place := range places {
				contact, err := c.Contact(ctx, c.people[place].Identifier)
				select {
				case contacts <- found{place, contact, err}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go func() {
		readers.Wait()
		close(contacts)
	}()
	return contacts
}

// tell tells those of a part who wait.
func (c *connection) tell(ctx context.Context, part int) (err error) {
	raw, fates, err := c.Rows.Part(ctx, c.round.list, part)
	if err != nil {
		return err
	}
	c.part, c.fates = part, fates
	if c.people, err = decode(raw); err != nil || len(c.people) != len(fates) {
		return errors.Join(err, fmt.Errorf("part %d of the list has %d people and %d fates", part, len(c.people), len(fates)))
	}
	var waiting []int
	var explained []register.PersonID
	for i, p := range c.people {
		if Fate(fates[i]) == Waiting {
			waiting, explained = append(waiting, i), append(explained, p.ID)
		}
	}
	if err := c.Explain(ctx, c.round.file, c.slot, explained); err != nil {
		return fmt.Errorf("giving the reason for reading where people can be reached: %w", err)
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	contacts := c.find(reading, waiting)
	err = c.send(ctx, contacts)
	return errors.Join(err, c.save())
}

// next is the next person who has a mail address; false when nobody has, or, unless it may
// block, when nobody is known yet.
func (c *connection) next(contacts <-chan found, block bool) (one found, any bool, err error) {
	for {
		var open bool
		if block {
			one, open = <-contacts
		} else {
			select {
			case one, open = <-contacts:
			default:
			}
		}
		switch {
		case !open:
			return one, false, nil
		case fault.Is(one.err, fault.Absent):
			c.fates[one.place] = byte(Gone)
		case one.err != nil:
			return one, false, fmt.Errorf("reading where people can be reached: %w", one.err)
		case one.contact.Mail == "" && len(one.contact.Address) == 0:
			c.fates[one.place] = byte(NoAddress)
		case one.contact.Mail == "":
			c.fates[one.place] = byte(NoMail)
		default:
			return one, true, nil
		}
	}
}

// mostBroken is how often a connection may break in a row before nobody is told for a while.
const mostBroken = 3

// send hands over the mails to people, one after another.
func (c *connection) send(ctx context.Context, contacts <-chan found) error {
	one, any, err := c.next(contacts, true)
	for any && err == nil && ctx.Err() == nil {
		if c.relay == nil {
			if c.relay, err = c.Server.Open(ctx); err != nil {
				return err
			}
		}
		err := c.run(ctx, one, contacts)
		if broken, is := errors.AsType[hungUp](err); is { // those whose mail had not gone wait
			c.close()
			if c.broken++; c.broken == mostBroken {
				return broken
			}
			r := c.round
			r.postponed()
			err = nil
		}
		if err != nil {
			return err
		}
		one, any, err = c.next(contacts, true)
		if err != nil {
			return err
		}
	}
	return err
}

// hungUp says that a connection to the mail server broke.
type hungUp struct{ err error }

func (h hungUp) Error() string { return "the mail server hung up: " + h.err.Error() }

// run hands over mails while the next is known when one ends.
func (c *connection) run(ctx context.Context, one found, contacts <-chan found) error {
	envelope := func(f found) mail.Envelope {
		return c.round.envelope(place{c.round.list, c.part, f.place}, f.contact.Mail)
	}
	if err := c.relay.Begin(envelope(one)); err != nil {
		return hungUp{err}
	}
	for {
		// Nothing of the mail has gone: whatever happens up to the next save, the person waits.
		reply, err := c.relay.Ready()
		if err != nil {
			return hungUp{err}
		}
		follows := false
		var following found
		if reply.Code == 354 {
			if c.pace.wait(ctx); ctx.Err() != nil {
				c.close() // it was only begun
				return nil
			}
			c.fates[one.place] = byte(Intended)
			if err := c.save(); err != nil {
				return err
			}
			// From here on the server may have it.
			var troubled error
			if ctx.Err() == nil {
				following, follows, troubled = c.next(contacts, false)
			}
			var next *mail.Envelope
			if follows {
				e := envelope(following)
				next = &e
			}
			if err := c.relay.Finish(c.mailTo(c.people[one.place], one.contact.Mail), next); err != nil {
				c.fates[one.place] = byte(Doubted)
				return hungUp{err}
			}
			if reply, err = c.relay.Taken(); err != nil {
				c.fates[one.place] = byte(Doubted)
				return hungUp{err}
			}
			c.broken = 0
			c.judge(one.place, reply)
			if troubled != nil {
				return troubled
			}
		} else if c.judge(one.place, reply); ctx.Err() == nil {
			if following, follows, err = c.next(contacts, false); err != nil {
				return err
			}
			if follows {
				if err := c.relay.Begin(envelope(following)); err != nil {
					return hungUp{err}
				}
			}
		}
		if !follows {
			return nil
		}
		one = following
	}
}

// judge is what an answer of the server makes of a person.
func (c *connection) judge(place int, reply mail.Reply) {
	switch {
	case reply.Taken():
		c.fates[place] = byte(Taken)
	case reply.Later():
		c.fates[place] = byte(Waiting)
		c.round.postponed()
	default:
		c.fates[place] = byte(Refused)
	}
}

func (r *round) postponed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.later = true
}

// pace keeps mails apart.
type pace struct {
	mu    sync.Mutex // guards next
	next  time.Time
	every time.Duration // zero: not at all
}

func (p *pace) wait(ctx context.Context) {
	if p.every == 0 {
		return
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	until := p.next.Sub(now)
	p.next = p.next.Add(p.every)
	p.mu.Unlock()
	wait(ctx, until)
}
