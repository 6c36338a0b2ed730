package town_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/fault"
	"poterne/internal/lab/town"
)

var update = flag.Bool("update", false, "write the golden files anew")

func people(t testing.TB, size int) *town.Register {
	t.Helper()
	r, err := town.NewRegister("test", size)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// spelled writes out everything about a person but the way they print.
func spelled(p town.Person) string {
	var notes strings.Builder
	for _, n := range p.Notes {
		fmt.Fprintf(&notes, "  %s %s: %s\n", n.On.Format(time.DateOnly), n.By, n.Text)
	}
	return fmt.Sprintf("%d %s %s %s\n  %s %s %s, born %s at %s\n  NIR %s, %s\n  %s, %s %s\n  %s since %s, seeks %s %s, %d years\n%s",
		p.Index, p.Dossier, p.FT, p.Mail, p.Sex, p.First, p.Surname, p.Birth.Format(time.DateOnly), p.Birthplace.Name,
		p.NIR, p.Phone, p.Street, p.Postcode, p.Commune.Name,
		p.Status, p.Since.Format(time.DateOnly), p.Sought.Code, p.Sought.Label, p.Experience, notes.String())
}

func TestTheSameSeedGivesTheSamePeople(t *testing.T) {
	var got strings.Builder
	r := people(t, town.National)
	for _, i := range []int{0, 1, 23_999, 99_999, 42_999_999} {
		got.WriteString(spelled(r.Person(i)))
	}
	const file = "testdata/people.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("people changed:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestASizeDoesNotChangeWhoSomebodyIs(t *testing.T) {
	small, large := people(t, 100), people(t, town.National)
	for i := range small.Size() {
		if spelled(small.Person(i)) != spelled(large.Person(i)) {
			t.Fatalf("person %d differs between sizes", i)
		}
	}
}

func TestEveryIdentifierLeadsBackToItsPersonAndOthersToNobody(t *testing.T) {
	r := people(t, town.National)
	smaller := people(t, 1000)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, town.National-1).Draw(t, "person")
		for _, scheme := range []string{town.SchemeDossier, town.SchemeFT, town.SchemeMail} {
			identifier := r.Identifier(scheme, i)
			if got, ok := r.Lookup(scheme, " "+strings.ToLower(identifier)); !ok || got != i {
				t.Fatalf("%s of person %d leads to %d, %v", scheme, i, got, ok)
			}
			if _, ok := smaller.Lookup(scheme, identifier); ok != (i < 1000) {
				t.Fatalf("%s of person %d found in a register of 1000: %v", scheme, i, ok)
			}
		}
	})
}

func TestIdentifiersAreSparseAndNeverSequential(t *testing.T) {
	r := people(t, town.Demo)
	rapid.Check(t, func(t *rapid.T) {
		guess := rapid.Uint64Range(0, 1<<36-1).Draw(t, "guess")
		for _, letter := range "ABCDEFGHJKLMNPQRSTUVWXY" {
			if i, ok := r.ByDossier(fmt.Sprintf("%011d%c", guess, letter)); ok && i >= town.Demo {
				t.Fatal("a number leads out of the register")
			}
		}
	})
	hits := 0
	for guess := range uint64(50_000) {
		number := fmt.Sprintf("%011d", guess*1_327_111)
		for _, letter := range "ABCDEFGHJKLMNPQRSTUVWXY" {
			if _, ok := r.ByDossier(number + string(letter)); ok {
				hits++
			}
		}
	}
	if hits > 3 { // 50,000 numbers, one in 687,000 taken
		t.Errorf("%d guesses of 50,000 hit somebody", hits)
	}
	for i := range 1000 {
		if r.Dossier(i)[:8] == r.Dossier(i + 1)[:8] {
			t.Errorf("people %d and %d have neighbouring dossier numbers", i, i+1)
		}
	}
}

func TestAWrongLetterOrTwoExchangedDigitsAreNobody(t *testing.T) {
	r := people(t, town.Demo)
	for i := range 200 {
		number := []byte(r.Dossier(i))
		for _, letter := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
			wrong := string(number[:11]) + string(letter)
			if _, ok := r.ByDossier(wrong); ok != (wrong == string(number)) {
				t.Fatal("another letter must lead to nobody")
			}
		}
		for at := range 10 {
			wrong := append([]byte(nil), number...)
			wrong[at], wrong[at+1] = wrong[at+1], wrong[at]
			if _, ok := r.ByDossier(string(wrong)); ok && string(wrong) != string(number) {
				t.Fatal("exchanged digits must lead to nobody")
			}
		}
	}
	for _, nonsense := range []string{"", "A", "00000000000", "é2345678901A", "-0000000001A", "+0000000001B", "999999999999Z"} {
		if _, ok := r.ByDossier(nonsense); ok {
			t.Errorf("%q leads to somebody", nonsense)
		}
	}
	for _, nonsense := range []string{"", "@", "a@b", "claire.martin@courriel.example", strings.Replace(r.Mail(3), "@", "@x", 1), "x" + r.Mail(3)} {
		if _, ok := r.ByMail(nonsense); ok {
			t.Errorf("%q leads to somebody", nonsense)
		}
	}
}

