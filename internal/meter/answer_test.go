package meter_test

import (
	"testing"
	"time"

	"poterne/internal/meter"
)

// strangers are so many people without a reason, each in an answer of their own.
func strangers(n int, apart time.Duration) (list ledger) {
	for i := range n {
		list = append(list, meter.Event{
			Kind: meter.Shown, At: noon.Add(time.Duration(i) * apart), Answer: uint64(i + 1), Person: person(i), Cost: meter.Whole, Signs: meter.InOrder,
		})
	}
	return list
}

func evidenceOf(l ledger) meter.Evidence {
	m := meter.New()
	for _, e := range l {
		m.Record(e)
	}
	return m.Draft().EvidenceNow(0, l[len(l)-1].At)
}

// Promise: WATCH-9
func TestWATCH_9_TwentyAtOnceWeighWhatTwentyInTurnDo(t *testing.T) {
	const hurries = 19 * 450 // each but the first
	inTurn, atOnce := evidenceOf(strangers(20, 200*time.Millisecond)), evidenceOf(strangers(20, 0))
	if inTurn < hurries || atOnce < hurries {
		t.Errorf("twenty at once weigh %d, in turn %d", atOnce, inTurn)
	}
	shuffled := strangers(20, 0)
	for i := range shuffled {
		shuffled[i].Signs = [...]meter.Signs{meter.InOrder, meter.OutOfOrder}[i%2]
	}
	if got := evidenceOf(shuffled); got < hurries {
		t.Errorf("at once and in no order they weigh %d, in turn %d", got, inTurn)
	}
}

// Promise: WATCH-9
func TestWATCH_9_StrangersOfOneMomentAreOneBeat(t *testing.T) {
	var pairs ledger // two at once, every ten minutes
	for i, e := range strangers(40, 0) {
		e.At = noon.Add(time.Duration(i/2) * 10 * time.Minute)
		pairs = append(pairs, e)
	}
	m := meter.New()
	for _, e := range pairs {
		m.Record(e)
	}
	even := 0
	for _, noticed := range m.Draft().Noticed(0, pairs[len(pairs)-1].At) {
		if noticed.Trait == meter.Clockwork {
			even = noticed.Times
		}
	}
	if even < 10 {
		t.Errorf("of twenty even beats, %d were noticed", even)
	}
}

func TestAHundredStrangersInOneAnswerAreOneEvent(t *testing.T) {
	list := strangers(100, 0)
	for i := range list {
		list[i].Answer, list[i].Signs = 1, 0
	}
	next := strangers(101, 0)[100]
	next.At, next.Signs = noon.Add(time.Hour), 0
	if got := evidenceOf(append(list, next)); got != 0 {
		t.Errorf("a list of a hundred strangers, and one an hour later, weigh %d", got)
	}
}
