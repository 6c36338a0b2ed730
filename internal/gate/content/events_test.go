package content_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"poterne/internal/gate/content"
)

func eventsIn(from io.Reader, most int) (list []content.Event, err error) {
	events := content.NewEvents(from, most)
	for {
		event, err := events.Next()
		if err != nil {
			return list, err
		}
		event.Data = bytes.Clone(event.Data)
		list = append(list, event)
	}
}

// Promise: SCOPE-9
func TestSCOPE_9_EventsAreReadAsBrowsersReadThem(t *testing.T) {
	event := func(name, id, data string) content.Event {
		return content.Event{Name: name, ID: id, Data: []byte(data)}
	}
	for sentence, test := range map[string]struct {
		text string
		want []content.Event
	}{
		"one line":                            {"data: x\n\n", []content.Event{event("message", "", "x")}},
		"several lines are one text":          {"data: x\ndata:y\n\n", []content.Event{event("message", "", "x\ny")}},
		"only the first space is left out":    {"data:  x\n\n", []content.Event{event("message", "", " x")}},
		"a type and an id":                    {"event: moved\nid: 7\ndata: {}\n\n", []content.Event{event("moved", "7", "{}")}},
		"a type that is empty is none":        {"event: moved\nevent\ndata: x\n\n", []content.Event{event("message", "", "x")}},
		"carriage returns end lines":          {"data: x\r\rdata: y\r\n\r\n", []content.Event{event("message", "", "x"), event("message", "", "y")}},
		"a mark at the beginning is left out": {"\ufeffdata: x\n\n", []content.Event{event("message", "", "x")}},
		"and only there":                      {"data: x\n\n\ufeffdata: y\n\n", []content.Event{event("message", "", "x")}},
		"comments and other fields are none":  {": p1\nretry: 4711\nname: p1\ndata: x\n\n", []content.Event{event("message", "", "x")}},
		"a name without data is no event":     {"event: moved\n\ndata: x\n\n", []content.Event{event("message", "", "x")}},
		"an id without data is taken":         {"id: 7\n\n", []content.Event{{Name: "message", ID: "7", Bare: true}}},
		"empty data is an event":              {"data\n\n", []content.Event{event("message", "", "")}},
		"what no empty line ends is no event": {"data: x\n\ndata: y\n", []content.Event{event("message", "", "x")}},
		"a field in other letters is unknown": {"Data: x\n\n", nil},
		"nothing":                             {"", nil},
		"an event begins anew after each":     {"event: a\ndata: x\n\ndata: y\n\n", []content.Event{event("a", "", "x"), event("message", "", "y")}},
	} {
		for how, from := range map[string]io.Reader{"at once": strings.NewReader(test.text), "byte by byte": iotest.OneByteReader(strings.NewReader(test.text))} {
			got, err := eventsIn(from, 100)
			if !errors.Is(err, io.EOF) || !slices.EqualFunc(got, test.want, sameEvent) {
				t.Errorf("%s, %s: %+v, %v", sentence, how, got, err)
			}
		}
	}
}

func sameEvent(a, b content.Event) bool {
	return a.Name == b.Name && a.ID == b.ID && a.Bare == b.Bare && bytes.Equal(a.Data, b.Data)
}

// Promise: SCOPE-9
func TestSCOPE_9_AnEventHasSoManyBytesAtMost(t *testing.T) {
	for _, text := range []string{
		"data: " + strings.Repeat("x", 101), ": " + strings.Repeat("x", 101), strings.Repeat("data: xxxxx\n", 20), strings.Repeat("data\n", 200), "id: " + strings.Repeat("x", 101),
	} {
		if _, err := eventsIn(strings.NewReader(text+"\n\n"), 100); !errors.Is(err, content.ErrLongEvent) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	endless := io.MultiReader(strings.NewReader("data: "), iotest.DataErrReader(zeros{}))
	if _, err := eventsIn(endless, 1000); !errors.Is(err, content.ErrLongEvent) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// What was read and written anew is read as the same events, and nothing but events is in it.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{
		"data: x\n\n", "\ufeffid: 7\r\nevent: moved\r\ndata: {\"id\":\"p1\"}\r\n\r\n", "data\ndata\n\n", "id\n\n", ": p1\nretry: 4711\n\n", "event: a\n\n\r\rdata: y", "data: \n\n", "id: \x00\ndata: \xff\n\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const most = 1 << 10
		events, err := eventsIn(strings.NewReader(text), most)
		slow, alike := eventsIn(iotest.OneByteReader(strings.NewReader(text)), most)
		if err.Error() != alike.Error() || !slices.EqualFunc(events, slow, sameEvent) {
			t.Fatalf("read byte by byte: %+v, %v; at once: %+v, %v", slow, alike, events, err)
		}
		var anew []byte
		for _, event := range events {
			anew = event.Append(anew)
		}
		again, err := eventsIn(bytes.NewReader(anew), 2*most)
		if !errors.Is(err, io.EOF) || !slices.EqualFunc(again, events, sameEvent) {
			t.Fatalf("%q became %q: %+v, %v", text, anew, again, err)
		}
	})
}

// What is left out is not held: comments may come for ever. Between the lines of an event they are
// part of how long it is.
//
// Promise: RUN-2
func TestRUN_2_WhatIsLeftOutOfAStreamIsNotHeld(t *testing.T) {
	comments := strings.Repeat(": a heartbeat\n", 100)
	in := strings.NewReader(comments + strings.ReplaceAll(comments, "\n", "\n\n") + "data: x\n\n")
	events := content.NewEvents(in, 100)
	dropped := 0
	events.Drops = func() { dropped++ }
	if event, err := events.Next(); err != nil || string(event.Data) != "x" || dropped < 200 {
		t.Errorf("%q, %v; dropped %d times", event.Data, err, dropped)
	}
	for _, begun := range []string{"data: x\n", "event: x\n", "id: x\n"} {
		if list, err := eventsIn(strings.NewReader(begun+comments+"data: y\n\n"), 100); !errors.Is(err, content.ErrLongEvent) {
			t.Errorf("after %q: %v, %v", begun, list, err)
		}
	}
}
