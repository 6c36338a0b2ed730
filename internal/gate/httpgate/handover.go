package httpgate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/content"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// handOver reads the answer, has the people in it decided and written down, and
// sends what may be shown.
func (g *passage) handOver(s *said) (Outcome, error) {
	switch {
	case slices.Contains(redirections, s.status):
		return g.redirect(s)
	case s.buffer == nil: // a status without a body
		return g.plain(s, "", "")
	}
	if slices.Contains(g.route.Unread, s.media) {
		if g.route.Header != nil {
			return g.trust(s)
		}
		return g.plain(s, withCharset(s.media), "")
	}
	reader, ok := g.route.answers[s.media]
	if !ok {
		return "", &objection{policy.UndeclaredAnswer, "the content type of the answer"}
	}
	reading, err := g.read(reader, s.body())
	if err != nil {
		return "", notUnderstood("the answer: " + err.Error())
	}
	if g.route.Kind != People {
		return g.release(s, reader, reading, Plain, nil)
	}
	return g.show(s, reader, reading)
}

// withCharset says of text that it is UTF-8, so that no browser guesses.
func withCharset(media string) string {
	if strings.HasPrefix(media, "text/") || media == "application/javascript" {
		return media + "; charset=utf-8"
	}
	return media
}

// errPanicked stands for a panic in a reader. What it was about may quote the
// answer, so only where it happened is logged.
var errPanicked = errors.New("reading it panicked")

func (g *passage) recovered(err *error) {
	if recover() != nil {
		*err = errPanicked
		g.proxy.Log.ErrorContext(g.r.Context(), "a reader panicked", slog.Any("stack", fault.Stack()))
	}
}

func (g *passage) read(by *reader, body []byte) (reading *content.Reading, err error) {
	defer g.recovered(&err)
	return by.Read(body)
}

// plain sends what shows no row of anybody. On a route that may show people, it is
// about whom the request names, and if that is nobody, this is written down.
func (g *passage) plain(s *said, contentType, download string) (Outcome, error) {
	ask := g.askAnswer()
	if g.route.Kind == People {
		if _, err := g.settle(g.ctx, ask); err != nil {
			return "", err
		}
	}
	return g.spoke(ask), g.send(s, s.body(), contentType, download)
}

// spoke says whether an answer with no rows is about anybody.
func (g *passage) spoke(ask policy.Ask) Outcome {
	if len(ask.People) > 0 {
		return Shown
	}
	return Plain
}

// show decides on the people in the answer, and sends what is left of it.
func (g *passage) show(s *said, by *reader, reading *content.Reading) (Outcome, error) {
	ask := g.askAnswer()
	ask.About = by.About
	rows := reading.Rows()
	if search := g.route.Search; search != nil && !by.About {
		ask.Signs |= meter.SearchRow
		if len(rows) > search.Most {
			return "", &objection{policy.TooMany, "a search found more than it may show"}
		}
	}
	switch {
	case !by.About:
		ask.Signs |= meter.Listed
	case len(rows) == 0 && len(by.Layout.People) > 0:
		return "", notUnderstood("an answer about one person names nobody")
	}
	places, err := g.findPeople(rows, &ask)
	if err != nil {
		return "", err
	}
	decision, err := g.settle(g.ctx, ask)
	if err != nil {
		return "", err
	}
	if !by.About {
		g.listed(inRows(places, ask.People, decision.People))
	}
	return g.release(s, by, reading, g.spoke(ask), func(row int) policy.Ruling { return decision.People[places[row]] })
}

// inRows returns whom the rows of a list are about, in their order, and what was
// decided of them.
func inRows(places []int, people []policy.Opening, decided []policy.Ruling) (rows []policy.Opening, rulings []policy.Ruling) {
	met := make([]bool, len(people))
	for _, place := range places {
		if !met[place] {
			met[place] = true
			rows, rulings = append(rows, people[place]), append(rulings, decided[place])
		}
	}
	return rows, rulings
}

// mostRows bounds what one answer can ask of the ledger's head, which everybody
// waits for. No work on files needs a longer list.
const mostRows = 4096

// findPeople adds the people in the rows to the ask, each person once with all
// the fields the rows show of them, and returns the place of each row's person in
// the ask. Everything that names somebody in a row must lead to one and the same
// person; if some of it leads nowhere, the row is nobody's.
func (g *passage) findPeople(rows []content.Row, ask *policy.Ask) ([]int, error) {
	if len(rows) > mostRows {
		return nil, notUnderstood("the answer shows too many people")
	}
	refs := make([]register.Ref, 0, len(rows))
	for _, row := range rows {
		refs = append(refs, row.Refs...)
	}
	var people []register.PersonID
	if len(refs) > 0 {
		var err error
		if people, err = g.proxy.Directory.People(g.ctx, refs); err != nil {
			return nil, err
		}
	}
	at := make(map[register.PersonID]int, len(rows)+len(ask.People))
	for i, opening := range ask.People {
		at[opening.Person] = i
	}
	places := make([]int, len(rows))
	for i, row := range rows {
		person, err := onePerson(people[:len(row.Refs)])
		if err != nil {
			return nil, err
		}
		people = people[len(row.Refs):]
		place, met := at[person]
		if !met {
			place = len(ask.People)
			at[person] = place
			ask.People = append(ask.People, g.opening(person, 0))
		}
		ask.People[place].Fields |= row.Fields
		places[i] = place
	}
	return places, nil
}

