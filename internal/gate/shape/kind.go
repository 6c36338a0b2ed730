package shape

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
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
	Capital    Kind = "a capitalised word"
	Identifier Kind = "what may be an identifier"
	Link       Kind = "an address"
	Leading    Kind = "an address that may name somebody"
	Coded      Kind = "a coded text"
	Mark       Kind = "one of few words"
)

// Kinds are all of them.
var Kinds = []Kind{Nothing, Truth, Number, Text, Long, Date, Mail, Telephone, NIR, PersonName, Capital, Identifier, Link, Leading, Coded, Mark}

var (
	isDate       = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z| UTC|[+-]\d{2}:?\d{2})?)?|\d{1,2}[/.]\d{1,2}[/.]\d{4}( \d{1,2}:\d{2}(:\d{2})?( ?[AP]M)?)?)$`)
	isMail       = regexp.MustCompile(`^[^\s@<>"]+@[^\s@<>"]+\.[A-Za-z]{2,}$`)
	isTelephone  = regexp.MustCompile(`^((\+|0)[0-9]{8,14}|(\+|0|\()[0-9]{1,4}\)?([ .-][0-9]{1,4}){2,7})$`)
	isIdentifier = regexp.MustCompile(`^([0-9]{4,20}|[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}|[A-Za-z]{0,6}[-_]?[0-9][A-Za-z0-9_-]{2,40})$`)
	isName       = regexp.MustCompile(`^\p{Lu}[\p{L}'’.-]*( (\p{Lu}[\p{L}'’.-]*|de|du|des|la|le|van|von|el|ben)){1,4}$`)
	isNIR        = regexp.MustCompile(`^[1-9]\d{2}(0[1-9]|1[0-2]|[2-9]\d)(\d{2}|2[AB])\d{6}\d{2}$`)
	isCapital    = regexp.MustCompile(`^\p{Lu}[\p{L}'’-]+$`)
	isCoded      = regexp.MustCompile(`^[A-Za-z0-9+/_-]{12,}={0,2}$`)
	hasMail      = regexp.MustCompile(`[^\s@<>"]+@[^\s@<>"]+\.[A-Za-z]{2,}`)
	hasDigits    = regexp.MustCompile(`(\+|\d)[\d .-]{8,20}\d`)
	isWholeSmall = regexp.MustCompile(`^-?\d{1,3}([.,]\d+)?$`)
)

var (
	withoutGaps = strings.NewReplacer(" ", "", ".", "", "-", "")
	ofCorsica   = strings.NewReplacer("2A", "19", "2B", "18")
	inStandard  = strings.NewReplacer("-", "+", "_", "/", "=", "") // base64 that was made for addresses
)

// KindOf says what a text looks like.
func KindOf(text string) Kind {
	text = strings.TrimSpace(text)
	const long = 80
	switch {
	case text == "":
		return Nothing
	case isAddress(text):
		return kindOfAddress(text)
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
	case isIdentifier.MatchString(text):
		return Identifier
	case isName.MatchString(text):
		return PersonName
	case Word(text) != Placeholder:
		return Mark
	case isCapital.MatchString(text):
		return Capital
	}
	if kind := kindOfReference(text); kind != Nothing {
		return kind
	}
	if plain := decoded(text); plain != "" {
		if kind := KindOf(plain); slices.Contains(telling, kind) {
			return kind
		}
		return Coded
	}
	return inside(text)
}

// telling are the kinds that say by themselves whose a value is.
var telling = []Kind{NIR, Mail, Telephone, PersonName}

// inside looks for what tells of somebody within a text.
func inside(text string) Kind {
	for _, digits := range hasDigits.FindAllString(text, -1) {
		switch {
		case hasKey(digits):
			return NIR
		case isTelephone.MatchString(strings.TrimSpace(digits)):
			return Telephone
		}
	}
	if hasMail.MatchString(text) {
		return Mail
	}
	return Text
}

func isAddress(text string) bool {
	return !strings.ContainsFunc(text, unicode.IsSpace) && (strings.HasPrefix(text, "/") || strings.Contains(text, "://"))
}

// kindOfAddress is a link that leads to nobody only where each part of it is a plain word.
func kindOfAddress(text string) Kind {
	to, err := url.Parse(text)
	if err != nil {
		return Leading
	}
	parts := strings.Split(strings.Trim(to.Path, "/"), "/")
	for name, values := range to.Query() {
		parts = append(append(parts, name), values...)
	}
	found := Link
	for _, part := range append(parts, to.Fragment) {
		switch kind := KindOf(part); {
		case slices.Contains(telling, kind):
			return kind
		case kind != Nothing && Word(part) == Placeholder:
			found = Leading
		}
	}
	return found
}

// kindOfReference is of a text by which something is referred to, such as Patient/105001, urn:uuid:… or a folder that is
// called after somebody; Nothing of any other.
func kindOfReference(text string) Kind {
	found := Nothing
	if strings.ContainsFunc(text, unicode.IsSpace) || !strings.ContainsAny(text, "/:") {
		return found
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '/' || r == ':' }) {
		switch {
		case hasKey(part):
			return NIR
		case isMail.MatchString(part):
			return Mail
		case isIdentifier.MatchString(part):
			found = Leading
		}
	}
	return found
}

// decoded is what a text of base64 stands for; empty when it is none, or stands for no text.
func decoded(text string) string {
	if !isCoded.MatchString(text) {
		return ""
	}
	text = inStandard.Replace(text)
	plain, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || !utf8.Valid(plain) || strings.ContainsFunc(string(plain), func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) {
		return ""
	}
	return string(plain)
}

// hasKey reports whether a text is a NIR with its key.
func hasKey(text string) bool {
	text = strings.ToUpper(withoutGaps.Replace(text))
	if !isNIR.MatchString(text) {
		return false
	}
	const modulus = 97
	number := ofCorsica.Replace(text[5:7])
	n, err := strconv.ParseInt(text[:5]+number+text[7:13], 10, 64)
	key, alsoErr := strconv.ParseInt(text[13:], 10, 64)
	return err == nil && alsoErr == nil && key == modulus-n%modulus
}
