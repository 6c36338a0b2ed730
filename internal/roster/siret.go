package roster

import (
	"errors"
	"strings"
)

// laPoste is the body whose SIRETs need not pass Luhn's check: their digits add up to a multiple
// of five.
const laPoste = "356000000"

// CheckSIRET says what keeps a text from being a SIRET: 14 digits, of which the last is the key of
// the others, and the first nine a SIREN of which the same is true.
func CheckSIRET(text string) error {
	if len(text) != 14 || strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return errors.New("is not 14 digits")
	}
	sum := 0
	for _, digit := range text {
		sum += int(digit - '0')
	}
	if !luhn(text[:9]) || !luhn(text) && !(strings.HasPrefix(text, laPoste) && sum%5 == 0) {
		return errors.New("is no SIRET: its key is wrong, so that at least one digit is")
	}
	return nil
}

// luhn reports whether the last digit is the key of those before it.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
