// Package notice knows what each document about an incident asks: the notice to the
// data-protection authority, the declaration to the cybersecurity agency, the complaint,
// the entry in the register of violations, and the message to each person concerned. It
// is pure: what is known of an incident and what people answered go in, a document comes
// out, and says what it still lacks.
//
// The contents are those of the GDPR, articles 33 and 34, of the CNIL's outline of
// notices (July 2023), of the EDPB's draft form (June 2026), of NIS 2, article 23(4), and
// of the code de procédure pénale, article 40.
package notice

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"poterne/internal/fault"
	"poterne/internal/typed"
)

// Form is a document for an authority.
type Form string

const (
	CNIL      Form = "cnil"      // the notice to the data-protection authority
	ANSSI     Form = "anssi"     // the declaration to the cybersecurity agency
	Complaint Form = "complaint" // to the prosecutor
	Register  Form = "register"  // the entry in the controller's own register of violations
	EDPB      Form = "edpb"      // the notice to the data-protection authority, by the EDPB's draft of June 2026
)

// Forms lists every form, in the order in which they are due; that of the EDPB is a draft, and
// due nowhere yet.
var Forms = []Form{ANSSI, CNIL, Complaint, Register, EDPB}

// Takes is what answers a field.
type Takes string

const (
	Told   Takes = "told"   // nobody: Facts say it
	Line   Takes = "line"   // a few words
	Text   Takes = "text"   // paragraphs
	One    Takes = "one"    // one of the choices
	Some   Takes = "some"   // at least one of them
	Number Takes = "number" // a whole number
	Moment Takes = "moment" // a time, as RFC 3339 has it
)

// Field is one thing that a form asks. It has the same key in each form that asks it, and
// is answered once.
type Field struct {
	Key     string
	Takes   Takes
	Choices []string
	Open    bool // an initial document may say that it is not known yet
	Spare   bool // it may be left out for good

	// A field that follows from another is asked only when the answer to that, by key, has one of
	// these values.
	If  string
	Has []string
}

// Group is fields under one heading.
type Group struct {
	Key    string
	Fields []string
}

// fields finds a field by its key.
var fields = func() map[string]Field {
	all := make(map[string]Field)
	for _, f := range told {
		f.Takes = Told
		all[f.Key] = f
	}
	for _, f := range slices.Concat(asked, askedByEDPB) {
		all[f.Key] = f
	}
	return all
}()

// Asked returns the field that people answer under a key; false when there is none.
func Asked(key string) (Field, bool) {
	f, known := fields[key]
	return f, known && f.Takes != Told
}

// Answer is what people answered. The zero Answer is none.
type Answer struct {
	Values  []string `json:"values,omitempty"`  // codes of choices; or one text, number or time
	Unknown Unknown  `json:"unknown,omitempty"` // or that it is not known
}

// Unknown says that an answer is not known.
type Unknown string

const (
	NotYet Unknown = "not-yet" // it is looked for; what is complete cannot say it
	Never  Unknown = "never"   // it cannot be found out
)

// LongestText is how many characters a text may have.
const LongestText = 4000

// Check returns what keeps an answer from being one to the field; fault.Invalid.
func (f Field) Check(a Answer) error {
	switch {
	case f.Takes == Told:
		return fault.Errorf(fault.Invalid, "%s is told by the program", f.Key)
	case a.Unknown != "" && (a.Unknown != NotYet && a.Unknown != Never || len(a.Values) > 0 || !f.Open):
		return fault.Errorf(fault.Invalid, "%s is either answered or not known", f.Key)
	case a.Unknown != "" || len(a.Values) == 0:
		return nil
	case f.Takes != Some && len(a.Values) != 1:
		return fault.Errorf(fault.Invalid, "%s takes one answer", f.Key)
	}
	for i, value := range a.Values {
		if !f.accepts(value) || slices.Contains(a.Values[:i], value) {
			return fault.Errorf(fault.Invalid, "%s does not take %q", f.Key, value)
		}
	}
	return nil
}

func (f Field) accepts(value string) bool {
	switch f.Takes {
	case One, Some:
		return slices.Contains(f.Choices, value)
	case Number:
		n, err := strconv.Atoi(value)
		return err == nil && n >= 0
	case Moment:
		_, err := time.Parse(time.RFC3339, value)
		return err == nil
	case Line:
		return typed.Wrong(value) == typed.Nothing
	default:
		return readable(value)
	}
}

// readable reports whether paragraphs can be read back: each line of them.
func readable(text string) bool {
	seen := false
	for line := range lines(text) {
		if !typed.Readable(line) {
			return false
		}
		seen = seen || line != ""
	}
	return seen && utf8.RuneCountInString(text) <= LongestText
}
