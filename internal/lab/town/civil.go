package town

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"time"

	"poterne/internal/register"
)

// Civil is the person's civil status, as an identity provider of private persons tells it.
func (p Person) Civil() register.Civil {
	gender := "female"
	if p.Sex == Man {
		gender = "male"
	}
	return register.Civil{
		Family: p.Surname, Given: p.First, Birth: p.Birth.Format(time.DateOnly), Gender: gender, Birthplace: p.Birthplace.Code, Country: france,
	}
}

// france is the code of the country.
const france = "99100"

// ByCivil returns the dossier numbers of everybody who has exactly a civil status.
func (r *Register) ByCivil(civil register.Civil) ([]string, error) {
	birth, err := time.Parse(time.DateOnly, civil.Birth)
	if err != nil {
		return nil, nil // of somebody whose day of birth is not known; nobody here is
	}
	found, err := r.Search(civil.Family, birth, "")
	if err != nil {
		return nil, err
	}
	dossiers := []string{}
	for _, i := range found {
		if r.Person(i).Civil().Normal() == civil.Normal() {
			dossiers = append(dossiers, r.Dossier(i))
		}
	}
	return dossiers, nil
}

// NewCivilStatus answers who has a civil status, and where people are reached, to whoever shows
// the token.
func NewCivilStatus(r *Register, token string) http.Handler {
	mux := http.NewServeMux()
	believed := func(pattern string, serve http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			if subtle.ConstantTimeCompare([]byte(q.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			serve(w, q)
		})
	}
	believed("POST /contacts", r.contacts)
	believed("PUT /contacts", r.contacts)
	believed("POST /civil-status", func(w http.ResponseWriter, q *http.Request) {
		var civil register.Civil
		if err := json.NewDecoder(http.MaxBytesReader(w, q.Body, 4<<10)).Decode(&civil); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		found, err := r.ByCivil(civil)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string][]string{"people": found[:min(len(found), 2)]}) // a client that went away needs no answer
	})
	return mux
}
