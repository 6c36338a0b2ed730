package notice

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// Stage is how far a document is meant to go.
type Stage string

const (
	Initial  Stage = "initial"  // what is known now; nothing keeps it from being sent
	Complete Stage = "complete" // everything; what is missing or not known yet keeps it back
)

// Stages are both.
var Stages = []Stage{Initial, Complete}

// Document is a form, filled in as far as it can be.
type Document struct {
	Form    Form
	Stage   Stage
	Facts   Facts
	Groups  []Part
	Missing []string // the fields without an answer that the document needs when it is complete, by key
	Waiting []string // of an initial document: those whose answer is said to be unknown yet
}

// Part is the filled fields under one heading.
type Part struct {
	Key    string
	Fields []Filled
}

// Filled is a field and what stands in it.
type Filled struct {
	Field
	State  State
	Answer Answer // of a field that people answer
}

// State is whether a field says something.
type State string

const (
	Said    State = "said"
	Awaited State = "awaited" // it says that it is not known yet
	Lacking State = "lacking" // it says nothing, and should
	Spared  State = "spared"  // it says nothing, and need not
	Unasked State = "unasked" // it follows from another answer, which does not ask for it
)

// Fill fills a form in.
func Fill(form Form, stage Stage, facts Facts, answers map[string]Answer) Document {
	d := Document{Form: form, Stage: stage, Facts: facts}
	withdrawn := form == EDPB && answers["withdrawn"].has(yes) // what is withdrawn is completed no more
	for _, group := range groups[form] {
		part := Part{Key: group.Key}
		for _, key := range group.Fields {
			filled := fill(fields[key], facts, answers[key])
			if f := filled.Field; f.If != "" && !asks(f, answers) {
				filled.State = Unasked
			}
			if withdrawn && filled.State != Said && key != "withdrawn-why" {
				filled.State = Spared
			}
			switch filled.State {
			case Lacking:
				d.Missing = append(d.Missing, key)
			case Awaited:
				if d.Waiting = append(d.Waiting, key); stage == Complete {
					d.Missing = append(d.Missing, key)
				}
			}
			part.Fields = append(part.Fields, filled)
		}
		d.Groups = append(d.Groups, part)
	}
	return d
}

// asks reports whether the answer that a field follows from asks for it.
func asks(f Field, answers map[string]Answer) bool {
	from := fields[f.If]
	return answers[f.If].has(f.Has) && (from.If == "" || asks(from, answers))
}

// has reports whether an answer has one of some values.
func (a Answer) has(values []string) bool {
	return slices.ContainsFunc(a.Values, func(value string) bool { return slices.Contains(values, value) })
}

func fill(f Field, facts Facts, a Answer) Filled {
	filled := Filled{Field: f, Answer: a, State: Said}
	switch {
	case f.Takes == Told && facts.known(f.Key), a.Unknown == Never, len(a.Values) > 0:
	case a.Unknown == NotYet:
		filled.State = Awaited
	case f.Spare, f.Key == "late" && !facts.late(), f.Key == "involved-as" && len(facts.Involved) == 0:
		filled.State = Spared
	default:
		filled.State = Lacking
	}
	return filled
}

// MayBeSent reports whether the document may go out as what it is meant to be.
func (d Document) MayBeSent() bool { return d.Stage == Initial || len(d.Missing) == 0 }

// Count returns how many fields say something, of how many that need to.
func (d Document) Count() (said, of int) {
	for _, part := range d.Groups {
		for _, f := range part.Fields {
			if f.State != Spared && f.State != Unasked {
				of++
			}
			if f.State == Said {
				said++
			}
		}
	}
	return said, of
}

// lines yields the lines of a text, without spaces at their ends.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.TrimSpace(line)) {
				return
			}
		}
	}
}

// Tidy is a typed text of several paragraphs: lines without spaces at their ends, and no
// empty ones around it.
func Tidy(text string) string {
	return strings.TrimSpace(strings.Join(slices.Collect(lines(text)), "\n"))
}

// Deadline is how long after awareness the first notice is due (GDPR art. 33(1)).
const Deadline = 72 * time.Hour
