package desk

import (
	"bytes"
	"sync"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/roster"
)

// drawn remembers for a moment what readers of a flow are shown: all of one language are shown
// the same, but for whoever is on an account. It is safe to share.
type drawn struct {
	mu   sync.Mutex // guards what follows, and lets one draw for all
	last map[readers]drawing
}

// readers are those who are shown the same.
type readers struct {
	language i18n.Language
	template string
	mine     roster.AccountID // who is on an account; empty for all others
}

type drawing struct {
	at   time.Time
	text string // as it is sent
}

// drawnFor is how long a drawing is shown to all: less than the time between two looks, so that no
// reader is shown the same one twice.
const drawnFor = refreshEvery * 9 / 10

// by returns what these readers are shown now.
func (d *drawn) by(r readers, now time.Time, draw func(*bytes.Buffer) error) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last, known := d.last[r]; known && now.Sub(last.at) < drawnFor && !now.Before(last.at) {
		return last.text, nil
	}
	var fragment bytes.Buffer
	if err := draw(&fragment); err != nil {
		return "", err
	}
	for other, last := range d.last {
		if now.Sub(last.at) > time.Minute {
			delete(d.last, other)
		}
	}
	text := eventOf("picture", "", fragment.Bytes())
	d.last[r] = drawing{now, text}
	return text, nil
}
