package socket

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"poterne/internal/fault"
)

// Packets is how messages are told apart: by what stands before their JSON, and by what they say. It is safe to share.
type Packets struct {
	prefixes []string
	numbered []Numbered
	places   []string // where a message says its type
	Tag      *Tag     // nil when it says none
}

// Numbered is what stands before the number under which a page asks something, and before the same number in the answer.
type Numbered struct{ Asks, Answers string }

// OnlyMessage is what the one message is called that is told apart from no other.
const OnlyMessage = ""

// ErrPrefix is what stands before the JSON of a message that is not declared there.
var ErrPrefix = errors.New("what stands before the JSON of a message is not declared")

var (
	prefixForm = regexp.MustCompile(`^[!-Z\\^-z|~]{1,32}$`)
	numberForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`) // each program reads so many digits as the same number
	emptyList  = regexp.MustCompile(`^[ \t\r\n]*\[[ \t\r\n]*\][ \t\r\n]*$`)
)

// MostNumber is above every number that stands before the JSON of a message.
const MostNumber = 1_000_000_000_000_000

// NewPackets checks what may stand before the JSON of messages, and where they say their type. What is complained of is called as
// the configuration calls it.
func NewPackets(prefixes []string, numbered []Numbered, places []string, c *fault.Complaints) *Packets {
	p := &Packets{prefixes: prefixes, numbered: numbered, places: places}
	if len(places) > 0 {
		var err error
		if p.Tag, err = NewTag(places...); err != nil {
			c.Add("websocket.type", "%v", err)
		}
	}
	odd := func(before string) bool { return !prefixForm.MatchString(before) }
	if slices.ContainsFunc(prefixes, odd) {
		c.Add("websocket.prefixes", "write what stands before the JSON, such as 42, in up to 32 letters, digits and signs but brackets and braces")
	}
	all := slices.Clone(prefixes)
	for _, n := range numbered {
		if all = append(all, n.Asks, n.Answers); odd(n.Asks) || odd(n.Answers) {
			c.Add("websocket.numbered", "write what stands before the number of a question, and before the same number in its answer: numbered = { 42 = \"43\" }")
		}
	}
	for _, n := range numbered {
		if slices.Contains(prefixes, n.Answers) || slices.ContainsFunc(numbered, func(o Numbered) bool { return o.Asks == n.Answers || o.Answers == n.Answers && o != n }) {
			c.Add("websocket.numbered", "%q stands before what is no answer as well", n.Answers)
		}
		for _, other := range all {
			for _, before := range []string{n.Asks, n.Answers} {
				if _, counts := number(other, before); counts {
					c.Add("websocket.numbered", "%q could be %q with a number behind it", other, before)
				}
			}
		}
	}
	return p
}

// CheckName reports what is wrong with what a message is called, of the page where fromPage.
func (p *Packets) CheckName(name string, fromPage bool) error {
	before, said, _ := strings.Cut(name, " ")
	switch {
	case p.prefixed() && !slices.Contains(p.prefixes, before) && !(fromPage && p.MayAsk(name)):
		return errors.New("begins with none of prefixes; call a message after what stands before it, and its type, such as \"42 moved\"")
	case len(p.places) > 1 && strings.Count(said, Joint) >= len(p.places):
		return errors.New("has more parts than type has places")
	case len(p.places) > 0 && name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("is not the name of a type")
	}
	return nil
}

func (p *Packets) prefixed() bool { return len(p.prefixes)+len(p.numbered) > 0 }

// MayAsk reports whether a message that is called so may have a number.
func (p *Packets) MayAsk(name string) bool {
	before, _, _ := strings.Cut(name, " ")
	return slices.ContainsFunc(p.numbered, func(n Numbered) bool { return n.Asks == before })
}

// Called is the name by which a message is found that is declared under one.
func (p *Packets) Called(name string) string {
	if len(p.places) == 0 && !p.prefixed() {
		return OnlyMessage
	}
	return name
}

// Says are the places where a message of this name says its type.
func (p *Packets) Says(name string) []string {
	if p.prefixed() {
		_, said, says := strings.Cut(name, " ")
		if !says {
			return nil
		}
		name = said
	}
	return p.places[:min(len(p.places), strings.Count(name, Joint)+1)]
}

// Apart takes a message apart into what stands before its JSON, and that, and says its name.
func (p *Packets) Apart(text []byte) (before string, json []byte, name string, err error) {
	json = text
	if p.prefixed() {
		if before, json = Split(text); !slices.Contains(p.prefixes, before) && !p.MayAsk(before) {
			return "", nil, "", ErrPrefix
		}
	}
	if p.Tag == nil {
		return before, json, before, nil
	}
	switch name, err = p.Tag.Of(json); {
	case before == "":
		return before, json, name, err
	case errors.Is(err, ErrNoTag):
		return before, json, before, nil
	default:
		return before, json, before + " " + name, err
	}
}

// Asks takes the number out of a message of the page that has one, and returns it with what stands around that.
func (p *Packets) Asks(text []byte) (plain []byte, by Numbered, asked uint64, asks bool) {
	before, json := Split(text)
	for _, n := range p.numbered {
		if asked, ok := number(before, n.Asks); ok {
			return append([]byte(n.Asks), json...), n, asked, true
		}
	}
	return text, Numbered{}, 0, false
}

// Answers takes apart a message of the application that has the number of a question, into what stands before that, the number, and its JSON.
func (p *Packets) Answers(text []byte) (before string, asked uint64, json []byte, answers bool) {
	whole, json := Split(text)
	for _, n := range p.numbered {
		if asked, ok := number(whole, n.Answers); ok {
			return n.Answers, asked, json, true
		}
	}
	return "", 0, nil, false
}

// Number returns a message with a number between what stands before its JSON, and that.
func Number(before string, number uint64, json []byte) []byte {
	return append(strconv.AppendUint([]byte(before), number, 10), json...)
}

// number is the one that follows a prefix in what stands before the JSON of a message, if that is all of it: in digits of
// ASCII, without a sign, a blank or a zero in front.
func number(before, prefix string) (n uint64, ok bool) {
	digits, ok := strings.CutPrefix(before, prefix)
	if !ok || !numberForm.MatchString(digits) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// IsEmptyList reports whether a JSON text is one.
func IsEmptyList(json []byte) bool { return emptyList.Match(json) }

// between stands between two messages of one text, as Engine.IO has them.
var between = []byte("\x1e")

// ErrPolled is of a text in which messages are polled that is not one.
var ErrPolled = errors.New("there are too many messages at once, or one is empty, or longer than it may be")

const mostPolled = 1000 // messages in one text

// Polled are the messages of one text, each of so many bytes at most.
func Polled(text []byte, most int64) ([][]byte, error) {
	all := InText(text)
	if len(all) > mostPolled || slices.ContainsFunc(all, func(one []byte) bool { return len(one) == 0 || int64(len(one)) > most }) {
		return nil, ErrPolled
	}
	return all, nil
}

// InText are the messages of one text, whatever they are.
func InText(text []byte) [][]byte { return bytes.Split(text, between) }

// Together are messages in one text.
func Together(all [][]byte) []byte { return bytes.Join(all, between) }
