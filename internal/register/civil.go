package register

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Civil is the civil status by which a person is found exactly, as the French State's
// federation tells it. A NIR is not part of it.
type Civil struct {
	Family     string `json:"family"`     // at birth
	Given      string `json:"given"`      // every first name, in order
	Birth      string `json:"birth"`      // 1962-08-24
	Gender     string `json:"gender"`     // female or male
	Birthplace string `json:"birthplace"` // code of the commune; empty of somebody born abroad
	Country    string `json:"country"`    // code of the country; 99100 is France
}

// Format prints every verb as (civil status).
func (Civil) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(civil status)") }

// LogValue keeps people out of logs.
func (Civil) LogValue() slog.Value { return slog.StringValue("(civil status)") }

// Normal is the civil status as it is compared: letters without accents, in capitals, words
// one space apart, codes in capitals.
func (c Civil) Normal() Civil {
	return Civil{
		Family: plain(c.Family), Given: plain(c.Given), Birth: strings.TrimSpace(c.Birth), Gender: strings.ToLower(strings.TrimSpace(c.Gender)),
		Birthplace: strings.ToUpper(strings.TrimSpace(c.Birthplace)), Country: strings.ToUpper(strings.TrimSpace(c.Country)),
	}
}

// Whole reports whether it says enough to find one person: nothing is looked for by less.
func (c Civil) Whole() bool {
	return c.Family != "" && c.Given != "" && len(c.Birth) == len("1962-08-24") && (c.Gender == "female" || c.Gender == "male") && (c.Birthplace != "" || c.Country != "")
}

// The spellings of the federation.
var (
	birthForm   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`) // a month or a day that nobody knows is 00
	communeForm = regexp.MustCompile(`^[0-9][0-9AB][0-9]{3}$`)
	countryForm = regexp.MustCompile(`^[0-9]{5}$`)
)

const (
	france      = "99100"
	longestName = 200 // bytes
)

// Spelled reports whether a civil status in its normal form is written as the federation tells it. Whoever has one that
// is not, nobody signs in with.
func (c Civil) Spelled() bool {
	return c.Whole() && len(c.Family) <= longestName && len(c.Given) <= longestName && birthForm.MatchString(c.Birth) &&
		(communeForm.MatchString(c.Birthplace) || c.Birthplace == "" && c.Country != france) && (countryForm.MatchString(c.Country) || c.Country == "")
}

var ligatures = strings.NewReplacer("Œ", "OE", "Æ", "AE", "ß", "SS", "ẞ", "SS", "Ø", "O", "Ł", "L", "Đ", "D")

// plain writes a name as registers of civil status without accents do.
func plain(name string) string {
	var text strings.Builder
	for _, r := range norm.NFD.String(ligatures.Replace(strings.ToUpper(norm.NFKD.String(name)))) {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r): // which nobody sees, such as a soft hyphen
		case unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r): // an apostrophe may be a letter, by its name
			text.WriteRune(r)
		default:
			text.WriteRune(' ')
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
