package roster_test

import (
	"testing"

	"poterne/internal/roster"
)

func TestASIRETHasItsKey(t *testing.T) {
	for text, right := range map[string]bool{
		"90000000100017":  true,
		"35600000000048":  true,  // La Poste, by Luhn
		"35600000049837":  true,  // La Poste, by the sum of its digits only
		"90000000100018":  false, // another last digit
		"90000000010017":  false, // two digits the other way round
		"35600000049838":  false,
		"90000000000017":  false, // invented: its SIREN has no key
		"9000000010001":   false,
		"900000001000177": false,
		"9000000010001x":  false,
		"":                false,
		"٩٠٠٠٠٠٠٠١٠٠٠١٧":  false, // digits of another script
	} {
		if err := roster.CheckSIRET(text); (err == nil) != right {
			t.Errorf("%q: %v, want right %v", text, err, right)
		}
	}
}
