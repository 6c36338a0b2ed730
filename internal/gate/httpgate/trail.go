package httpgate

import (
	"strconv"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Trail is what the doors of a node notice of each account's last requests, in one memory: who
// takes turns at several doors is in order at each.
type Trail struct{ of *trails }

// Trail returns the proxy's, for another door.
func (p *Proxy) Trail() Trail { return Trail{p.trails} }

// Notice returns the signs of a request by another door, and remembers it: which route it is
// for, the values in it, and whom it names, each once.
func (t Trail) Notice(account roster.AccountID, service roster.ServiceID, route string, values []string, refs []register.Ref, named []register.PersonID) meter.Signs {
	pairs := make([]pair, len(values))
	for i, value := range values {
		pairs[i] = pair{strconv.Itoa(i), value}
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	return t.of.follows(t.of.account(account), string(service)+" "+route, pairs, refs, named)
}

// Missed remembers references that led to nobody.
func (t Trail) Missed(account roster.AccountID, refs []register.Ref) { t.of.missed(account, refs) }

// Listed remembers who was shown in a list, in the order of its rows, each at a place in people.
func (t Trail) Listed(account roster.AccountID, places []int, people []policy.Opening, decided []policy.Ruling) {
	t.of.listed(account, places, people, decided)
}
