package trail

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// door has a memory.
type door struct{ trails *Memory }

// exchange is a request of an account, so far as the trails look at it.
type exchange struct {
	door    *door
	account roster.AccountID
	request Asked
}

func asked(p *door, account roster.AccountID, _ roster.SessionID, people ...string) *exchange {
	x := &exchange{door: p, account: account, request: Asked{Route: "GET /files/{n}", Search: true, Name: []string{"surname"}, Birth: "birth"}}
	for _, value := range people {
		x.request.Refs = append(x.request.Refs, register.Ref{Scheme: "dossier", Value: value})
		whole := sha256.Sum256([]byte(value))
		x.request.Named = append(x.request.Named, register.PersonID(whole[:16]))
	}
	return x
}

// queried is an exchange that lists or searches.
func queried(p *door, account roster.AccountID, session roster.SessionID, query ...string) *exchange {
	x := asked(p, account, session)
	for _, one := range query {
		name, value, _ := strings.Cut(one, "=")
		x.request.Pairs = append(x.request.Pairs, Pair{name, value})
	}
	return x
}

func notice(x *exchange) meter.Signs { return x.door.trails.Asks(x.account, x.request) }

// inOrder is the places of rows that each show another person.
func inOrder(people []policy.Opening) []int {
	places := make([]int, len(people))
	for i := range places {
		places[i] = i
	}
	return places
}

func TestATrailIsBoundedAndHoldsNoReference(t *testing.T) {
	p := &door{trails: New()}
	const number = "12345678901"
	for i := range 1000 {
		x := asked(p, "pauline", "s1", fmt.Sprintf("%s%d", number, i))
		x.request.Pairs = append(x.request.Pairs, Pair{"surname", fmt.Sprint("n", i)}, Pair{"birth", number}, Pair{"office", fmt.Sprint("o", i%20)})
		for page := range 100 {
			x.request.Pairs = append(x.request.Pairs, Pair{"page", fmt.Sprint(page)})
		}
		notice(x)
		p.trails.Missed("pauline", x.request.Refs)
		x.request.Refs = nil
		notice(x)
		people := make([]policy.Opening, 1000)
		rulings := make([]policy.Ruling, len(people))
		for n := range people {
			people[n].Person, rulings[n].Verdict = register.PersonID{byte(n), byte(n >> 8), 1}, policy.Shown
		}
		p.trails.Listed("pauline", inOrder(people), people, rulings)
	}
	s := p.trails.account("pauline")
	if len(s.searches) != mostSearches || len(s.lists) != mostLists || len(s.listed) != mostListed || len(s.named) != mostNamed || len(s.missed) != mostMissed {
		t.Errorf("%d searches, %d lists, %d rows, %d people and %d misses are remembered", len(s.searches), len(s.lists), len(s.listed), len(s.named), len(s.missed))
	}
	size := int(unsafe.Sizeof(*s)) + cap(s.searches)*int(unsafe.Sizeof(searched{})) + cap(s.lists)*int(unsafe.Sizeof(turned{})) +
		cap(s.named)*int(unsafe.Sizeof(named{})) + 8*(cap(s.listed)+cap(s.missed))
	for _, list := range s.lists {
		size += 8 * cap(list.pages)
	}
	if size > 16<<10 {
		t.Errorf("an account takes %d bytes", size)
	}
	if text := fmt.Sprintf("%+v", *s); strings.Contains(text, number[:8]) {
		t.Errorf("a trail holds a reference: %s", text)
	}
}

// Promise: WATCH-9
func TestWATCH_9_ATrailIsForgottenOnlyWhenItIsTheOneThatWasIdleForLongest(t *testing.T) {
	const most = 100
	p := &door{trails: New()}
	p.trails.most = most
	name := func(i int) roster.AccountID { return roster.AccountID(fmt.Sprint("a", i)) }
	for i := range most {
		notice(asked(p, name(i), "s", "1"))
	}
	notice(asked(p, name(0), "s", "2"))
	notice(asked(p, "one more", "s", "1"))
	if n, m := len(p.trails.of), p.trails.recent.Len(); n != most || m != most {
		t.Errorf("%d and %d accounts are remembered", n, m)
	}
	if got := notice(asked(p, name(0), "s", "3")); got != meter.InOrder {
		t.Errorf("an account at work was forgotten: %b", got)
	}
	if got := notice(asked(p, name(2), "s", "3")); got != meter.InOrder {
		t.Errorf("all were forgotten: %b", got)
	}
	if got := notice(asked(p, name(1), "s", "3")); got != 0 {
		t.Errorf("the one idle for longest is remembered: %b", got)
	}
}

