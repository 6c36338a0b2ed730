package shape

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a value looks like.
type Kind string

// The kinds there are.
const (
	Nothing    Kind = "nothing"
	Truth      Kind = "true or false"
	Number     Kind = "a number"
	Text       Kind = "a text"
	Long       Kind = "a long text"
	Date       Kind = "a date"
	Mail       Kind = "a mail address"
	Telephone  Kind = "a telephone number"
	NIR        Kind = "a NIR, by its key"
	PersonName Kind = "what may be a person's name"
	Identifier Kind = "what may be an identifier"
	Link       Kind = "an address"
	Mark       Kind = "one of few words"
)

// Kinds are all of them.
var Kinds = []Kind{Nothing, Truth, Number, Text, Long, Date, Mail, Telephone, NIR, PersonName, Identifier, Link, Mark}

var (
	isDate       = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?|\d{1,2}[/.]\d{1,2}[/.]\d{4})$`)
	isMail       = regexp.MustCompile(`^[^\s@<>"]+@[^\s@<>"]+\.[A-Za-z]{2,}$`)
	isTelephone  = regexp.MustCompile(`^((\+|0)[0-9]{8,14}|(\+|0|\()[0-9]{1,4}\)?([ .-][0-9]{1,4}){2,7})$`)
	isIdentifier = regexp.MustCompile(`^([0-9]{4,20}|[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}|[A-Za-z]{0,6}[-_]?[0-9][A-Za-z0-9_-]{2,40})$`)
	isName       = regexp.MustCompile(`^\p{Lu}[\p{L}'’.-]*( (\p{Lu}[\p{L}'’.-]*|de|du|des|la|le|van|von|el|ben)){1,4}$`)
	isNIR        = regexp.MustCompile(`^[1-9]\d{2}(0[1-9]|1[0-2]|[2-9]\d)(\d{2}|2[AB])\d{6}\d{2}$`)
	isWholeSmall = regexp.MustCompile(`^-?\d{1,3}([.,]\d+)?$`)
)

// KindOf says what a text looks like.
func KindOf(text string) Kind {
	text = strings.TrimSpace(text)
	const long = 80
	switch {
	case text == "":
		return Nothing
	case len(text) > 8*long || utf8.RuneCountInString(text) > long:
		return Long
	case text == "true" || text == "false":
		return Truth
	case hasKey(text):
		return NIR
	case isDate.MatchString(text):
		return Date
	case isMail.MatchString(strings.TrimPrefix(text, "mailto:")):
		return Mail
	case isWholeSmall.MatchString(text):
		return Number
	case isTelephone.MatchString(strings.TrimPrefix(text, "tel:")):
		return Telephone
	case strings.HasPrefix(text, "/") || strings.Contains(text, "://"):
		return Link
	case isIdentifier.MatchString(text):
		return Identifier
	case isName.MatchString(text):
		return PersonName
	case Word(text) != Placeholder:
		return Mark
	default:
		return Text
	}
}

// hasKey reports whether a text is a NIR with its key.
func hasKey(text string) bool {
	text = strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(text))
	if !isNIR.MatchString(text) {
		return false
	}
	const modulus = 97
	number := strings.NewReplacer("2A", "19", "2B", "18").Replace(text[5:7])
	n, err := strconv.ParseInt(text[:5]+number+text[7:13], 10, 64)
	key, alsoErr := strconv.ParseInt(text[13:], 10, 64)
	return err == nil && alsoErr == nil && key == modulus-n%modulus
}