func onePerson(named []register.PersonID) (register.PersonID, error) {
	var one register.PersonID
	for _, person := range named {
		if !one.IsZero() && !person.IsZero() && person != one {
			return one, notUnderstood("a row names two people")
		}
		if one.IsZero() {
			one = person
		}
	}
	if slices.ContainsFunc(named, register.PersonID.IsZero) {
		return register.PersonID{}, nil
	}
	return one, nil
}

// watermark is the column of an export in which each row says by its receipt which
// export it came out with.
const watermark = "poterne"

// release cuts out of the answer what may not be shown, and sends the rest.
func (g *passage) release(s *said, by *reader, reading *content.Reading, outcome Outcome, ruling func(row int) policy.Ruling) (Outcome, error) {
	keep := func(row int) (bool, register.Fields) {
		if ruling == nil {
			return false, 0
		}
		decided := ruling(row)
		if decided.Verdict != policy.Shown {
			outcome = Cut
		}
		return decided.Verdict.Shows(), decided.Fields
	}
	if g.route.Export {
		reading.Mark(watermark, strconv.FormatUint(uint64(*g.receipt), 10))
	}
	buffer := getBuffer()
	defer putBuffer(buffer)
	buffer.Grow(len(s.body()) + 512)
	body, err := g.cut(reading, buffer.AvailableBuffer(), keep)
	if err != nil {
		return "", &fault.Error{Kind: fault.Broken, Err: fmt.Errorf("cutting the answer: %w", err)}
	}
	return outcome, g.send(s, body, withCharset(by.Type), by.Download)
}

func (g *passage) cut(reading *content.Reading, dst []byte, keep content.Keep) (body []byte, err error) {
	defer g.recovered(&err)
	return reading.Release(dst, keep)
}

// trust settles what the application says of its own answer, and sends it whole
// or not at all.
func (g *passage) trust(s *said) (Outcome, error) {
	rows, err := g.route.readHeader(s.header)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return g.plain(s, withCharset(s.media), "")
	}
	ask := g.askAnswer()
	ask.Whole = true
	if _, err := g.findPeople(rows, &ask); err != nil {
		return "", err
	}
	if _, err := g.settle(g.ctx, ask); err != nil {
		return "", err
	}
	return Shown, g.send(s, s.body(), withCharset(s.media), "")
}

