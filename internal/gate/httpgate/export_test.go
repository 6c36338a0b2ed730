package httpgate

import (
	"net/http"
	"time"
)

// ReadByNothing reads with a reader that panics.
func ReadByNothing(p *Proxy, r *http.Request) error {
	_, err := (&exchange{proxy: p, r: r}).parse(&reader{}, nil)
	return err
}

// LeftToRead is what more answers may take at this moment.
func (p *Proxy) LeftToRead() int64 { return p.reading.Left() }

// HoldTurns leaves no place to read an answer, until what it returns is called.
func (p *Proxy) HoldTurns() (giveBack func()) {
	for _, places := range []chan struct{}{p.turns.short, p.turns.long} {
		for range cap(places) {
			places <- struct{}{}
		}
	}
	return func() {
		for _, places := range []chan struct{}{p.turns.short, p.turns.long} {
			for range cap(places) {
				<-places
			}
		}
	}
}

// RewriteMultipart reads a form in which text may be and a file called photo.
func RewriteMultipart(body []byte, media string) (anew []byte, anewMedia string, names, values []string, err error) {
	q := request{body: body, header: http.Header{"Content-Type": {media}}, route: &route{files: map[string][]string{"photo": {"image/png"}}}}
	fields, err := q.readMultipart()
	for _, f := range fields {
		names, values = append(names, f.Name), append(values, f.Value)
	}
	return q.body, q.header["Content-Type"][0], names, values, err
}

// MostOfAccount is how many streams one account may have open.
const MostOfAccount = mostOfAccount

// Streams is how many of them one account may have open with this proxy.
func (p *Proxy) Streams(most int) { p.flows.most = most }

// Late is when an answer is late.
func (p *Proxy) Late(after time.Duration) { p.late = after }

// Looks is how often what goes out message by message is looked at.
func (p *Proxy) Looks(every time.Duration) { p.flows.every = every }

// Asking is of how many connections questions are kept.
func (p *Proxy) Asking() int { return p.questions.Connections() }
