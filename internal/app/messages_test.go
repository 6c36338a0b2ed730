package app

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"poterne/internal/gate/httpgate"
)

// Where a person can be reached is read as it can be used: an address with a sign before the at is one, what is none
// is none, and nobody gets a letter without an address.
//
// Promise: TELL-4
func TestTELL_4_WhereAPersonCanBeReachedIsReadAsItCanBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		answer, mail string
		address      []string
	}{
		"an address with a plus sign":   {`{"name": "Camille AUBRY", "mail": "camille+caf@boite.example"}`, "camille+caf@boite.example", nil},
		"a note in its place":           {`{"name": "Camille AUBRY", "mail": "non communiqué", "address": ["99100 VALBOURG"]}`, "", []string{"99100 VALBOURG"}},
		"two mails in one":              {`{"name": "Camille AUBRY", "mail": "a@boite.example>\r\nRCPT TO:<b@boite.example"}`, "", nil},
		"a postal address on one line":  {`{"name": "Camille AUBRY", "address": ["12  rue du Puits\r\n99100 VALBOURG"]}`, "", []string{"12 rue du Puits", "99100 VALBOURG"}},
		"a postal address with nothing": {`{"name": "Camille AUBRY", "address": ["", " ", "\n"]}`, "", nil},
		"a name over two lines":         {`{"name": "Camille\r\nAUBRY"}`, "", nil},
	} {
		m := messenger{
			service: httpgate.Service{Prefix: "/people"}, address: func(identifier string) string { return "/reach/" + identifier },
			gate: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.answer) }),
		}
		got, err := m.contact(t.Context(), "4711")
		if err != nil || got.Name != "Camille AUBRY" || got.Mail != c.mail || !slices.Equal(got.Address, c.address) {
			t.Errorf("%s: %q, %q, %q, %v", name, got.Name, got.Mail, got.Address, err)
		}
	}
}
