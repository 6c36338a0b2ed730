package town

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The names and communes are INSEE's, under the Licence Ouverte 2.0; gen says
// how the files were made of them.

//go:embed data/surnames.txt
var surnameLines string

//go:embed data/firstnames.txt
var firstNameLines string

//go:embed data/communes.txt.gz
var communeLines []byte

// Commune is where people are born and live.
type Commune struct {
	Code      string // INSEE's
	Name      string
	Region    string // INSEE's code
	Postcodes []string
}

// Department is the commune's département.
func (c *Commune) Department() string {
	if strings.HasPrefix(c.Code, "97") || strings.HasPrefix(c.Code, "98") {
		return c.Code[:3]
	}
	return c.Code[:2]
}

// Valbourg is the small invented town where the staff work. Its people also
// live in the real communes of its département.
var valbourg = &Commune{Code: "03999", Name: "Valbourg", Region: "84", Postcodes: []string{"03999"}}

// name is a surname or a first name, with its letters only, for comparing.
type name struct{ text, folded string }

// tables are what people are drawn from.
type tables struct {
	surnames   weighted[int] // numbers of surnameOf
	surnameOf  []name
	surnameNo  map[string]int // by folded text
	firstNames map[Sex]map[int]*weighted[name]
	communes   weighted[*Commune]
	basin      weighted[*Commune] // Valbourg and around
}

// loadTables reads the embedded files, once. They are ours: a line that cannot
// be read is a fault of the build.
var loadTables = sync.OnceValue(func() *tables {
	t := &tables{
		surnameNo:  map[string]int{},
		firstNames: map[Sex]map[int]*weighted[name]{Woman: {}, Man: {}},
	}
	for line := range dataLines(surnameLines) {
		text, count, _ := strings.Cut(line, " ")
		n := newName(strings.ReplaceAll(text, "_", " "))
		t.surnameNo[n.folded] = len(t.surnameOf)
		t.surnames.add(len(t.surnameOf), number(count))
		t.surnameOf = append(t.surnameOf, n)
	}
	for line := range dataLines(firstNameLines) {
		part := strings.Fields(line)
		decades, decade := t.firstNames[Sex(strings.ToUpper(part[0]))], number(part[1])
		if decades[decade] == nil {
			decades[decade] = &weighted[name]{}
		}
		decades[decade].add(newName(part[2]), number(part[3]))
	}
	around := 0
	for line := range dataLines(unpacked(communeLines)) {
		part := strings.Split(line, "\t")
		c := &Commune{Code: part[0], Name: part[1], Region: part[2], Postcodes: strings.Split(part[3], ",")}
		people := number(part[4])
		t.communes.add(c, people)
		if c.Department() == valbourg.Department() {
			t.basin.add(c, people)
			around += people
		}
	}
	t.basin.add(valbourg, around)
	return t
})

// firstName draws among the first names given to children of that sex in the
// decade of their birth; a decade begins in its year 1.
func (t *tables) firstName(sex Sex, year int, d *dice) name {
	return t.firstNames[sex][min(max((year-1)/10*10+1, 1961), 2001)].pick(d)
}

func dataLines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			if line := lines.Text(); line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

func unpacked(packed []byte) string {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Errorf("town: embedded communes: %w", err))
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		panic(fmt.Errorf("town: embedded communes: %w", err))
	}
	return string(text)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Errorf("town: embedded data: %w", err))
	}
	return n
}

func newName(text string) name { return name{text: text, folded: fold(text)} }

// fold keeps the letters of a name, small and without accents, so that "Le
// Gall", "LE GALL" and "le gall" are one name.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
}

// weighted is drawn from in proportion to the weights.
type weighted[T any] struct {
	items []T
	upTo  []int // running sum of weights
}

func (w *weighted[T]) add(item T, weight int) {
	sum := weight
	if n := len(w.upTo); n > 0 {
		sum += w.upTo[n-1]
	}
	w.items = append(w.items, item)
	w.upTo = append(w.upTo, sum)
}

func (w *weighted[T]) pick(d *dice) T {
	at := d.below(w.upTo[len(w.upTo)-1])
	return w.items[sort.SearchInts(w.upTo, at+1)]
}

// dice throw numbers that depend on nothing but where they start (SplitMix64).
// They are not for secrets.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// below throws a number from 0 to n-1.
func (d *dice) below(n int) int {
	high, _ := bits.Mul64(d.next(), uint64(n))
	return int(high)
}

// unit throws a number from 0 to 1, without 1.
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func pick[T any](d *dice, among []T) T { return among[d.below(len(among))] }

// shuffled returns items in an order that only the dice decide.
func shuffled[T any](d *dice, items []T) []T {
	items = slices.Clone(items)
	for i := len(items) - 1; i > 0; i-- {
		j := d.below(i + 1)
		items[i], items[j] = items[j], items[i]
	}
	return items
}

// capitalised writes a surname of the table as people sign: "Le Gall".
func capitalised(surname string) string {
	text, start := []byte(strings.ToLower(surname)), true
	for i, b := range text {
		if start && 'a' <= b && b <= 'z' {
			text[i] -= 'a' - 'A'
		}
		start = b == ' ' || b == '-'
	}
	return string(text)
}
