package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Holdings is what is held of people and what is archived, as it is read.
type Holdings interface {
	// Ended yields the items of a category that had ended at a time, the oldest first. With
	// archived, it yields those that had ended of people whose file the register has archived.
	Ended(ctx context.Context, of Category, at time.Time, archived bool) iter.Seq2[Item, error]
	// Stored returns what is kept of a person until a month ends.
	Stored(ctx context.Context, until ledger.Month, tag Tag) ([]Stored, error)
	// Months returns the months at whose end something is erased, in order.
	Months(ctx context.Context) ([]ledger.Month, error)
	// Kept counts what is kept until a month ends.
	Kept(ctx context.Context, until ledger.Month) (int, error)
	// Sweep has what was deleted overwritten in the database's files, as far as the database can.
	Sweep(ctx context.Context) error
}

// Calendar is the months of the ledger.
type Calendar interface {
	// Periods returns them, oldest first, those that were dropped included.
	Periods(context.Context) ([]ledger.Period, error)
	// Last is the time of the last entry.
	Last(context.Context) (time.Time, error)
}

// Service keeps people no longer than the rules say.
type Service struct {
	Writer   journal.Writer
	Holdings Holdings
	Calendar Calendar
	Keys     *Keys
	Rules    []Rule
	Now      func() time.Time
	Log      *slog.Logger
}

// batch is how many items one act moves or deletes: the ledger's head is not held for long.
const batch = 200

// soon is how long after their end the items of somebody whose file is archived stay active.
const soon = 31 * 24 * time.Hour

// Line is what a run does, or would do, with one category, or with the keys of one month.
type Line struct {
	Of       Category
	Archived int
	Erased   int
	Until    ledger.Month // the keys of which month are destroyed; 0 for a category
}

// Run moves and erases what is due, and says what. It may be interrupted anywhere, and run again.
// A dry run only says it.
func (s Service) Run(ctx context.Context, dry bool) (done []Line, err error) {
	periods, err := s.Calendar.Periods(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger's months: %w", err)
	}
	last, err := s.Calendar.Last(ctx)
	if err != nil {
		return nil, err
	}
	now := Believed(periods, last, s.Now()) // once: what a run writes itself makes nothing due
	if err := s.whole(ctx, ledger.MonthOf(now)); err != nil {
		return nil, err
	}
	for _, rule := range s.Rules {
		line, err := s.apply(ctx, rule, now, dry)
		if line.Archived+line.Erased > 0 {
			done = append(done, line)
		}
		if err != nil {
			return done, fmt.Errorf("%s: %w", rule.Of, err)
		}
	}
	expired, err := s.expire(ctx, ledger.MonthOf(now), dry)
	if done = append(done, expired...); err != nil || dry || len(done) == 0 {
		return done, err
	}
	return done, s.Holdings.Sweep(ctx)
}

// whole fails when others may enter the folder of keys by now, or when a key is missing of a month
// that is not over: another folder is mounted, or somebody took the key. Nothing MUST be wrapped
// under a new one.
func (s Service) whole(ctx context.Context, month ledger.Month) error {
	if err := s.Keys.private(); err != nil {
		return err
	}
	kept, err := s.Holdings.Months(ctx)
	if err != nil {
		return err
	}
	for _, until := range kept {
		if until < month {
			continue
		}
		if _, err := s.Keys.Of(until); err != nil {
			return fmt.Errorf("records are archived until %s: %w", until, err)
		}
	}
	return nil
}

// apply moves and erases what a rule says.
func (s Service) apply(ctx context.Context, rule Rule, now time.Time, dry bool) (line Line, err error) {
	line.Of = rule.Of
	erase := ledger.MonthsAfter(now, -rule.Erase)
	if err := s.forget(ctx, rule, s.Holdings.Ended(ctx, rule.Of, erase, false), &line, dry); err != nil || rule.Archive == 0 {
		return line, err
	}
	moved := ledger.MonthsAfter(now, -rule.Archive)
	if err := s.move(ctx, rule, now, since(erase, s.Holdings.Ended(ctx, rule.Of, moved, false)), &line, dry); err != nil {
		return line, err
	}
	return line, s.move(ctx, rule, now, since(moved, s.Holdings.Ended(ctx, rule.Of, now.Add(-soon), true)), &line, dry)
}

// since yields the items that ended after a time: those before it were taken, or would be.
func since(at time.Time, items iter.Seq2[Item, error]) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for item, err := range items {
			if (err != nil || item.Ended.After(at)) && !yield(item, err) {
				return
			}
		}
	}
}

// batches yields items by so many as one act takes.
func batches(items iter.Seq2[Item, error]) iter.Seq2[[]Item, error] {
	return func(yield func([]Item, error) bool) {
		var some []Item
		for item, err := range items {
			if err != nil {
				yield(nil, err)
				return
			}
			if some = append(some, item); len(some) < batch {
				continue
			}
			if !yield(some, nil) {
				return
			}
			some = nil
		}
		if len(some) > 0 {
			yield(some, nil)
		}
	}
}

