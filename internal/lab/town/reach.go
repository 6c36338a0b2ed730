package town

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// reached is where people are reached who have changed it. It is safe to share.
type reached struct {
	mu sync.Mutex // guards all below
	by map[int]reach
	in *Database // nil: in memory only
}

const contactTables = `
	create table if not exists contact (person integer primary key, mail text not null, phone text not null, number integer not null) strict;`

// Keep has changes of where people are reached written to a file, and reads those that are in it.
func (r *Register) Keep(ctx context.Context, in *Database) error {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	r.reached.in = in
	return in.each(ctx, `select person, mail, phone, number from contact`, func(scan func(...any) error) error {
		var person int
		var to reach
		if err := scan(&person, &to.Mail, &to.Phone, &to.number); err != nil {
			return err
		}
		r.reached.by[person] = to
		return nil
	})
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
func (r *Register) reach(ctx context.Context, i int, to reach) error {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	if to.number < r.reached.by[i].number {
		return nil
	}
	if r.reached.in != nil {
		err := r.reached.in.set(ctx, `insert into contact (person, mail, phone, number) values ($1, $2, $3, $4)
			on conflict (person) do update set mail = excluded.mail, phone = excluded.phone, number = excluded.number`, i, to.Mail, to.Phone, int64(to.number))
		if err != nil {
			return err
		}
	}
	r.reached.by[i] = to
	return nil
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
		if err := r.reach(q.Context(), i, reach{asked.Mail, asked.Phone, asked.Number}); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	mail, phone := r.Reached(i)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"mail": mail, "phone": phone}) // a client that went away needs no answer
}
