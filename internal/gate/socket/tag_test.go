package socket_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"poterne/internal/fault"
	"poterne/internal/gate/socket"
)

func TestATagIsOneTextAtOnePlace(t *testing.T) {
	for _, path := range []string{"", "$", "type", "$..type", "$[*].type", "$[10]", "$[-1]", "$.a[]", "$[0", "$[0]type", "$['type']", "@.type", "$.a.", "$.é"} {
		if _, err := socket.NewTag(path); err == nil {
			t.Errorf("%q is the path of one member", path)
		}
	}
	for path, tests := range map[string]map[string]string{
		"$.type": {
			`{"type":"moved"}`:                       "moved",
			` {"id":1, "ty\u0070e" : "mo\u0076ed"} `: "moved",
			`{"type":""}`:                            "",
			`{"type":1}`:                             "!",
			`{"type":null}`:                          "!",
			`{"Type":"moved"}`:                       "!",
			`{"a":{"type":"moved"}}`:                 "!",
			`["type"]`:                               "!",
			`"type"`:                                 "!",
			``:                                       "!",
			`{"type":"a","type":"b"}`:                "!",
			`{"type":"a"}{"type":"b"}`:               "!",
			`{"type":"a"}x`:                          "!",
			"{\"type\":\"a\",\"x\":\"\xff\"}":        "!",
		},
		"$[0]":        {`["moved",{"id":1}]`: "moved", ` [ "mo\u0076ed" ] `: "moved", `[]`: "!", `[1,"moved"]`: "!", `[["moved"]]`: "!", `{"0":"moved"}`: "!", `["moved"`: "!", `["moved",]`: "!", `["moved"]["x"]`: "!", `[{"a":1,"a":2}]`: "!"},
		"$.a[1].kind": {`{"a":[0,{"kind":"moved"}]}`: "moved", `{"a":[{"kind":"moved"}]}`: "!", `{"a":{"1":{"kind":"moved"}}}`: "!"},
		"$.head.kind": {`{"head":{"kind":"moved"},"kind":"other"}`: "moved", `{"head":"kind"}`: "!", `{"head":[{"kind":"moved"}]}`: "!"},
	} {
		tag, err := socket.NewTag(path)
		if err != nil {
			t.Fatal(err)
		}
		for message, want := range tests {
			got, err := tag.Of([]byte(message))
			if err != nil {
				got = "!"
			}
			if got != want {
				t.Errorf("%s of %s is %q, want %q", path, message, got, want)
			}
			if err != nil && strings.Contains(err.Error(), "moved") {
				t.Errorf("the error quotes the message: %v", err)
			}
		}
	}
}