func TestNobodyInTheTownCouldBeReal(t *testing.T) {
	r := people(t, town.National)
	phone := regexp.MustCompile(`^(01 99 00|02 61 91|03 53 01|04 65 71|05 36 49|06 39 98) \d\d \d\d$`)
	mail := regexp.MustCompile(`^[a-z]+\.[a-z]+\.[0-9a-z]{6}@[a-z]+\.example$`)
	rapid.Check(t, func(t *rapid.T) {
		p := r.Person(rapid.IntRange(0, town.National-1).Draw(t, "person"))
		if p.NIR[0] != '9' || !town.ValidNIR(p.NIR) {
			t.Fatalf("a NIR could be issued, or has a wrong key")
		}
		if want := p.Birth.Format("0601") + p.Birthplace.Code; p.NIR[1:10] != want {
			t.Fatalf("the NIR says %s, the person %s", p.NIR[1:10], want)
		}
		if !phone.MatchString(p.Phone) {
			t.Fatalf("%s is not kept for fiction", p.Phone)
		}
		if !mail.MatchString(p.Mail) {
			t.Fatalf("%s is not under .example", p.Mail)
		}
		if y := p.Birth.Year(); y < 1959 || y > 2009 {
			t.Fatalf("born in %d", y)
		}
		if p.Since.Before(p.Birth.AddDate(16, 0, 0)) && p.Since.Before(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)) {
			t.Fatalf("registered as a child")
		}
		for _, n := range p.Notes {
			if n.On.Before(p.Since) {
				t.Fatal("a note is older than the file")
			}
		}
	})
}

func TestAboutSixMillionOfFortyThreeAreFollowed(t *testing.T) {
	r := people(t, town.National)
	const sample = 5_000
	count := map[town.Status]int{}
	for i := range sample {
		count[r.Person(i*8000).Status]++
	}
	if n := count[town.Registered] * 43 / sample; n < 5 || n > 7 {
		t.Errorf("%v of %d", count, sample)
	}
}

func TestFirstNamesAreOfTheirTime(t *testing.T) {
	r := people(t, town.Demo)
	nathalie, lea := map[bool]int{}, map[bool]int{}
	for i := 0; i < r.Size(); i += 4 {
		p := r.Person(i)
		old := p.Birth.Year() <= 1970
		switch p.First {
		case "Nathalie":
			nathalie[old]++
		case "Léa":
			lea[old]++
		}
	}
	if nathalie[true] < nathalie[false] || lea[true] > 0 || lea[false] < 50 { // 12 years against 39
		t.Errorf("Nathalie old/young %v, Léa %v", nathalie, lea)
	}
}

func TestNobodyIsPrinted(t *testing.T) {
	p := people(t, 10).Person(3)
	for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%+v %#v %s %q %d %x", p, p, p, p, p, p), fmt.Sprint(&p), fmt.Sprint([]town.Person{p})} {
		if strings.Contains(text, p.Surname) || strings.Contains(text, p.NIR) {
			t.Errorf("a person leaks into %q", text)
		}
	}
}

func TestASearchFindsTheExactPersonOnly(t *testing.T) {
	r := people(t, 20_000)
	for i := 0; i < r.Size(); i += 397 {
		p := r.Person(i)
		found, err := r.Search(strings.ToLower(p.Surname), p.Birth, strings.ToUpper(p.First))
		if err != nil || !slices.Contains(found, i) {
			t.Fatalf("person %d is not found: %v", i, err)
		}
		for _, other := range found {
			if q := r.Person(other); q.Surname != p.Surname || !q.Birth.Equal(p.Birth) || q.First != p.First {
				t.Fatalf("a search for person %d also finds %d", i, other)
			}
		}
		if wide, _ := r.Search(p.Surname, p.Birth, ""); !slices.Contains(wide, i) {
			t.Fatalf("person %d is not found without the first name", i)
		}
		if none, _ := r.Search(p.Surname, p.Birth, "Zénobie"); len(none) > 0 {
			t.Fatal("another first name must find nobody")
		}
	}
	for _, surname := range []string{"", "*", "M", "MART", "%"} {
		if found, err := r.Search(surname, r.Person(0).Birth, ""); err != nil || len(found) > 0 {
			t.Errorf("%q finds %d people, %v", surname, len(found), err)
		}
	}
}

func TestALargeRegisterSaysThatItIsNotSearchedByName(t *testing.T) {
	_, err := people(t, town.National).Search("MARTIN", time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), "")
	if !errors.Is(err, town.ErrNotIndexed) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestARegisterHasASize(t *testing.T) {
	for _, size := range []int{-1, 0, 1<<30 + 1} {
		if _, err := town.NewRegister("test", size); err == nil {
			t.Errorf("a register of %d must be refused", size)
		}
	}
}

func BenchmarkPerson(b *testing.B) {
	r := people(b, town.National)
	for i := 0; b.Loop(); i = (i + 7919) % town.National {
		_ = r.Person(i)
	}
}

func BenchmarkByDossier(b *testing.B) {
	r := people(b, town.National)
	number := r.Dossier(12345)
	for b.Loop() {
		_, _ = r.ByDossier(number)
	}
}

func BenchmarkIndexOfTheDemo(b *testing.B) {
	for b.Loop() {
		if _, err := people(b, town.Demo).Search("MARTIN", time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), ""); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNIRKey(t *testing.T) {
	for body, want := range map[string]int{"2550814168025": 38, "1780599330108": 17, "185052A004123": 56, "290112B033045": 62} {
		if got, err := town.NIRKey(body); err != nil || got != want {
			t.Errorf("key of %s = %d, %v; want %d", body, got, err, want)
		}
	}
	if !town.ValidNIR("2 55 08 14 168 025 38") || town.ValidNIR("255081416802539") {
		t.Error("a key must be right")
	}
	if _, err := town.NIRKey("12345"); err == nil {
		t.Error("a short NIR must be refused")
	}
}