// Promise: WATCH-9
func TestWATCH_9_ASessionForEachRequestHidesNoSign(t *testing.T) {
	session := 0
	each := func() roster.SessionID { // a new one
		session++
		return roster.SessionID(fmt.Sprint("s", session))
	}
	sign := func(t *testing.T, want meter.Signs, first int, exchanges []*exchange) {
		t.Helper()
		for i, x := range exchanges {
			if got := notice(x); i >= first && !got.Has(want) {
				t.Errorf("request %d has the signs %b, want %b", i, got, want)
			}
		}
	}
	t.Run("names under one birth date", func(t *testing.T) {
		p := &door{trails: New()}
		var all []*exchange
		for n := range 20 { // two birth dates in turns
			all = append(all, queried(p, "pauline", each(), fmt.Sprint("surname=n", n), fmt.Sprint("birth=1990-01-0", 1+n%2)))
		}
		sign(t, meter.SameBirth, 2, all)
	})
	t.Run("birth dates under one name", func(t *testing.T) {
		p := &door{trails: New()}
		var all []*exchange
		for n := range 20 {
			all = append(all, queried(p, "pauline", each(), fmt.Sprint("surname=n", n%2), fmt.Sprint("birth=d", n)))
		}
		sign(t, meter.SameName, 2, all)
	})
	t.Run("pages of several lists", func(t *testing.T) {
		p := &door{trails: New()}
		var all []*exchange
		for n := range 20 {
			all = append(all, queried(p, "pauline", each(), fmt.Sprint("office=o", n%4), fmt.Sprint("page=", n/4+1)))
		}
		sign(t, meter.NextPage, 4, all)
	})
	t.Run("pages asked for at once", func(t *testing.T) {
		p := &door{trails: New()}
		notice(queried(p, "pauline", each(), "office=o"))
		var all []*exchange
		for _, page := range []int{5, 3, 4, 2, 7, 6} {
			all = append(all, queried(p, "pauline", each(), fmt.Sprint("page=", page), "office=o"))
		}
		sign(t, meter.NextPage, 0, all)
	})
	t.Run("ten ranges of references, each walked through", func(t *testing.T) {
		p := &door{trails: New()}
		var all []*exchange
		for n := range 100 {
			all = append(all, asked(p, "pauline", each(), fmt.Sprint((10-n%10)*1_000_000+n/10)))
		}
		sign(t, meter.InOrder, 10, all)
	})
	t.Run("a list, opened by ten at once", func(t *testing.T) {
		p := &door{trails: New()}
		var names []string
		for n := range 20 {
			names = append(names, fmt.Sprint(n*7919%1009+2000))
		}
		rulings := make([]policy.Ruling, len(names))
		var people []policy.Opening
		for i, name := range names {
			people = append(people, policy.Opening{Person: asked(p, "pauline", "", name).request.Named[0]})
			rulings[i].Verdict = policy.Shown
		}
		p.trails.Listed("pauline", inOrder(people), people, rulings)
		var all []*exchange
		for i := range 10 { // two workers, each through its half
			all = append(all, asked(p, "pauline", each(), names[i]), asked(p, "pauline", each(), names[10+i]))
		}
		sign(t, meter.InOrder, 2, all)
	})
}

// References that come in no order say so still, or honest work would have nothing
// to be relieved by.
func TestReferencesInNoOrderAreInNone(t *testing.T) {
	p, dice := &door{trails: New()}, rand.New(rand.NewPCG(1, 2))
	in := 0
	for n := range 2000 {
		signs := notice(asked(p, "pauline", "s", fmt.Sprint(dice.IntN(40_000_000))))
		if signs.Has(meter.InOrder) {
			in++
		} else if n > 0 && signs != meter.OutOfOrder {
			t.Fatalf("signs %b", signs)
		}
	}
	if in < 900 || in > 1100 {
		t.Errorf("%d of 2000 are in order", in)
	}
}
