package person_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
)

// marie is a civil status as FranceConnect tells it.
var marie = register.Civil{Family: "DELÔRME-LŒUIL", Given: "Marie  Hélène", Birth: "1991-02-03", Gender: "female", Birthplace: "2a004", Country: "99100"}

// registry is a register that answers what it is told to.
type registry struct {
	people []string
	asked  []register.Civil
}

func (r *registry) Find(_ context.Context, civil register.Civil) ([]string, error) {
	r.asked = append(r.asked, civil)
	return r.people, nil
}

// written keeps the entries of what is done.
type written struct{ entries []ledger.Entry }

func (w *written) Turn(context.Context, int, func(*journal.Tx) error) error {
	w.entries = append(w.entries, ledger.Entry{})
	return nil
}

func pseudonym(identifier string) (register.PersonID, error) {
	return register.PersonID{identifier[0]}, nil
}

func TestNobodyAndSeveralAreOneAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		people []string
		civil  register.Civil
		one    bool
	}{
		"one person":                     {[]string{"7"}, marie, true},
		"nobody":                         {nil, marie, false},
		"two people with one identity":   {[]string{"7", "8"}, marie, false},
		"without a first name":           {[]string{"7"}, register.Civil{Family: "A", Birth: marie.Birth, Gender: "female", Country: "99100"}, false},
		"born on a day nobody knows":     {[]string{"7"}, register.Civil{Family: "A", Given: "B", Birth: "1991", Gender: "male", Country: "99100"}, false},
		"of no place":                    {[]string{"7"}, register.Civil{Family: "A", Given: "B", Birth: marie.Birth, Gender: "male"}, false},
		"born abroad, of a country only": {[]string{"7"}, register.Civil{Family: "A", Given: "B", Birth: marie.Birth, Gender: "male", Country: "99352"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			register, ledger := &registry{people: test.people}, new(written)
			got, _, err := person.Matching{Register: register, Journal: ledger, Person: pseudonym}.Match(t.Context(), test.civil, "other")
			if test.one != (err == nil) || !test.one && !fault.Is(err, fault.Absent) || test.one == got.IsZero() {
				t.Errorf("%v, %v", got.IsZero(), err)
			}
			if len(ledger.entries) != 1 {
				t.Errorf("%d entries were written", len(ledger.entries))
			}
		})
	}
}

func TestACivilStatusIsComparedWithoutAccents(t *testing.T) {
	want := register.Civil{Family: "DELORME LOEUIL", Given: "MARIE HELENE", Birth: "1991-02-03", Gender: "female", Birthplace: "2A004", Country: "99100"}
	if got := marie.Normal(); got != want {
		t.Errorf("%q %q %q", got.Family, got.Given, got.Birthplace)
	}
}

func TestTheRegisterIsAskedWithItsTokenAndBelievedOnlyWhenItAnswers(t *testing.T) {
	answer, status := `{"people": ["7", "8"]}`, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" || r.Method != http.MethodPost {
			t.Errorf("asked by %s with %q", r.Method, r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	remote := person.Remote{Address: address, Token: "token"}
	if found, err := remote.Find(t.Context(), marie); err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found, err)
	}
	for _, status = range []int{http.StatusFound, http.StatusUnauthorized, http.StatusInternalServerError} {
		if _, err := remote.Find(t.Context(), marie); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%d: %v", status, err)
		}
	}
	status = http.StatusOK
	for _, answer = range []string{"<html>", "{}", `{"error": "maintenance"}`, `{"people": "7"}`, "null"} { // a mandate would end of whom it does not name
		if found, err := remote.Find(t.Context(), marie); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s is taken for an answer: %q, %v", answer, found, err)
		}
	}
	for _, answer = range []string{`{"people": []}`, `{"people": null, "took": 3}`} {
		if found, err := remote.Find(t.Context(), marie); err != nil || len(found) > 0 {
			t.Errorf("%s: %q, %v", answer, found, err)
		}
	}
}

// However a keyboard, a document or another system spells a name, it is the same one: what nobody sees between two
// letters, letters that are written wide or as one, and whichever apostrophe. What is seen to differ differs.
//
// Promise: PERSON-1
func TestPERSON_1_ANameIsTheSameHoweverItIsSpelt(t *testing.T) {
	same := map[string][]string{
		"D ARTAGNAN OBRIEN": {"d'Artagnan Obrien", "d’Artagnan Obrien", "dʼArtagnan Obrien", "D´ARTAGNAN OBRIEN", "D-Artagnan Obrien", "d\u2010Artagnan\u00a0Obrien", "D'Arta\u00adgnan O\u200dbrien", "\ufeffd'Artagnan Obrien\u200e"},
		"FIFFEL OE LEFEVRE": {"Fiffel Œ Lefèvre", "\ufb01ffel œ Lefe\u0300vre", "ＦＩＦＦＥＬ Œ Lefèvre"},
		"STRASSE AE LUKASZ": {"Straße Æ Łukasz", "STRASSE ae łukasz", "STRAẞE æ Lukasz"},
		"DIYARBAKIR":        {"Diyarbakır", "DİYARBAKIR"},
	}
	for want, spellings := range same {
		for _, name := range spellings {
			if got := (register.Civil{Family: name}).Normal().Family; got != want {
				t.Errorf("%+q is read as %q, not %q", name, got, want)
			}
		}
	}
	for one, other := range map[string]string{"DUPONT": "DU PONT", "LE BRUN": "LEBRUN", "DUРONT": "DUPONT"} {
		if (register.Civil{Family: one}).Normal() == (register.Civil{Family: other}).Normal() {
			t.Errorf("%q and %q are one", one, other)
		}
	}
}
