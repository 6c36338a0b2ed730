package logplay

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// deepest is how deep elements of XES may stand in each other.
const deepest = 64

// xesNames are the attributes of the standard, used where the mapping names none.
var xesNames = [columns]string{
	account: "org:resource", person: "case:concept:name", moment: "time:timestamp", organisation: "org:group",
	role: "org:role", action: "lifecycle:transition",
}

// ofTrace stands before the name of a trace's attribute.
const ofTrace = "case:"

// xes reads rows out of an XES log: its traces are people, its events what was done.
func (l *log) xes(file opened, each func(row) (bool, error)) error {
	from := map[string][]column{}
	for i := range columns {
		named := l.read.Columns.named(i)
		if *named == "" {
			*named = xesNames[i]
		}
		if *named != "" {
			from[*named] = append(from[*named], i)
		}
	}
	in := xml.NewDecoder(file.bounded)
	var path []string
	var trace, present row
	events := false
	for {
		file.begin()
		token, err := in.Token()
		line, _ := in.InputPos()
		switch {
		case errors.Is(err, io.EOF) && !events:
			return lineError{l.path, line, errors.New("there is no <event> in a <trace> in this file; is it XES?")}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return lineError{l.path, line, notXML(err)}
		}
		switch t := token.(type) {
		case xml.Directive:
			return lineError{l.path, line, errors.New("it declares a document type or entities; remove <!DOCTYPE …>, which XES does not need")}
		case xml.StartElement:
			if len(path) == 0 && t.Name.Local != "log" {
				return lineError{l.path, line, fmt.Errorf("it begins with <%.40s>; XES begins with <log>", t.Name.Local)}
			}
			if path = append(path, t.Name.Local); len(path) > deepest {
				return lineError{l.path, line, fmt.Errorf("elements stand more than %d deep in each other", deepest)}
			}
			switch inside := strings.Join(path[:min(len(path), 4)], "/"); {
			case inside == "log/trace":
				trace = row{}
			case inside == "log/trace/event":
				present, events = trace, true
				present.line = line
			case len(path) == 3 && path[1] == "trace":
				trace.take(t, from, ofTrace)
			case len(path) == 4 && path[1] == "trace" && path[2] == "event":
				present.take(t, from, "")
			}
		case xml.EndElement:
			if len(path) == 3 && path[1] == "trace" && path[2] == "event" {
				if present.cells[action] == "" && l.read.Columns.Action == xesNames[action] {
					present.cells[action] = "complete" // as the standard has it
				}
				if goOn, err := each(present); !goOn || err != nil {
					return err
				}
			}
			path = path[:len(path)-1]
		}
	}
}

// take takes in an attribute.
func (r *row) take(t xml.StartElement, from map[string][]column, before string) {
	var key, value string
	for _, a := range t.Attr {
		switch a.Name.Local {
		case "key":
			key = a.Value
		case "value":
			value = a.Value
		}
	}
	for _, i := range from[before+key] {
		r.cells[i] = value
	}
}

// notXML says what is wrong in words.
func notXML(err error) error {
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return fmt.Errorf("this is not XML: %s", syntax.Msg)
	}
	return err
}
