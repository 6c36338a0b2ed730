package content_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// list is a JSON answer with n people of 15 members each, about 540 bytes a person.
func list(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"total":%d,"results":[`, n)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"D%07d","civility":"Mme","name":"Le Guénnec-%d","first_names":["Anaïs","Zoé"],"birth":{"date":"1987-04-12","place":"Quimper"},`+
			`"nir":"987042923200%03d","phone":"0199000%03d","mail":"anais.%d@courriel.example","address":{"street":"12 rue de l\u2019Église","postcode":"29000","town":"Quimper"},`+
			`"status":"inscrite","since":"2026-02-03","skills":["accueil","paie","logiciel de gestion"],"notes":"Rendez-vous pris ; \"cherche\" un poste à mi-temps dans la vente, mobile 30 km.","score":%d.5,"internal":{"agency":"29012","flags":[1,2,3]}}`,
			i, i, i%1000, i%1000, i, i%100)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

var listed = content.Layout{
	Format: content.JSON,
	People: []content.Group{{
		Row:    "$.results[*]",
		Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}},
		Fields: []content.Part{
			{Field: register.Identifier, Path: "@.id"},
			{Field: register.Name, Path: "@['civility','name','first_names']"},
			{Field: register.Birth, Path: "@.birth"},
			{Field: register.NIR, Path: "@.nir"},
			{Field: register.Contact, Path: "@['phone','mail','address']"},
			{Field: register.Status, Path: "@['status','since']"},
			{Field: register.Employment, Path: "@.skills"},
			{Field: register.Note, Path: "@.notes"},
		},
	}},
	Plain: []string{"$.total"},
}

// BenchmarkJSON reads a list of 100 people, withholds one in ten and masks the
// NIR and the notes. Beside it, the same through encoding/json and maps.
func BenchmarkJSON(b *testing.B) {
	body := list(100)
	keep := func(row int) (bool, register.Fields) {
		return row%10 != 0, register.AllFields &^ (register.NIR | register.Note)
	}
	b.Run("answer", func(b *testing.B) {
		r := compile(b, listed)
		var out []byte
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			reading, err := r.Read(body)
			if err != nil {
				b.Fatal(err)
			}
			if out, err = reading.Release(out[:0], keep); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(body, &v); err != nil {
				b.Fatal(err)
			}
			var kept []any
			for i, row := range v["results"].([]any) {
				if i%10 != 0 {
					members := row.(map[string]any)
					members["nir"], members["notes"] = nil, nil
					delete(members, "score")
					delete(members, "internal")
					kept = append(kept, row)
				}
			}
			v["results"] = kept
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHTML does the same with a page of 100 people.
func BenchmarkHTML(b *testing.B) {
	var rows bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&rows, `<tr class="person"><td class="id">D%07d</td><td class="name"><a href="/dossier/D%07d">Le Guénnec-%d, Anaïs</a></td>`+
			`<td>1987-04-12</td><td><em>987042923200%03d</em></td><td class="mail"><a href="mailto:anais.%d@courriel.example">écrire</a></td><td>29000 Quimper</td></tr>`, i, i, i, i, i)
	}
	body := []byte(page(rows.String()))
	r := compile(b, found)
	var out []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		reading, err := r.Read(body)
		if err != nil {
			b.Fatal(err)
		}
		if out, err = reading.Release(out[:0], without(1, 11, 21)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCSV does the same with a file of 100 people.
func BenchmarkCSV(b *testing.B) {
	body := []byte("dossier;nom;secret;mail;session;note\n")
	for i := range 100 {
		body = fmt.Appendf(body, "D%07d;Le Guénnec-%d;29012;anais.%d@courriel.example;S1;\"Rendez-vous pris ; mi-temps\"\n", i, i, i)
	}
	r := compile(b, enrolled)
	var out []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		reading, err := r.Read(body)
		if err != nil {
			b.Fatal(err)
		}
		if out, err = reading.Release(out[:0], without(1, 11, 21)); err != nil {
			b.Fatal(err)
		}
	}
}
