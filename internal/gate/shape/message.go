package shape

import (
	"regexp"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate/socket"
)

// shortPrefix is what may be kept of what stands before the JSON of a message.
var shortPrefix = regexp.MustCompile(`^[0-9]{1,2}$`)

var (
	eventName, _    = socket.NewTag(eventTag)
	questionName, _ = socket.NewTag(eventTag, eventTopic)
	eventPackets    = socket.NewPackets(nil, []socket.Numbered{{Asks: eventPrefix}}, nil, new(fault.Complaints))
)

// Message is what a message looks like that a side says: Sends or Takes. Where no tag is declared to say its type, it is the text that comes
// first, as in socket.io.
func Message(side string, text []byte, tag *socket.Tag) Shape {
	s := Shape{Socket: side}
	before, json := socket.Split(text)
	read := func(body []byte) ([]Part, bool) { return Read("application/json", body) }
	switch _, _, _, asks := eventPackets.Asks(text); {
	case asks && side == Takes:
		s.Socket, before, read = Asks, eventPrefix, ReadList
		if tag == nil {
			tag = questionName
			if name, err := tag.Of(json); err != nil || strings.Contains(typeOf(name), Placeholder) || !strings.Contains(name, socket.Joint) {
				tag = eventName // what stands there says something else
			}
		}
	case !shortPrefix.MatchString(before): // of any length, it could be anybody's number
		before, json = "", text
	}
	parts, more := read(json)
	if s.More = more; side == Takes {
		s.Body = parts
	} else {
		s.Parts = parts
	}
	switch {
	case tag != nil:
		s.Tag, s.Type = tag.String(), Placeholder
		if name, err := tag.Of(json); err == nil {
			s.Type = typeOf(name)
		}
	case before != "":
		if name, err := eventName.Of(json); err == nil {
			s.Tag, s.Type = eventTag, Word(name)
		}
	}
	if s.Prefix = before; before != "" && s.Type == Placeholder && (len(json) == 0 || json[0] == '{') {
		s.Type = ""
	}
	return s
}

// Answer is what the answer looks like to a question that is declared under a name.
func Answer(question string, text []byte) Shape {
	s := Shape{Socket: Answers}
	s.Prefix, s.Type, _ = strings.Cut(question, " ")
	_, json := socket.Split(text)
	s.Parts, s.More = ReadList(json)
	return s
}

// typeOf is the type that a message says, of plain words.
func typeOf(name string) string {
	parts := strings.Split(name, socket.Joint)
	for i := range parts {
		parts[i] = Word(parts[i])
	}
	return strings.Join(parts, socket.Joint)
}