func (s Service) forget(ctx context.Context, rule Rule, items iter.Seq2[Item, error], line *Line, dry bool) error {
	for some, err := range batches(items) {
		if err == nil && !dry {
			_, err = journal.Do(ctx, s.Writer, journal.Act[Rows](&Forget{Of: rule.Of, Items: some}))
		}
		if err != nil {
			return err
		}
		line.Erased += count(some)
	}
	return nil
}

func (s Service) move(ctx context.Context, rule Rule, now time.Time, items iter.Seq2[Item, error], line *Line, dry bool) error {
	key := func(until ledger.Month) ([]byte, error) { return s.Keys.Make(until, ledger.MonthOf(now)) }
	for some, err := range batches(items) {
		if err == nil && !dry {
			_, err = journal.Do(ctx, s.Writer, journal.Act[Rows](Move{rule, some, key}))
		}
		if err != nil {
			return err
		}
		line.Archived += count(some)
	}
	return nil
}

// expire destroys the keys of the months that are over, and then takes out of the tables what
// they wrapped.
func (s Service) expire(ctx context.Context, month ledger.Month, dry bool) (done []Line, err error) {
	periods, err := s.Keys.Periods()
	if err != nil {
		return nil, err
	}
	kept, err := s.Holdings.Months(ctx)
	if err != nil {
		return nil, err
	}
	periods = append(periods, kept...) // a run that was interrupted has destroyed its key, and left records
	slices.Sort(periods)
	for _, until := range slices.Compact(periods) {
		if until >= month {
			break
		}
		if !dry {
			if err := s.Keys.Destroy(until); err != nil {
				return done, err
			}
		}
		records, err := s.Holdings.Kept(ctx, until)
		if err != nil {
			return done, err
		}
		done = append(done, Line{Until: until, Erased: records})
	}
	if dry || len(done) == 0 {
		return done, nil
	}
	for err == nil {
		_, err = journal.Do(ctx, s.Writer, journal.Act[Rows](&Expire{Before: month}))
	}
	if errors.Is(err, journal.Unchanged) { // there is no more
		err = nil
	}
	return done, err
}

// Read reads what the archive keeps of a person, as two people have agreed in the portal.
func (s Service) Read(ctx context.Context, reading Reading) (texts [][]byte, err error) {
	if _, err := journal.Do(ctx, s.Writer, journal.Act[ReadingRows](&reading)); err != nil {
		return nil, err
	}
	periods, err := s.Keys.Periods()
	if err != nil {
		return nil, err
	}
	for _, until := range periods {
		found, err := s.open(ctx, until, reading.Person)
		if fault.Is(err, fault.Absent) { // it was destroyed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, found...)
	}
	return texts, nil
}

// open opens what is kept of a person until a month ends.
func (s Service) open(ctx context.Context, until ledger.Month, of register.PersonID) (texts [][]byte, err error) {
	key, err := s.Keys.Of(until)
	if err != nil {
		return nil, err
	}
	envelope, err := newEnvelope(key)
	if err != nil {
		return nil, err
	}
	stored, err := s.Holdings.Stored(ctx, until, envelope.of(of))
	if err != nil {
		return nil, err
	}
	for _, item := range stored {
		person, err := envelope.open(item.Tag, item.Wrapped)
		if err != nil {
			return nil, err
		}
		text, err := person.Open(nil, nil, item.Box, item.label())
		if err != nil {
			return nil, errDamaged
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// Watch runs once a day, on one node, until ctx ends.
func (s Service) Watch(ctx context.Context, marks journal.Marks) error {
	const failed = "people could not be archived and erased as the rules say; it is tried again within the hour"
	return journal.Hourly(ctx, s.Log, failed, func(ctx context.Context) error { return s.Daily(ctx, marks) })
}

// Daily runs, unless some node has done so today.
func (s Service) Daily(ctx context.Context, marks journal.Marks) error {
	now := s.Now()
	return journal.Once(ctx, marks, "archive "+now.UTC().Format(time.DateOnly), now.AddDate(0, 0, 2), func() error {
		done, err := s.Run(ctx, false)
		for _, line := range done {
			s.Log.InfoContext(ctx, "people were archived and erased as the rules say", slog.String("of", string(line.Of)), slog.Int("archived", line.Archived),
				slog.Int("erased", line.Erased), slog.String("until", until(line)))
		}
		return err
	})
}

// until is the month whose keys a line is about, or nothing.
func until(l Line) string {
	if l.Until == 0 {
		return ""
	}
	return l.Until.String()
}

// String says the line, as the command line prints it.
func (l Line) String() string {
	if l.Until != 0 {
		return fmt.Sprintf("keys of %s: %d records erased", l.Until, l.Erased)
	}
	return fmt.Sprintf("%s: %d archived, %d erased", l.Of, l.Archived, l.Erased)
}
