package incident

import (
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/typed"
)

// Publication makes the public page of a file: what stays as it is while it is there. It
// names nobody, and tells nothing by which somebody could find out whether another person is
// concerned.
type Publication struct {
	Message notice.Message `json:"message"` // what is each person's own left out
	People  int            `json:"people"`
}

// Withdrawal takes the public page of a file away.
type Withdrawal struct {
	Because string `json:"because"`
}

func (*Publication) State() ledger.State { return Published }
func (*Withdrawal) State() ledger.State  { return Withdrawn }

func (p *Publication) take(f *File, l Line) { f.Public, f.PublicSince = p, l.At }
func (*Withdrawal) take(f *File, _ Line)    { f.Public, f.PublicSince = nil, time.Time{} }

func (p *Publication) count() int { return p.People }

func (p *Publication) check(f File, _ time.Time) error {
	switch lacks := p.Message.Lacks(); {
	case f.Exercise:
		return fault.Errorf(fault.Refused, "an exercise has no public page: everybody would read of a theft that did not happen")
	case len(lacks) > 0:
		return fault.Errorf(fault.Refused, "the message is not ready: it lacks %v", lacks)
	case f.Count == nil || f.Count.People != p.People:
		return fault.Errorf(fault.Refused, "the public page says how many people the last count counted")
	}
	return nil
}

func (w *Withdrawal) check(f File, _ time.Time) error {
	if f.Public == nil {
		return fault.Errorf(fault.Refused, "the file has no public page")
	}
	return typed.Check("taking the public page away", w.Because)
}
