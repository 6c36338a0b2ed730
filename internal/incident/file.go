package incident

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// File is an incident as the lines of its journal have it so far.
type File struct {
	Number ledger.Number // of the entry that opened it: this names it
	Title  string
	Opened time.Time
	By     roster.AccountID
	Scope  Scope

	Exercise bool          // nothing happened: people play an incident. Said when it is opened, and never changed
	Also     []Scope       // of the files that were merged into it
	Played   ledger.Number // the exercise as which it was opened first; zero when it was not

	Aware       *Awareness // nil while nobody has said
	Count       *Count     // the last; nil while it was not counted
	Counted     time.Time
	Answers     map[string]notice.Answer
	Sent        []notice.Sending
	Proposal    *Proposer
	Telling     Telling
	Public      *Publication // the public page; nil while there is none
	PublicSince time.Time
	Closed      time.Time // zero while it is open

	Merger     *Merger         // of this file into another; nil while nobody has proposed it
	Into       ledger.Number   // the file that this one goes on as: it was merged into that, or an exercise turned out real; zero of any other
	Files      []ledger.Number // those that were merged into this one, and into those
	Joined     time.Time       // when the last was
	References []string        // under which people were told of them
	Told       []Round         // before the last was merged

	Journal []Line
}

// Proposer is who proposed to close a file, and why.
type Proposer struct {
	Proposal
	By roster.AccountID
}

func (o *Opening) take(f *File, l Line) {
	f.Number, f.Title, f.Opened, f.By, f.Scope, f.Exercise = l.Number, o.Title, l.At, l.By, o.Scope, o.Exercise
	if o.Played != nil {
		o.Played.take(f)
	}
}

func (w *Widening) take(f *File, _ Line)  { f.Scope = w.Scope }
func (a *Awareness) take(f *File, _ Line) { f.Aware = a }
func (c *Count) take(f *File, l Line)     { f.Count, f.Counted = c, l.At }
func (*Decision) take(*File, Line)        {}
func (s *Sent) take(f *File, _ Line)      { f.Sent = append(f.Sent, s.Sending) }
func (p *Proposal) take(f *File, l Line)  { f.Proposal = &Proposer{*p, l.By} }
func (*Closing) take(f *File, l Line)     { f.Closed = l.At }

func (a *Answers) take(f *File, _ Line) {
	if f.Answers == nil {
		f.Answers = make(map[string]notice.Answer)
	}
	for key, answer := range *a {
		if len(answer.Values) == 0 && answer.Unknown == "" {
			delete(f.Answers, key)
		} else {
			f.Answers[key] = answer
		}
	}
}

// Fold makes the files of lines, which are in the order of their numbers: the last opened
// first.
func Fold(lines []Line) ([]File, error) {
	files := make(map[ledger.Number]*File)
	for _, line := range lines {
		step, err := line.read()
		if err != nil {
			return nil, err
		}
		file := files[line.File]
		if file == nil {
			if line.Number != line.File || line.What != Opened {
				return nil, fmt.Errorf("line %d of incident %d comes before its opening", line.Number, line.File)
			}
			file = new(File)
			files[line.File] = file
		}
		if line.What != Proposed && line.What != Closed {
			file.Proposal = nil // what comes after a proposal is not what it was made of
		}
		if line.What != MergeProposed && line.What != MergedInto {
			file.Merger = nil
		}
		step.take(file, line)
		file.Journal = append(file.Journal, line)
	}
	return slices.SortedFunc(func(yield func(File) bool) {
		for file := range maps.Values(files) {
			if !yield(*file) {
				return
			}
		}
	}, func(a, b File) int { return int(b.Number) - int(a.Number) }), nil
}

// last is the number of the file's last line.
func (f File) last() ledger.Number { return f.Journal[len(f.Journal)-1].Number }

// Shown are the categories that were shown of anybody.
func (f File) Shown() (fields register.Fields) {
	if f.Count != nil {
		for _, c := range f.Count.Data {
			fields |= c.Field
		}
	}
	return fields
}

// Step returns what a line of the journal says.
func (l Line) Step() Step {
	step, err := l.read()
	if err != nil {
		panic(err) // Fold has read it
	}
	return step
}

// References are what people outside call files: by the year in which each was opened,
// and its place in that year. Exercises are counted apart, and called so.
func References(files []File, zone *time.Location) map[ledger.Number]string {
	type series struct {
		year     int
		exercise bool
	}
	names, count := make(map[ledger.Number]string), make(map[series]int)
	for _, f := range slices.Backward(files) {
		of := series{f.Opened.In(zone).Year(), f.Exercise}
		count[of]++
		names[f.Number] = notice.Reference(of.year, count[of])
		if f.Exercise {
			names[f.Number] = notice.OfExercise + names[f.Number]
		}
	}
	return names
}

// Escalated reports whether the file is an exercise that turned out real, and goes on as another.
func (f File) Escalated() bool {
	return f.Exercise && f.Into != 0 && f.Journal[len(f.Journal)-1].What == Escalated
}

// target is what the file's entries have for their target.
func (f File) target() string {
	if f.Exercise {
		return AnExercise
	}
	return ""
}

// LastExercise is the exercise that was opened last; nil when there was none. One that was merged
// into another is told by that, and one that turned out real was none.
func LastExercise(files []File) *File {
	for _, f := range files {
		if f.Exercise && f.Into == 0 {
			return &f
		}
	}
	return nil
}
