package notice

import (
	"fmt"
	"strconv"
)

// checks are the characters that end a reference: letters that are not taken for figures.
const checks = "ABCDEFGHJKLMNPQRSTUVWXY"

// OfExercise is how the reference of an exercise begins. IsReference does not take it for that
// of an incident.
const OfExercise = "EXERCICE-"

// Reference names an incident to people outside: its year, its number in that year, and a
// letter by which a mistyped one is found. Any one wrong figure changes the letter, and so
// do two neighbours that change places.
func Reference(year, number int) string {
	sum := 0
	for place, figure := range fmt.Sprintf("%04d%03d", year, number) {
		sum += (place + 2) * int(figure-'0')
	}
	return fmt.Sprintf("%04d-%03d-%c", year, number, checks[sum%len(checks)])
}

// IsReference reports whether a text is a reference: whether its letter fits its figures.
func IsReference(text string) bool {
	if len(text) < len("2026-001-A") {
		return false
	}
	year, err := strconv.Atoi(text[:4])
	number, err2 := strconv.Atoi(text[5 : len(text)-2])
	return err == nil && err2 == nil && year > 0 && number > 0 && Reference(year, number) == text
}
