package desk

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/portal"
)

// wallPage is the desk on a screen across the room: is anything wrong now? It is read from
// five metres by whoever passes, so it fits one screen, has nothing to press, and says
// nothing that a person typed, who may have named somebody of the register.
type wallPage struct {
	portal.Page
	deskParts
	At time.Time // when it was so
}

const (
	mostOnWall       = 3 // accounts that are said, the gravest included
	mostOrdersOnWall = 3
)

// onWall leaves of the desk's parts what a wall has room for, and may say.
func (p deskParts) onWall() deskParts {
	left := max(0, len(p.Rows)-mostOnWall)
	p.Rows, p.MoreRows = slices.Clone(p.Rows[:len(p.Rows)-left]), p.MoreRows+left
	p.Heads = slices.Clone(p.Heads)
	for i, h := range p.Heads {
		p.Heads[i].Sentence = cmp.Or(h.Wall, h.Sentence)
	}
	for i, r := range p.Rows {
		if r.Held() && !r.byRules() {
			p.Rows[i].What = "" // whoever held it typed why
		}
	}
	if p.Grave != nil { // which is said whole
		p.Rows = p.Rows[1:]
	}
	left = max(0, len(p.Orders)-mostOrdersOnWall)
	p.Orders, p.MoreOrders = p.Orders[:len(p.Orders)-left], p.MoreOrders+left
	return p
}

// wall shows the desk on a wall.
func (l live) wall(v visit) error {
	if err := v.Record(ledger.Entry{State: ledger.DeskRead}); err != nil {
		return err
	}
	parts, err := l.parts(v, false)
	if err != nil {
		return err
	}
	shown := wallPage{Page: v.Page(path, "wall.title"), deskParts: parts.onWall(), At: l.shell.Now()}
	shown.Page.Title = shown.lookout.Title
	l.pages.Show(v.Visit, http.StatusOK, "wall.html", shown)
	return nil
}