// Whatever is read as a type is what encoding/json finds at that place, of a message that is strict JSON.
func FuzzATagIsWhatAnotherParserFinds(f *testing.F) {
	for _, seed := range []string{`{"type":"moved"}`, `{"type":"a","type":"b"}`, `{"a":{"type":"x"},"type":"y"}`, "{\"type\":\"\\ud83d\\ude00\"}", `{"type":"\ud800"}`, ` {"ty\u0070e":"x"}`, `[]`, `{"type":"a"} {}`, "\ufeff{\"type\":\"a\"}"} {
		f.Add([]byte(seed))
	}
	tag, _ := socket.NewTag("$.type")
	f.Fuzz(func(t *testing.T, message []byte) {
		got, err := tag.Of(message)
		if err != nil {
			return
		}
		if !jsontext.Value(message).IsValid() {
			t.Fatalf("%q has a type, and is not strict JSON", message)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(message, &members); err != nil {
			t.Fatalf("%q: %v", message, err)
		}
		var want string
		if err := json.Unmarshal(members["type"], &want); err != nil || want != got {
			t.Errorf("%q says %q; another parser finds %q, %v", message, got, want, err)
		}
	})
}

// readNumbered is how socket.io-parser (4.2, decodeString) reads what stands before the JSON of a packet: its type, its namespace, its
// number, as a program in JavaScript does, where a blank is a digit that says nothing. It finds no number at -1.
func readNumbered(packet string) (kind byte, namespace string, number float64, json string, ok bool) {
	text := utf16.Encode([]rune(packet))
	at := func(i int) string {
		if i >= len(text) {
			return ""
		}
		return string(utf16.Decode(text[i : i+1]))
	}
	digit := func(c string) bool { // Number(c) == c
		return c != "" && (strings.TrimSpace(c) == "" || c[0] >= '0' && c[0] <= '9')
	}
	if len(text) == 0 || text[0] < '0' || text[0] > '6' {
		return 0, "", 0, "", false
	}
	i := 0
	namespace = "/"
	kind = byte(text[0])
	if kind == '5' || kind == '6' {
		return kind, "", -1, "", false // attachments follow
	}
	if at(i+1) == "/" {
		start := i + 1
		for i++; i < len(text) && at(i) != ","; i++ {
		}
		namespace = string(utf16.Decode(text[start:min(i, len(text))]))
	}
	number = -1
	if digit(at(i + 1)) {
		start := i + 1
		for i++; digit(at(i)); i++ {
		}
		said := strings.TrimSpace(string(utf16.Decode(text[start:i])))
		n, err := strconv.ParseFloat(said, 64)
		if said == "" {
			n, err = 0, nil
		}
		if err != nil {
			return 0, "", 0, "", false
		}
		number = n
		i--
	}
	return kind, namespace, number, string(utf16.Decode(text[min(i+1, len(text)):])), true
}

// Whatever is read as a number is the one that socket.io finds there, in the same kind of packet, of the same namespace, with the same JSON; and
// written anew, it is the same text.
func FuzzANumberIsWhatSocketIOFinds(f *testing.F) {
	for _, seed := range []string{`427["a"]`, `420["a"]`, `4207["a"]`, `42/chat,7["a"]`, `42/chat,["a"]`, `42 7["a"]`, `427 ["a"]`, `42٣["a"]`, `4212345678901234567890["a"]`, `42-1["a"]`, `451-7["a"]`, `42999999999999999["a"]`, "42", "427", "42\u00a07[]", "42{}"} {
		f.Add(seed)
	}
	namespaces := map[string]string{"42": "/", "43": "/", "42/chat,": "/chat", "43/chat,": "/chat"}
	packets := socket.NewPackets(nil, []socket.Numbered{{Asks: "42", Answers: "43"}, {Asks: "42/chat,", Answers: "43/chat,"}}, nil, new(fault.Complaints))
	f.Fuzz(func(t *testing.T, message string) {
		before, number, json, answers := packets.Answers([]byte(message))
		plain, by, asked, asks := packets.Asks([]byte(message))
		switch {
		case asks && answers:
			t.Fatalf("%q asks and answers", message)
		case asks:
			before, number, json = by.Asks, asked, plain[len(by.Asks):]
		case !answers:
			return
		}
		if again := socket.Number(before, number, json); string(again) != message || number >= socket.MostNumber {
			t.Errorf("%q is written as %q", message, again)
		}
		if !utf8.ValidString(message) {
			return // no text frame has it
		}
		kind, namespace, theirs, rest, ok := readNumbered(message[1:])
		if !ok || kind != before[1] || namespace != namespaces[before] || theirs != float64(number) || rest != string(json) {
			t.Errorf("%q has the number %d behind %q; socket.io finds %v, %c of %q, and %q", message, number, before, theirs, kind, namespace, rest)
		}
	})
}

func TestATypeMayHaveSeveralParts(t *testing.T) {
	if _, err := socket.NewTag("$[0]", "$[0]"); err == nil {
		t.Error("one place says two parts")
	}
	tag, err := socket.NewTag("$[0]", "$[1]")
	if err != nil {
		t.Fatal(err)
	}
	for message, want := range map[string]string{
		`["find","people",{"a":1}]`: "find, people", `["people moved",{"id":1}]`: "people moved", `["find"]`: "find", `["find",7]`: "find",
		`[7,"people"]`: "!", `["find, people"]`: "!", `["find","a,b"]`: "!", `["find","people",{"a":1,"a":2}]`: "!", `{"0":"find","1":"people"}`: "!",
	} {
		got, err := tag.Of([]byte(message))
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("the type of %s is %q, not %q", message, got, want)
		}
	}
}
