package town

import (
	"fmt"
	"strconv"
	"strings"
)

// NIRKey returns the two-digit key of a 13-character NIR: 97 minus the number
// modulo 97, Corsica's 2A and 2B standing for 19 and 18.
func NIRKey(body string) (int, error) {
	if len(body) != 13 {
		return 0, fmt.Errorf("a NIR has 13 characters before its key, this one has %d", len(body))
	}
	body = body[:5] + strings.NewReplacer("2A", "19", "2B", "18").Replace(body[5:7]) + body[7:]
	number, err := strconv.ParseUint(body, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("a NIR has digits only, but for 2A and 2B")
	}
	return 97 - int(number%97), nil
}

// ValidNIR reports whether text, 13 characters and a key with or without spaces,
// carries the right key. It says nothing about whether the NIR was ever issued.
func ValidNIR(text string) bool {
	text = strings.ReplaceAll(text, " ", "")
	if len(text) != 15 {
		return false
	}
	key, err := NIRKey(text[:13])
	return err == nil && text[13:] == fmt.Sprintf("%02d", key)
}
