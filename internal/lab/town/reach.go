package town

import (
	"encoding/json"
	"net/http"
	"sync"
)

// reached is where people are reached who have changed it. It is safe to share.
type reached struct {
	mu sync.Mutex // guards by
	by map[int]reach
}

type reach struct {
	Mail, Phone string
	number      uint64 // of the change: an older one comes too late
}

// Reached is where person i is reached: by mail, and by telephone. Their identifiers, of which
// an address is one, do not change with it.
func (r *Register) Reached(i int) (mail, phone string) {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	if now, changed := r.reached.by[i]; changed {
		return now.Mail, now.Phone
	}
	p := r.Person(i)
	return p.Mail, p.Phone
}

// reach takes a change, unless a later one was taken.
func (r *Register) reach(i int, to reach) {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	if to.number >= r.reached.by[i].number {
		r.reached.by[i] = to
	}
}

// contacts answers where a person is reached, by POST, and takes a change of it, by PUT.
func (r *Register) contacts(w http.ResponseWriter, q *http.Request) {
	var asked struct {
		Person      string
		Number      uint64
		Mail, Phone string
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, q.Body, 4<<10)).Decode(&asked); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	i, known := r.ByDossier(asked.Person)
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if q.Method == http.MethodPut {
		r.reach(i, reach{asked.Mail, asked.Phone, asked.Number})
		w.WriteHeader(http.StatusNoContent)
		return
	}
	mail, phone := r.Reached(i)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"mail": mail, "phone": phone}) // a client that went away needs no answer
}
