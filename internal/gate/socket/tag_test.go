package socket_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

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
