package desk

import (
	"slices"
	"sync"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/portal"
)

// news is the newest passages that are worth a line, for all open desks: each is read once, and
// drawn once in a language. It is safe to share.
type news struct {
	mu       sync.Mutex    // guards what follows, and lets one draw for all
	from     ledger.Number // every passage worth a line is here from this entry on
	begun    chan struct{} // closed once something is read
	passages []*tidings    // oldest first
	more     chan struct{} // closed when there are more of them
}

// tidings is a passage that is worth a line, or several.
type tidings struct {
	last  ledger.Number // of its entries
	lines []portal.Activity
	drawn map[i18n.Language]string // as it is sent
}

// mostTidings is how many passages are remembered: whoever missed more reads the ledger.
const mostTidings = 512

func newNews() *news { return &news{begun: make(chan struct{}), more: make(chan struct{})} }

// begin says from where on the ledger is read; what was read already is not read twice.
func (n *news) begin(from ledger.Number) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.begun:
	default:
		n.from = from
		close(n.begun)
	}
}

// begins returns from where on every passage is here, once something is read.
func (n *news) begins() ledger.Number {
	<-n.begun
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.from
}

// take adds the next passage, if it is worth a line; notable is what of it is.
func (n *news) take(passage []ledger.Entry, notable []portal.Activity) {
	if len(notable) == 0 {
		return
	}
	t := tidingsOf(passage, notable)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.passages) == mostTidings {
		n.from = n.passages[0].last + 1
		n.passages = append(n.passages[:0:0], n.passages[1:]...)
	}
	n.passages = append(n.passages, t)
	close(n.more)
	n.more = make(chan struct{})
}

func tidingsOf(passage []ledger.Entry, notable []portal.Activity) *tidings {
	return &tidings{last: passage[len(passage)-1].Number, lines: notable, drawn: make(map[i18n.Language]string)}
}

// notableOf is what of a passage is worth a line.
func notableOf(passage []ledger.Entry) []portal.Activity {
	if len(passage) == 1 { // most are, and most of those are only counted
		if alone := (portal.Activity{Entry: passage[0], People: 1}); alone.Notable() {
			return []portal.Activity{alone}
		}
		return nil
	}
	return slices.DeleteFunc(portal.Gather(passage), func(a portal.Activity) bool { return !a.Notable() })
}

// after returns the passages from an entry on, as draw says them in a language, the number to go
// on from, and what is closed when there are more.
func (n *news) after(next ledger.Number, in i18n.Language, draw func(*tidings) (string, error)) (texts []string, then ledger.Number, more <-chan struct{}, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first, _ := slices.BinarySearchFunc(n.passages, next, func(t *tidings, next ledger.Number) int { return int(t.last) - int(next) })
	for _, t := range n.passages[first:] {
		text, known := t.drawn[in]
		if !known {
			if text, err = draw(t); err != nil {
				return nil, next, nil, err
			}
			t.drawn[in] = text
		}
		texts, next = append(texts, text), t.last+1
	}
	return texts, next, n.more, nil
}
