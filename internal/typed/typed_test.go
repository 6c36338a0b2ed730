package typed_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/typed"
)

func TestAReasonIsWhatCanBeRead(t *testing.T) {
	for text, want := range map[string]typed.Problem{
		"Vol de session, voir le courriel de 9 h.": typed.Nothing,
		"Ça va, مرحبا, 你好, क्षेत्र":                typed.Nothing,
		"":                                   typed.Missing,
		"  \u00a0 ":                          typed.Missing,
		"\u200b\u200b":                       typed.Missing,
		"\u200d\ufeff\u2060":                 typed.Missing,
		"\u3164\ufe0f":                       typed.Missing,
		"\x1b]0;owned\x07":                   typed.Unreadable,
		"\u009b2J":                           typed.Unreadable,
		"paid \u202efdp.exe":                 typed.Unreadable,
		"\u2066isolated":                     typed.Unreadable,
		"one\u2028two":                       typed.Unreadable,
		"not UTF-8 \xff":                     typed.Unreadable,
		strings.Repeat("é", typed.Longest):   typed.Nothing,
		strings.Repeat("é", typed.Longest+1): typed.TooLong,
	} {
		if got := typed.Wrong(text); got != want {
			t.Errorf("%+q is %q, want %q", text, got, want)
		}
		if err := typed.Check("a raise", text); (err == nil) != (want == typed.Nothing) || err != nil && (!fault.Is(err, fault.Invalid) || !typed.Readable(fault.Public(err))) {
			t.Errorf("%+q: %v", text, err)
		}
	}
}

func TestWhateverIsStoredIsPrintedSafely(t *testing.T) {
	const stored = "a\x1b[2J\u009b31m\u202eb\r\xffé\tc\n你"
	const want = `a\u001b[2J\u009b31m\u202eb\u000d` + "\ufffdé\tc\n你"
	for size := 1; size <= len(stored); size++ {
		var out bytes.Buffer
		p := typed.NewPrinter(&out)
		for rest := []byte(stored); len(rest) > 0; {
			n, err := p.Write(rest[:min(size, len(rest))])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if out.String() != want {
			t.Errorf("by %d: %q, want %q", size, out.String(), want)
		}
	}
	var out bytes.Buffer
	if err := json.NewEncoder(typed.NewPrinter(&out)).Encode("\u009b\u202ex"); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != "\u009b\u202ex" {
		t.Errorf("%s: %q, %v", out.Bytes(), back, err)
	}
}
