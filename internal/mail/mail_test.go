package mail_test

import (
	"strings"
	"testing"

	"poterne/internal/mail"
)

func TestAnAddressIsOneThatCanBeWrittenTo(t *testing.T) {
	for text, want := range map[string]string{
		"camille@boite.example":             "camille@boite.example",
		" camille@boite.example\r\n":        "camille@boite.example",
		"Camille.O'Brien+caf@Boite.example": "Camille.O'Brien+caf@Boite.example",
		"":                                  "", "non communiquée": "", "NC": "", "@": "", "camille@": "", "camille@boite": "", "camille@boite..example": "",
		"Camille <camille@boite.example>": "", "<camille@boite.example>": "", "a@boite.example, b@boite.example": "", "a@boite.example;b@boite.example": "",
		"a@boite.example\r\nBcc: b@boite.example": "", "a@boite.example>\r\nRCPT TO:<b@boite.example": "", "a b@boite.example": "", "hélène@boite.example": "", ".a@boite.example": "",
		strings.Repeat("a", 65) + "@boite.example": "", "a@" + strings.Repeat("b.", 130) + "example": "",
	} {
		got, is := mail.Address(text)
		if is != (want != "") || is && got != want {
			t.Errorf("%q is %q, %t", text, got, is)
		}
	}
}
