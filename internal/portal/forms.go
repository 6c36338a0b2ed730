package portal

import "poterne/internal/typed"

// Wrong is what is to be mended in a form: said by key, beside its field.
type Wrong struct{ Field, Key string }

// Mends is all that is to be mended in a form.
type Mends []Wrong

// In returns what is to be mended in a field, by key; empty when nothing is.
func (m Mends) In(field string) string {
	for _, w := range m {
		if w.Field == field {
			return w.Key
		}
	}
	return ""
}

// Tidy is a typed text on one line: it ends in the ledger.
func Tidy(text string) string { return typed.Line(text) }

// MendTyped says by key what is wrong with a reason that was typed into a field.
func MendTyped(field, text string) Mends { return mendTyped(field, text, "order.because-missing") }

// MendWords says it of a text that is no reason.
func MendWords(field, text string) Mends { return mendTyped(field, text, "order.text-missing") }

func mendTyped(field, text, missing string) Mends {
	key, found := map[typed.Problem]string{
		typed.Missing: missing, typed.TooLong: "order.too-long", typed.Unreadable: "order.unreadable",
	}[typed.Wrong(text)]
	if !found {
		return nil
	}
	return Mends{{field, key}}
}
