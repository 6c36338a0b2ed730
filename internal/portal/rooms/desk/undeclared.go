package desk

import (
	"net/http"
	"strings"
	"time"

	"poterne/internal/gate/shape"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Undeclared is what requests looked like that nobody declared.
type Undeclared interface {
	// Seen returns what was seen of each service, what was seen most first.
	Seen() []shape.Seen
}

// undeclared is the page of what was refused because nobody declared it.
type undeclared struct {
	base
	seen Undeclared // nil: nothing is seen
}

// undeclaredPage answers whoever declares applications: what is missing?
type undeclaredPage struct {
	portal.Page
	Asked []undeclaredState
	More  int
}

// undeclaredState is one kind of request, as the desk shows it.
type undeclaredState struct {
	Service roster.ServiceID
	shape.Shape
	At    time.Time
	Looks register.Fields // the categories that something in it looks like
}

// Address is the request's, with dots for what is not kept of it. That of a message of a WebSocket
// has its type, that of SOAP its operation. Of a statement of SQL it is the text that is kept, as far as it is short.
func (u undeclaredState) Address() string {
	const long = 200 // all that is kept of it is plain ASCII
	if u.Method == shape.SQL && u.Document != "" {
		if len(u.Document) > long {
			return u.Document[:long] + "…"
		}
		return u.Document
	}
	return strings.ReplaceAll(strings.TrimSpace(u.Path+" "+u.Type+u.Operation), shape.Placeholder, "…")
}

// mostUndeclared is how many are on the page.
const mostUndeclared = 100

func (u undeclared) page(v visit) error {
	page := undeclaredPage{Page: v.Page(path, "undeclared.title")}
	if u.seen != nil {
		for _, one := range u.seen.Seen() {
			for _, s := range one.Shapes {
				if len(page.Asked) == mostUndeclared {
					page.More++
					continue
				}
				page.Asked = append(page.Asked, undeclaredState{one.Service, s, time.Unix(s.Last, 0), looksLike(v, s)})
			}
		}
	}
	u.pages.Show(v.Visit, http.StatusOK, "undeclared.html", page)
	return nil
}

// looksLike is the categories of what a request and its answer held.
func looksLike(v visit, s shape.Shape) register.Fields {
	var all register.Fields
	for _, list := range [][]shape.Part{s.Query, s.Body, s.Parts} {
		for _, part := range list {
			if one, like := v.Speaker.Categories.Like(part.Guess()); like {
				all |= one.Bit()
			}
		}
	}
	return all
}
