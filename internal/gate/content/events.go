package content

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Event is one event of a stream of server-sent events, as a browser would be given it.
type Event struct {
	Name string // its type; MessageEvent when it says none
	ID   string // as this event says it; empty when it says none
	Data []byte // its lines, with a line feed between two; valid until the next event is read
	Bare bool   // it has no data: a browser takes its id, and gives it to nobody
}

// MessageEvent is the type of events that name none.
const MessageEvent = "message"

// Events reads text/event-stream event by event, as browsers do (HTML, section 9.2.6): what
// follows the last empty line is no event. Comments, and fields that browsers do not know,
// are left out; so is retry, whose number could be anybody's.
type Events struct {
	Drops func() // called, if there is one, each time nothing that was read is held any more

	from    *bufio.Reader
	most    int // bytes of an event
	line    []byte
	data    []byte
	held    int  // bytes of lines, read since nothing was
	begun   bool // the first line was read
	carried bool // the last line ended with a carriage return: a line feed after it belongs to it
}

// NewEvents reads events of so many bytes at most, with what is left out between their lines. A
// line may have as many.
func NewEvents(from io.Reader, most int) *Events {
	return &Events{from: bufio.NewReader(from), most: most}
}

// ErrLongEvent is of an event, or a line, that has more bytes than it may.
var ErrLongEvent = errors.New("an event is longer than it may be")

// Next returns the next event. The error is io.EOF at the end of the stream, ErrLongEvent, or
// that of the reader it comes from.
func (e *Events) Next() (Event, error) {
	event := Event{Name: MessageEvent, Bare: true}
	e.data = e.data[:0]
	for {
		if event.Bare && event.ID == "" && event.Name == MessageEvent {
			if e.held = 0; e.Drops != nil {
				e.Drops()
			}
		}
		line, err := e.readLine()
		if err != nil {
			return Event{}, err
		}
		if len(line) == 0 {
			if event.Bare {
				event.Name = MessageEvent // a browser forgets it
			}
			if event.Bare && event.ID == "" {
				continue
			}
			event.Data = e.data
			return event, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			if event.Name = string(value); len(value) == 0 {
				event.Name = MessageEvent
			}
		case "id":
			event.ID = string(value)
		case "data":
			if !event.Bare {
				e.data = append(e.data, '\n')
			}
			e.data, event.Bare = append(e.data, value...), false
		}
	}
}

// readLine returns the next line without its end: CR, LF or both. It is valid until the next
// is read.
func (e *Events) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		b, err := e.from.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == '\n' && e.carried {
			e.carried = false
			continue
		}
		if e.carried = b == '\r'; b == '\r' || b == '\n' {
			break
		}
		if e.held == e.most {
			return nil, ErrLongEvent
		}
		e.held++
		e.line = append(e.line, b)
	}
	if !e.begun {
		e.begun = true
		e.line = bytes.TrimPrefix(e.line, []byte("\ufeff"))
	}
	return e.line, nil
}

// Append writes the event anew.
func (v Event) Append(dst []byte) []byte {
	if v.ID != "" {
		dst = append(append(append(dst, "id: "...), v.ID...), '\n')
	}
	if v.Bare {
		return append(dst, '\n')
	}
	if v.Name != MessageEvent {
		dst = append(append(append(dst, "event: "...), v.Name...), '\n')
	}
	for line := range bytes.SplitSeq(v.Data, []byte("\n")) {
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return append(dst, '\n')
}
