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
)

// Forms lists every form, in the order in which they are due.
var Forms = []Form{ANSSI, CNIL, Complaint, Register}

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
}

// Group is fields under one heading.
type Group struct {
	Key    string
	Fields []string
}

// asked are the fields that people answer.
var asked = []Field{
	{Key: "circumstances", Takes: Text, Open: true},
	{Key: "late", Takes: Text},
	{Key: "nature", Takes: Some, Choices: []string{"confidentiality", "integrity", "availability"}, Open: true},
	{Key: "origin", Takes: One, Choices: []string{"attack", "published", "recipient", "lost", "discarded", "wrong-person", "said", "other"}, Open: true},
	{Key: "cause", Takes: One, Choices: []string{"outside-malicious", "outside-accident", "inside-malicious", "inside-accident", "unknown", "other"}, Open: true},
	{Key: "description", Takes: Text},
	{Key: "kinds", Takes: Some, Choices: []string{"users", "employees", "members", "students", "military", "customers", "patients", "minors", "vulnerable", "others", "undetermined"}, Open: true},
	{Key: "others", Takes: Number, Open: true},
	{Key: "before", Takes: Text, Open: true},
	{Key: "after", Takes: Text, Open: true},
	{Key: "consequences", Takes: Some, Choices: []string{"spread", "linked", "reused"}, Open: true},
	{Key: "harms", Takes: Some, Choices: []string{"control", "rights", "discrimination", "identity-theft", "fraud", "pseudonyms", "money", "reputation", "secrecy", "other"}, Open: true},
	{Key: "severity", Takes: One, Choices: []string{"negligible", "limited", "important", "maximal"}, Open: true},
	{Key: "telling", Takes: One, Choices: []string{"done", "will", "protected", "remedied", "effort", "undecided"}, Open: true},
	{Key: "telling-when", Takes: Moment, Spare: true},
	{Key: "border", Takes: One, Choices: []string{"no", "yes"}, Open: true},
	{Key: "elsewhere", Takes: Text, Spare: true},
	{Key: "malice", Takes: One, Choices: []string{"yes", "no", "unknown"}},
	{Key: "abroad", Takes: One, Choices: []string{"no", "yes", "unknown"}},
	{Key: "indicators", Takes: Text, Open: true},
	{Key: "root", Takes: Text, Open: true},
	{Key: "against", Takes: Line},
	{Key: "offences", Takes: Some, Choices: []string{"access", "extraction"}, Spare: true},
	{Key: "damage", Takes: Text, Open: true},
	{Key: "witnesses", Takes: Text, Spare: true},
	{Key: "why-notified", Takes: Text},
}

// told are the fields that Facts answer.
var told = []Field{
	{Key: "stage"},
	{Key: "reference"},
	{Key: "organisation"},
	{Key: "siren"},
	{Key: "sector"},
	{Key: "headcount"},
	{Key: "address"},
	{Key: "country"},
	{Key: "representative"},
	{Key: "contact"},
	{Key: "officer"},
	{Key: "involved", Open: true},
	{Key: "begun", Open: true},
	{Key: "ended", Open: true},
	{Key: "going-on"},
	{Key: "aware"},
	{Key: "data", Open: true},
	{Key: "records", Open: true},
	{Key: "people", Open: true},
	{Key: "orders", Open: true},
	{Key: "accounts", Open: true},
	{Key: "authorities", Spare: true},
	{Key: "evidence", Open: true},
}

// groups is what each form asks, under its headings.
var groups = map[Form][]Group{
	CNIL: {
		{"notice", []string{"stage", "reference"}},
		{"who", []string{"organisation", "siren", "sector", "headcount", "address", "country", "representative", "contact", "officer", "involved"}},
		{"when", []string{"begun", "ended", "going-on", "aware", "circumstances", "late"}},
		{"what", []string{"nature", "origin", "cause", "description"}},
		{"data", []string{"data", "records"}},
		{"people", []string{"people", "others", "kinds"}},
		{"measures", []string{"before", "orders", "after"}},
		{"effects", []string{"consequences", "harms", "severity"}},
		{"telling", []string{"telling", "telling-when", "border", "elsewhere"}},
	},
	ANSSI: {
		{"notice", []string{"stage", "reference"}},
		{"who", []string{"organisation", "siren", "contact"}},
		{"what", []string{"aware", "malice", "abroad", "severity", "people", "root"}},
		{"indicators", []string{"accounts", "indicators"}},
		{"measures", []string{"orders", "after"}},
	},
	Complaint: {
		{"who", []string{"organisation", "siren", "address", "representative", "contact"}},
		{"against", []string{"against", "offences"}},
		{"facts", []string{"begun", "ended", "aware", "description", "accounts"}},
		{"people", []string{"people", "data", "damage"}},
		{"evidence", []string{"evidence", "authorities", "witnesses"}},
	},
	Register: {
		{"notice", []string{"reference", "officer", "involved"}},
		{"when", []string{"begun", "ended", "aware"}},
		{"what", []string{"nature", "origin", "cause", "description"}},
		{"people", []string{"data", "records", "people", "kinds"}},
		{"effects", []string{"harms", "severity"}},
		{"measures", []string{"orders", "after"}},
		{"telling", []string{"authorities", "telling", "why-notified"}},
		{"evidence", []string{"evidence"}},
	},
}

// fields finds a field by its key.
var fields = func() map[string]Field {
	all := make(map[string]Field)
	for _, f := range told {
		f.Takes = Told
		all[f.Key] = f
	}
	for _, f := range asked {
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
