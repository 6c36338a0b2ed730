package incident

import (
	"context"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/register"
)

// Concern is whether the theft of a file concerned one person, for that person to read.
type Concern struct {
	File    ledger.Number
	Joined  []ledger.Number // the files that were merged into it
	Former  []string        // what those were called when people were told of them
	People  int             // whom it concerned, as they were counted
	Verdict Verdict
	Times   int            // how often they were shown
	Message notice.Message // as they are told by mail or letter; only its reference is said to others
	Told    time.Time      // since when people are told; zero before
}

// Verdict is whether somebody was shown to the accounts of a file in its period.
type Verdict string

const (
	Yes   Verdict = "yes"
	No    Verdict = "no"
	Blank Verdict = "blank" // the ledger no longer has the whole of the period, and nothing of the person in the rest
)

// Open reports whether people are answered about a file: once its page is public or its
// people are told. Before that, to ask would be to learn that somebody looks into it. One
// that was merged into another is answered about there, and of an exercise nobody is: nothing
// happened to anybody.
func (f File) Open() bool {
	return !f.Exercise && f.Count != nil && f.Into == 0 && (f.Public != nil || len(f.rounds()) > 0)
}

// message is what stays as it is of what people of the file are told.
func (f File) message() notice.Message {
	rounds := f.rounds()
	if f.Telling.Begun == nil && f.Public != nil {
		return f.Public.Message
	}
	return rounds[len(rounds)-1].Message
}

// concerns holds a person's disclosures, of which the ledger has all from a time on,
// against the accounts and the period that were counted.
func (f File) concerns(shown []ledger.Entry, since time.Time) Concern {
	m := f.message()
	m.Shown, m.First, m.Last = 0, time.Time{}, time.Time{}
	c := Concern{File: f.Number, Joined: f.Files, Former: f.References, People: f.Count.People, Verdict: No, Message: m, Told: f.ToldSince()}
	for _, e := range shown {
		if !Covers(f.Count.Scopes(), e.Account, e.Time) {
			continue
		}
		c.Verdict = Yes
		c.Times++
		c.Message.Shown |= e.Fields
		if c.Message.First.IsZero() || e.Time.Before(c.Message.First) {
			c.Message.First = e.Time
		}
		if e.Time.After(c.Message.Last) {
			c.Message.Last = e.Time
		}
	}
	if c.Verdict == No && f.Count.People > 0 && (since.IsZero() || f.Count.First.Before(since)) {
		c.Verdict = Blank
	}
	return c
}

// Concerns answers people whether incidents concerned them, each for themself.
type Concerns struct {
	Files interface {
		// Files returns every file, the last opened first.
		Files(context.Context) ([]File, error)
		// Check holds a file against the ledger; Altered when a line differs.
		Check(context.Context, File) error
	}
	Lines interface {
		// Shown returns the entries in which a person was shown, of those that the person may
		// know of, and since when the ledger has them.
		Shown(context.Context, register.PersonID) ([]ledger.Entry, time.Time, error)
	}
}

// Of answers a person about every file that is open to people, the last opened first. A file
// that is not as the ledger says is answered about to nobody: fault.Unavailable.
func (c Concerns) Of(ctx context.Context, person register.PersonID) ([]Concern, error) {
	files, err := c.Files.Files(ctx)
	if err != nil {
		return nil, err
	}
	shown, since, err := c.Lines.Shown(ctx, person)
	if err != nil {
		return nil, err
	}
	var answers []Concern
	for _, f := range files {
		if !f.Open() {
			continue
		}
		if err := c.Files.Check(ctx, f); err != nil {
			return nil, &fault.Error{Kind: fault.Unavailable, Public: "a file cannot be answered about now", Err: err}
		}
		answers = append(answers, f.concerns(shown, since))
	}
	return answers, nil
}

// In answers a person about one file, or the one that it was merged into. One that is not open
// is fault.Absent, as one that is not there.
func (c Concerns) In(ctx context.Context, person register.PersonID, file ledger.Number) (Concern, error) {
	all, err := c.Of(ctx, person)
	if err != nil {
		return Concern{}, err
	}
	for _, answer := range all {
		if answer.File == file || slices.Contains(answer.Joined, file) {
			return answer, nil
		}
	}
	return Concern{}, &fault.Error{Kind: fault.Absent, Public: "there is no such incident"}
}
