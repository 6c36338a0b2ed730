package httpgate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate/budget"
	"poterne/internal/gate/content"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// contents is what was read of a response before any of it goes out.
type contents struct {
	contentType, download string
	document              *content.Reading // which is cut before it goes out; nil for a body that passes as it is
	rows                  []content.Row    // each shows one person
	list                  bool             // of rows that can be cut out one by one
	uncuttable            bool             // the body passes as it is, and shows people
	location              string           // where a redirection leads
	led                   []register.Ref   // people whom that address names
	total                 string           // how many rows there are on all pages
	links                 []string         // to other pages
	signs                 meter.Signs
}

// read reads a response as its route declares, whole or not at all.
func (x *exchange) read(s *response) (c contents, err error) {
	t := x.request.route
	switch {
	case slices.Contains(redirections, s.status):
		if t.Search != nil {
			c.signs = meter.SearchRow // one was found
		}
		c.location, c.led, err = x.redirection(s)
		return c, err
	case s.rest != nil: // a file that goes out unread, once it is decided
		return x.passes(s)
	case s.buffer == nil: // a status without a body
		return c, nil
	}
	if t.passesUnread(s) && !isText(s.media) {
		return x.passes(s)
	}
	switch err := s.decodeText(t.charsetOf(s.status, s.media)); {
	case errors.Is(err, budget.ErrTooMuch):
		return c, x.unavailable(policy.TooMuchAtOnce, err.Error())
	case err != nil:
		return c, err
	}
	if t.passesUnread(s) {
		return x.passes(s)
	}
	by, ok := t.readers(s.status)[s.media]
	if !ok {
		return c, &objection{policy.UndeclaredAnswer, "the content type of the response"}
	}
	if t.document != nil && s.status < 300 {
		if err := x.refusedIn(s.body()); err != nil {
			return c, err
		}
	}
	c.contentType, c.download = withCharset(by.Type), by.Download
	if by.Layout.Format == content.XLSX {
		if err := x.unpack(s); err != nil {
			return c, err
		}
	}
	if c.document, err = x.parse(by, s.body()); err != nil {
		return c, notUnderstood("the response: " + err.Error())
	}
	if t.Kind != People {
		return c, nil
	}
	c.rows = c.document.Rows()
	switch {
	case by.About && len(c.rows) == 0 && len(by.Layout.People) > 0 && t.document != nil && x.request.changes():
		return c, x.answeredError(http.StatusInternalServerError)
	case by.About && len(c.rows) == 0 && len(by.Layout.People) > 0 && t.document != nil && t.namesSomebody():
		return c, &objection{policy.NotThere, "the answer has null for them"}
	case by.About && len(c.rows) == 0 && len(by.Layout.People) > 0:
		return c, notUnderstood("a response about one person names nobody")
	case by.About:
		return c, nil
	case t.Search != nil && len(c.rows) > t.Search.Most:
		return c, &objection{policy.TooMany, "a search found more than it may show"}
	case t.Search != nil:
		c.signs |= meter.SearchRow
	}
	c.list, c.signs = true, c.signs|meter.Listed
	if t.Links {
		c.links = x.links(s.header["Link"])
	}
	if values := s.header[textproto.CanonicalMIMEHeaderKey(t.Total)]; t.Total != "" && len(values) == 1 && isTotal.MatchString(values[0]) {
		c.total = values[0]
	}
	return c, nil
}

// passesUnread reports whether a response is a file that nobody looks into.
func (t *route) passesUnread(s *response) bool {
	return s.status < 300 && slices.Contains(t.Unread, s.media)
}

// passes is of a file that goes out unread: about whom the request names, whom the
// application's header does, or nobody.
func (x *exchange) passes(s *response) (c contents, err error) {
	c.contentType = withCharset(s.media)
	if x.request.route.Header != nil {
		c.uncuttable = true
		c.rows, err = x.request.route.readHeader(s.header)
	}
	return c, err
}

// unpack takes the place of a workbook's parts, which are much larger than it is.
func (x *exchange) unpack(s *response) error {
	unpacked, err := content.Unpacked(s.body())
	switch {
	case err != nil:
		return notUnderstood("the response: " + err.Error())
	case unpacked > x.service.Largest:
		return notUnderstood("the response is too large when it is unpacked")
	case s.taken.Grow(int64(len(s.body()))+unpacked) != nil:
		return x.unavailable(policy.TooMuchAtOnce, budget.ErrTooMuch.Error())
	}
	return nil
}

// withCharset says of text that it is UTF-8, so that no browser guesses.
func withCharset(media string) string {
	if strings.HasPrefix(media, "text/") || media == "application/javascript" {
		return media + "; charset=utf-8"
	}
	return media
}

// errPanicked stands for a panic in a reader. What it was about may quote the
// response, so only where it happened is logged.
var errPanicked = errors.New("reading it panicked")

func (x *exchange) recovered(err *error) {
	if recover() != nil {
		*err = errPanicked
		x.proxy.Log.ErrorContext(x.r.Context(), "a reader panicked", slog.Any("stack", fault.Stack()))
	}
}

func (x *exchange) parse(by *reader, body []byte) (document *content.Reading, err error) {
	defer x.recovered(&err)
	return by.Read(body)
}

func (x *exchange) cut(document *content.Reading, dst []byte, keep content.Keep) (body []byte, err error) {
	defer x.recovered(&err)
	return document.Release(dst, keep)
}

// people finds whom references stand for, each once.
func (x *exchange) people(ctx context.Context, refs []register.Ref) ([]register.PersonID, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	people, err := x.proxy.Directory.People(ctx, refs)
	if err != nil {
		return nil, err
	}
	var distinct []register.PersonID
	for _, person := range people {
		if !slices.Contains(distinct, person) {
			distinct = append(distinct, person)
		}
	}
	return distinct, nil
}

// addLed adds the people whom a redirection's address names to the ask, but for those
// whom the request named.
func (x *exchange) addLed(ctx context.Context, led []register.Ref, ask *policy.Ask) error {
	people, err := x.people(ctx, led)
	if err != nil {
		return err
	}
	for _, person := range people {
		if !slices.Contains(x.request.named, person) {
			ask.People = append(ask.People, x.opening(person, 0))
		}
	}
	return nil
}

// mostRows bounds what one response can ask of the ledger's head, which everybody
// waits for. No work on files needs a longer list.
const mostRows = 4096

// addRows adds the people in the rows to the ask, each person once with all
// the fields the rows show of them, and returns the place of each row's person in
// the ask. Everything that names somebody in a row must lead to one and the same
// person; if some of it leads nowhere, the row is nobody's.
func (x *exchange) addRows(ctx context.Context, rows []content.Row, ask *policy.Ask) ([]int, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	if len(rows) > mostRows {
		return nil, notUnderstood("the response shows too many people")
	}
	refs := make([]register.Ref, 0, len(rows))
	for _, row := range rows {
		refs = append(refs, row.Refs...)
	}
	var people []register.PersonID
	if len(refs) > 0 {
		var err error
		if people, err = x.proxy.Directory.People(ctx, refs); err != nil {
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
			ask.People = append(ask.People, x.opening(person, 0))
		}
		ask.People[place].Fields |= row.Fields
		places[i] = place
	}
	return places, nil
}

// onePerson is whom all references of a row lead to.
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

// readHeader returns the people an application says are in its response.
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
			field, err := h.Categories.Parse(name)
			if err != nil {
				return nil, notUnderstood("the header that names people has a category nobody knows")
			}
			row.Fields |= field
		}
		rows = append(rows, row)
	}
	return rows, nil
}
