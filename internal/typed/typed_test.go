package typed_test

import (
	"bytes"
	"encoding/json"
	"slices"
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

// No country's spreadsheet finds a formula in a text, whatever it takes for the end of a cell.
func TestACellIsNoFormula(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"12 rue du Puits":          "12 rue du Puits",
		"Dupont-Durand; 2e étage":  "Dupont-Durand; 2e étage",
		"a = b, c@d.example":       "a = b, c@d.example",
		"=1+1":                     "'=1+1",
		"+33 1":                    "'+33 1",
		"-1":                       "'-1",
		"@SUM(A1)":                 "'@SUM(A1)",
		"＝1+1":                     "'＝1+1",
		" =1+1":                    " '=1+1",
		"\t=1+1":                   "\t'=1+1",
		"Mairie;=HYPERLINK(\"x\")": "Mairie;'=HYPERLINK(\"x\")",
		"Mairie; \"=1+1":           "Mairie; \"'=1+1",
		"Mairie;;=1":               "Mairie;;'=1",
		"Mairie\n=1+1":             "Mairie\n'=1+1",
		"Mairie\t@x":               "Mairie\t'@x",
	} {
		if got := typed.Cell(text); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}

func TestLinesAreThoseInWhichSomethingStands(t *testing.T) {
	if got := typed.Lines("  12  rue du Puits\r\n\r\n \t\n99100\u00a0VALBOURG\n"); !slices.Equal(got, []string{"12 rue du Puits", "99100 VALBOURG"}) {
		t.Errorf("%q", got)
	}
	if got := typed.Lines(" \r\n"); len(got) != 0 {
		t.Errorf("nothing is %q", got)
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
