package register

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"poterne/internal/fault"
)

// Form is how the identifiers of one scheme are written. Of two spellings that a
// lenient program takes for one identifier, at most one has the form.
type Form struct {
	pattern *regexp.Regexp // anchored
	text    string         // as it was declared
	folds   []Fold
}

// Fold is a difference in writing that makes no other identifier.
type Fold string

// The folds there are.
const (
	FoldCase   Fold = "case"   // of letters
	FoldSpaces Fold = "spaces" // around and inside, but not in a request: an application may read up to the first one
	FoldNone   Fold = "none"   // small and capital letters are two identifiers
)

// LongestIdentifier is how long an identifier may be, in bytes.
const LongestIdentifier = 128

// Numbers is the form of identifiers when none is declared: whole numbers without
// leading zeros, which every program reads exactly.
const Numbers = `0|[1-9][0-9]{0,14}`

// NewForm takes a regular expression that MUST match an identifier as a whole, and the
// folds of the form.
func NewForm(pattern string, folds ...Fold) (Form, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return Form{}, fmt.Errorf("pattern: not a regular expression: %w", err)
	}
	for _, fold := range folds {
		if fold != FoldCase && fold != FoldSpaces && fold != FoldNone {
			return Form{}, fmt.Errorf("fold: %q is not one; write %q, %q or %q", string(fold), FoldCase, FoldSpaces, FoldNone)
		}
	}
	flags := ""
	switch folds, none := slices.Contains(folds, FoldCase), slices.Contains(folds, FoldNone); {
	case folds && none:
		return Form{}, fmt.Errorf("fold: write either %q or %q", FoldCase, FoldNone)
	case folds:
		flags = "(?i)"
	case !none && bothCases(parsed):
		return Form{}, errors.New(`fold: the pattern takes small and capital letters; write fold = "case" if they make no difference, and fold = "none" if they do, also for the application`)
	}
	anchored, err := regexp.Compile(flags + `\A(?:` + pattern + `)\z`)
	if err != nil {
		return Form{}, fmt.Errorf("pattern: not a regular expression: %w", err)
	}
	if anchored.MatchString("") {
		return Form{}, errors.New("pattern: it takes an empty text for an identifier")
	}
	return Form{anchored, pattern, folds}, nil
}

// bothCases reports whether some letter may stand in an expression as a small and as
// a capital one.
func bothCases(e *syntax.Regexp) bool {
	var met ['z' + 1]bool
	var walk func(e *syntax.Regexp)
	walk = func(e *syntax.Regexp) {
		switch e.Op {
		case syntax.OpLiteral:
			for _, r := range e.Rune {
				note(&met, r, r)
				if e.Flags&syntax.FoldCase != 0 {
					note(&met, r|0x20, r|0x20)
					note(&met, r&^0x20, r&^0x20)
				}
			}
		case syntax.OpCharClass:
			for i := 0; i < len(e.Rune); i += 2 {
				note(&met, e.Rune[i], e.Rune[i+1])
			}
		case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
			note(&met, 'A', 'z')
		}
		for _, sub := range e.Sub {
			walk(sub)
		}
	}
	walk(e)
	for c := 'a'; c <= 'z'; c++ {
		if met[c] && met[c-0x20] {
			return true
		}
	}
	return false
}

func note(met *['z' + 1]bool, from, to rune) {
	for r := max(from, 'A'); r <= min(to, 'z'); r++ {
		met[r] = true
	}
}

// String is the pattern as it was declared.
func (f Form) String() string { return f.text }

// asked is the identifier that a request spells, to the byte but for letter case.
func (f Form) asked(text string) (identifier string, ok bool) {
	if len(text) == 0 || len(text) > LongestIdentifier || f.pattern == nil {
		return "", false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return "", false
		}
	}
	if !f.pattern.MatchString(text) || f.twin(text) {
		return "", false
	}
	if slices.Contains(f.folds, FoldCase) {
		text = strings.ToLower(text)
	}
	return text, true
}

// told is the identifier that an answer or another system spells.
func (f Form) told(text string) (identifier string, ok bool) {
	if slices.Contains(f.folds, FoldSpaces) && strings.Contains(text, " ") {
		text = strings.ReplaceAll(text, " ", "")
	}
	return f.asked(text)
}

// twin reports whether a program that reads only the number at the beginning of a
// text, without its sign and leading zeros, would take it for another identifier of
// the form.
func (f Form) twin(text string) bool {
	number := strings.TrimLeft(text, "+-")
	end := 0
	for end < len(number) && '0' <= number[end] && number[end] <= '9' {
		end++
	}
	for number = number[:end]; number != ""; number = number[1:] {
		if number != text && f.pattern.MatchString(number) {
			return true
		}
		if number[0] != '0' {
			break
		}
	}
	return false
}

// Schemes is how the identifiers of every scheme are written. Its zero value knows
// none.
type Schemes struct {
	own   string
	forms map[string]Form
}

// NewSchemes takes the scheme of the register's own identifiers, which need no
// alias, and the forms that were declared. Its own have Numbers unless declared.
func NewSchemes(own string, declared map[string]Form) Schemes {
	s := Schemes{own, make(map[string]Form, len(declared)+1)}
	s.forms[own], _ = NewForm(Numbers)
	for scheme, form := range declared {
		s.forms[scheme] = form
	}
	return s
}

// Own is the scheme of the register's own identifiers.
func (s Schemes) Own() string { return s.own }

// Knows reports whether the scheme has a form.
func (s Schemes) Knows(scheme string) bool {
	_, known := s.forms[scheme]
	return known
}

// Asked reads an identifier out of a request, which goes on to an application as it
// is: nothing but the letter case may differ from the form.
func (s Schemes) Asked(scheme, text string) (Ref, error) {
	return s.read(scheme, text, Form.asked)
}

// Told reads an identifier that an answer, another system or a person at a terminal
// wrote.
func (s Schemes) Told(scheme, text string) (Ref, error) {
	return s.read(scheme, text, Form.told)
}

func (s Schemes) read(scheme, text string, by func(Form, string) (string, bool)) (Ref, error) {
	form, known := s.forms[scheme]
	if !known {
		return Ref{}, &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf("no scheme %q is declared; write [register.schemes.%s] with its pattern", scheme, scheme)}
	}
	identifier, ok := by(form, text)
	if !ok {
		return Ref{}, &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf("not a %s identifier as they are written: %s", scheme, form)}
	}
	return Ref{scheme, identifier}, nil
}
