package register_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/register"
)

func form(t testing.TB, pattern string, folds ...register.Fold) register.Form {
	t.Helper()
	f, err := register.NewForm(pattern, folds...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Promise: SCOPE-10
func TestSCOPE_10_AnIdentifierHasOneSpelling(t *testing.T) {
	schemes := register.NewSchemes("dossier", map[string]register.Form{
		"sloppy": form(t, `.+`, register.FoldNone), "number": form(t, `[0-9]{1,10}`), "some": form(t, `[0-9]{4,5}`), "long": form(t, `[0-9]{11}[A-Z]`),
		"mail": form(t, `[a-z.]+@[a-z.]+`, register.FoldCase), "nir": form(t, `[0-9]{15}`, register.FoldSpaces), "ft": form(t, `[0-9A-Z]{8}`), "case": form(t, `[A-Za-z]{2}`, register.FoldNone),
		"or": form(t, `ab|cd`),
	})
	for _, asked := range []struct{ scheme, spelled, read string }{
		{"dossier", "999", "999"},
		{"dossier", "0", "0"},
		{"dossier", "999999999999999", "999999999999999"},
		{"sloppy", "999", "999"},
		{"sloppy", "abc", "abc"},
		{"number", "999", "999"},
		{"some", "0999", "0999"},
		{"some", "12345", "12345"},
		{"long", "00000000999A", "00000000999A"},
		{"ft", "0123456A", "0123456A"},
		{"ft", "1234567A", "1234567A"},
		{"ft", "01234567", "01234567"},
		{"mail", "Ana.B@Test.example", "ana.b@test.example"},
		{"case", "aB", "aB"},
		{"or", "cd", "cd"},
		{"nir", "999999999999999", "999999999999999"},
	} {
		if ref, err := schemes.Asked(asked.scheme, asked.spelled); err != nil || ref.Value != asked.read || ref.Scheme != asked.scheme {
			t.Errorf("%s %q is read as %q, %v", asked.scheme, asked.spelled, ref.Value, err)
		}
	}
	for scheme, spellings := range map[string][]string{
		"dossier": {"", "0999", "00", "-999", "+999", "999-x", "999abc", "999.0", " 999", "999 ", "9 99", "９９９", "٩٩٩", "9e2", "0x3e7", "1234567890123456", "999\n", "999\x00", "x"},
		"sloppy":  {"0999", "999-x", "999abc", "999.0", "+999", "-0999", "0x3e7", "9e2", "é", " ", strings.Repeat("a", 129)},
		"number":  {"0999", "00", "12345678901"}, "some": {"00999", "999"}, "long": {"999A", "00000000999a"},
		"mail": {"K@test.example", "ana@test.example ", "ana@test.example\n"}, "nir": {"9 99 99 99 999 999 99"}, "or": {"abd", "acd", "abcd"}, "case": {"abc"},
		"undeclared": {"1"},
	} {
		for _, spelled := range spellings {
			if scheme == "mail" && spelled[0] == 'K' {
				spelled = "\u212a" + spelled[1:] // the sign for kelvin, which folds to k
			}
			if ref, err := schemes.Asked(scheme, spelled); err == nil {
				t.Errorf("%s %q is read as %q", scheme, spelled, ref.Value)
			} else if len(spelled) > 2 && strings.Contains(err.Error(), spelled) {
				t.Errorf("the refusal quotes it: %v", err)
			}
		}
	}
	if ref, err := schemes.Told("nir", " 9 99 99 99 999 999 99"); err != nil || ref.Value != "999999999999999" {
		t.Errorf("spaces that were declared to make no difference: %q, %v", ref.Value, err)
	}
	if _, err := schemes.Told("dossier", "9 99"); err == nil {
		t.Error("spaces fold that were not declared to")
	}
	if !schemes.Knows("dossier") || schemes.Knows("undeclared") || schemes.Own() != "dossier" || (register.Schemes{}).Knows("") {
		t.Error("schemes do not know which they are")
	}
}

func TestAFormThatCannotBeMeantIsSaid(t *testing.T) {
	for pattern, want := range map[string]string{
		`[0-9`: "pattern: not a regular", `a)|(b`: "pattern: not a regular", `[0-9]*`: "an empty text", `[A-Za-z]+`: "small and capital", `.+`: "small and capital", `(?i)ab`: "small and capital", `\w{8}`: "small and capital",
	} {
		if _, err := register.NewForm(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	if _, err := register.NewForm(`a`, "letters"); err == nil {
		t.Error("an unknown fold was taken")
	}
	if _, err := register.NewForm(`a`, register.FoldCase, register.FoldNone); err == nil {
		t.Error("case folds and does not")
	}
	if _, err := register.NewForm(`[0-9A-Z]+`); err != nil {
		t.Errorf("capital letters alone: %v", err)
	}
}

// Numbers that programs read as one and the same have one spelling at most, whatever
// the pattern.
func TestNoTwoSpellingsOfANumberHaveAForm(t *testing.T) {
	patterns := []string{register.Numbers, `[0-9]{1,10}`, `[0-9]{4,6}`, `[0-9]+`, `[+-]?[0-9]+(\.[0-9]+)?`, `.{1,12}`}
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SampledFrom(patterns).Draw(t, "pattern")
		f, err := register.NewForm(pattern, register.FoldNone)
		if err != nil {
			t.Fatal(err)
		}
		schemes := register.NewSchemes("s", map[string]register.Form{"s": f})
		number := strconv.Itoa(rapid.IntRange(0, 99999).Draw(t, "number"))
		var read []string
		for zeros := range 4 {
			for _, sign := range []string{"", "+"} {
				for _, rest := range []string{"", ".0", "-x", "abc", "e0"} {
					if ref, err := schemes.Asked("s", sign+strings.Repeat("0", zeros)+number+rest); err == nil {
						read = append(read, ref.Value)
					}
				}
			}
		}
		if len(read) > 1 {
			t.Fatalf("%s takes %q for %d people", pattern, read, len(read))
		}
	})
}

func FuzzAnIdentifierIsReadOnceOrNotAtAll(f *testing.F) {
	for _, seed := range []string{"999", "0999", "999-x", " 999", "９９９", "+999", "A-1", "a@b.example", "\u212a@b.example", "9\x009", "0x3e7"} {
		f.Add(seed)
	}
	schemes := register.NewSchemes("dossier", map[string]register.Form{"any": form(f, `.+`, register.FoldCase), "mail": form(f, `[^@]+@[^@]+`, register.FoldCase, register.FoldSpaces)})
	f.Fuzz(func(t *testing.T, text string) {
		for _, scheme := range []string{"dossier", "any", "mail"} {
			ref, err := schemes.Asked(scheme, text)
			if err != nil {
				continue
			}
			if again, err := schemes.Asked(scheme, ref.Value); err != nil || again != ref {
				t.Errorf("%s: %q is read as %q, and that as %q, %v", scheme, text, ref.Value, again.Value, err)
			}
			if told, err := schemes.Told(scheme, text); err != nil || told != ref {
				t.Errorf("%s: %q is %q when asked and %q when told", scheme, text, ref.Value, told.Value)
			}
			if ref.Value != strings.ToLower(text) {
				t.Errorf("%s: %q became %q", scheme, text, ref.Value)
			}
			if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && scheme == "dossier" && fmt.Sprint(n) != text {
				t.Errorf("%q is read as %d by others", text, n)
			}
		}
	})
}