// readHeader returns the people an application says are in its answer.
func (t *route) readHeader(header http.Header) ([]content.Row, error) {
	h := t.Header
	text := strings.Join(header.Values(h.Name), ",")
	if strings.TrimSpace(text) == "nobody" {
		return nil, nil
	}
	var rows []content.Row
	for one := range strings.SplitSeq(text, ",") {
		naming, fields, _ := strings.Cut(one, ";")
		scheme, value, _ := strings.Cut(strings.TrimSpace(naming), "=")
		value, err := url.PathUnescape(value)
		list, declared := strings.CutPrefix(strings.TrimSpace(fields), "fields=")
		if err != nil || !declared || !slices.Contains(h.Schemes, scheme) {
			return nil, notUnderstood("the header that names people")
		}
		refs, err := t.appendRef(nil, scheme, value)
		if err != nil {
			return nil, notUnderstood("the header that names people: " + err.Error())
		}
		row := content.Row{Refs: refs}
		for name := range strings.SplitSeq(list, "+") {
			field, err := register.ParseField(name)
			if err != nil {
				return nil, notUnderstood("the header that names people has a category nobody knows")
			}
			row.Fields |= field
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// redirections are the statuses whose Location is passed on.
var redirections = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
	http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

// redirect passes on where to go next, if that is a declared address of the same
// service. An address can name people: they are decided on like anybody in an
// answer, and so is whom the request names.
func (g *passage) redirect(s *said) (Outcome, error) {
	target, location, err := g.target(s)
	if err != nil {
		return "", err
	}
	if err := g.leads(target); err != nil {
		return "", err
	}
	refs, err := target.route.refsIn(target.address)
	if err != nil {
		return "", notUnderstood("the redirection: " + err.Error())
	}
	people, err := g.people(refs)
	if err != nil {
		return "", err
	}
	ask := g.askAnswer()
	if g.route.Search != nil {
		ask.Signs |= meter.SearchRow // one was found
	}
	for _, person := range people {
		if !slices.Contains(g.named, person) {
			ask.People = append(ask.People, g.opening(person, 0))
		}
	}
	if g.route.Kind == People || len(ask.People) > 0 {
		if _, err := g.settle(g.ctx, ask); err != nil {
			return "", err
		}
	}
	g.w.Header().Set("Location", location)
	return g.spoke(ask), g.send(s, nil, "", "")
}

// leads refuses a redirection that says something of its own: what its address
// carries names a person, who is decided on, or was in the request, or has a form
// that its route declares.
func (g *passage) leads(to target) error {
	var asked []string
	asked = append(asked, g.address.segments...)
	for _, p := range slices.Concat(g.address.query, g.form) {
		asked = append(asked, p.value)
	}
	said := func(name, scheme, value string) error {
		pattern := to.route.leads[name]
		if scheme != "" || value == "" || slices.Contains(asked, value) || pattern != nil && pattern.MatchString(value) {
			return nil
		}
		return notUnderstood("the redirection says something that was not asked; declare its form under redirect of the route it leads to")
	}
	for i, part := range strings.Split(to.route.Path[1:], "/") {
		name, isWild := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		name, isRest := strings.CutSuffix(name, "...")
		if !isWild || name == "$" {
			continue
		}
		values := to.address.segments[i:]
		if !isRest {
			values = values[:1]
		}
		scheme := ""
		for _, w := range to.route.wild {
			if w.segment == i {
				scheme = w.scheme
			}
		}
		if err := said(name, scheme, strings.Join(values, "/")); err != nil {
			return err
		}
	}
	for _, p := range to.address.query {
		if err := said(p.name, to.route.query[p.name], p.value); err != nil {
			return err
		}
	}
	return nil
}

// target is where a redirection leads.
type target struct {
	route   *route
	address address
}

// target understands a Location. Applications write it with or without the prefix
// that the browser sees; the first of the two that is declared is meant.
func (g *passage) target(s *said) (found target, location string, err error) {
	values := s.header["Location"]
	if len(values) != 1 || values[0] == "" || strings.ContainsAny(values[0], "\\\t\r\n") {
		return found, "", notUnderstood("the redirection")
	}
	to, err := url.Parse(values[0])
	if err != nil || to.Opaque != "" || to.User != nil || to.Host != "" && to.Host != g.service.Upstream.Host && to.Host != g.r.Host ||
		to.Scheme != "" && (to.Host == "" || to.Scheme != "http" && to.Scheme != "https") {
		return found, "", notUnderstood("the redirection leads elsewhere")
	}
	base := &url.URL{Path: "/" + strings.Join(g.address.segments, "/"), RawPath: g.address.path, RawQuery: g.address.rawQuery}
	to.Scheme, to.Host = "", ""
	to = base.ResolveReference(to)
	method := http.MethodGet
	if s.status == http.StatusTemporaryRedirect || s.status == http.StatusPermanentRedirect {
		method = g.r.Method
	}
	paths := []string{to.EscapedPath()}
	if inside, ok := strings.CutPrefix(paths[0], g.service.Prefix+"/"); ok && g.service.Prefix != "" {
		paths = []string{"/" + inside, paths[0]}
	}
	for _, path := range paths {
		if found.address, err = readAddress(path, to.RawQuery); err != nil {
			return found, "", notUnderstood("the redirection: " + err.Error())
		}
		if found.route, err = g.service.find(method, found.address); err == nil {
			location = g.service.Prefix + path
			for i, p := range found.address.query { // spelled by us
				location += string("?&"[min(i, 1)]) + url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
			}
			return found, location, nil
		}
	}
	return found, "", notUnderstood("the redirection leads to no declared route")
}

// send hands the answer over, unless an order stops the passage: before the first
// byte, or between two portions.
func (g *passage) send(s *said, body []byte, contentType, download string) error {
	if err := context.Cause(g.ctx); err != nil {
		return &fault.Error{Kind: fault.Unavailable, Err: err}
	}
	s.taken.read()
	g.sendHeader(s, contentType, download)
	g.sendReceipt()
	if s.status != http.StatusNoContent && s.status != http.StatusNotModified {
		g.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	g.w.WriteHeader(s.status)
	if g.r.Method == http.MethodHead {
		return nil
	}
	const portion = 64 << 10
	for part := range slices.Chunk(body, portion) {
		if errors.Is(context.Cause(g.ctx), gate.ErrCut) {
			panic(http.ErrAbortHandler)
		}
		if _, err := g.w.Write(part); err != nil {
			break // whoever asked has gone
		}
	}
	return nil
}
