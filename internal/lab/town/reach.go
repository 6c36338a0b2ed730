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
	create table if not exists contact (person integer primary key, mail text not null, phone text not null, post text not null, number integer not null) strict;`

// Keep has changes of where people are reached written to a file, and reads those that are in it.
func (r *Register) Keep(ctx context.Context, in *Database) error {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	r.reached.in = in
	return in.each(ctx, `select person, mail, phone, post, number from contact`, func(scan func(...any) error) error {
		var person int
		var to reach
		if err := scan(&person, &to.Mail, &to.Phone, &to.Post, &to.number); err != nil {
			return err
		}
		r.reached.by[person] = to
		return nil
	})
}

type reach struct {
	Mail, Phone, Post string
	number            uint64 // of the change: an older one comes too late
}

// Reached is where person i is reached: by mail, and by telephone. Their identifiers, of which
// an address is one, do not change with it.
func (r *Register) Reached(i int) (mail, phone string) {
	now := r.reach(i)
	return now.Mail, now.Phone
}

// Post is the postal address of person i, in lines.
func (r *Register) Post(i int) string { return r.reach(i).Post }

// reach is where person i is reached. Of one person in sixteen no mail address was ever confirmed; of
// one in four hundred, no postal address is known.
func (r *Register) reach(i int) reach {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	if now, changed := r.reached.by[i]; changed {
		return now
	}
	p := r.Person(i)
	now := reach{Mail: p.Mail, Phone: p.Phone, Post: p.Street + "\n" + p.Postcode + " " + p.Commune.Name}
	if i%16 == 7 {
		now.Mail = ""
	}
	if i%400 == 7 {
		now.Post = ""
	}
	return now
}

// move takes a change, unless a later one was taken.
func (r *Register) move(ctx context.Context, i int, to reach) error {
	r.reached.mu.Lock()
	defer r.reached.mu.Unlock()
	if to.number < r.reached.by[i].number {
		return nil
	}
	if r.reached.in != nil {
		err := r.reached.in.set(ctx, `insert into contact (person, mail, phone, post, number) values ($1, $2, $3, $4, $5)
			on conflict (person) do update set mail = excluded.mail, phone = excluded.phone, post = excluded.post, number = excluded.number`, i, to.Mail, to.Phone, to.Post, int64(to.number))
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
		Person            string
		Number            uint64
		Mail, Phone, Post string
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
		if err := r.move(q.Context(), i, reach{asked.Mail, asked.Phone, asked.Post, asked.Number}); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	now := r.reach(i)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"name": r.Person(i).Name(), "mail": now.Mail, "phone": now.Phone, "post": now.Post}) // a client that went away needs no answer
}
