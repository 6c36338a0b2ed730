// Command gen writes the data files that package town embeds, from public
// French statistics: the communes and their populations, and weights for the
// first names listed by rank in firstnames.txt. It is run by hand, rarely:
//
//	npm pack @etalab/decoupage-administratif@6.0.0 and take data/communes.json
//	go run ./gen communes.json
//
// Sources: INSEE, code officiel géographique, populations légales and fichier
// des prénoms, under the Licence Ouverte 2.0; communes.json comes from
// @etalab/decoupage-administratif, MIT for its code.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"slices"
	"strings"
)

//go:embed firstnames.txt
var ranks []byte

// leastPeople is the population below which a commune is left out: 5,564
// communes remain, in which four French people out of five live.
const leastPeople = 2000

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen communes.json")
	}
	if err := writeCommunes(os.Args[1], "data/communes.txt.gz"); err != nil {
		log.Fatal(err)
	}
	if err := writeFirstNames("data/firstnames.txt"); err != nil {
		log.Fatal(err)
	}
}

type commune struct {
	Code       string   `json:"code"`
	Name       string   `json:"nom"`
	Kind       string   `json:"type"`
	Region     string   `json:"region"`
	Postcodes  []string `json:"codesPostaux"`
	Population int      `json:"population"`
}

func writeCommunes(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var all []commune
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("reading %s: %w", from, err)
	}
	all = slices.DeleteFunc(all, func(c commune) bool {
		return c.Kind != "commune-actuelle" || c.Population < leastPeople || len(c.Postcodes) == 0
	})
	slices.SortFunc(all, func(a, b commune) int { return strings.Compare(a.Code, b.Code) })
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, c := range all {
		fmt.Fprintf(packed, "%s\t%s\t%s\t%s\t%d\n", c.Code, c.Name, c.Region, strings.Join(c.Postcodes, ","), c.Population)
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}

func writeFirstNames(to string) error {
	var out strings.Builder
	out.WriteString("# First names by sex and decade of birth, with how many children were given\n" +
		"# them: ranks, births and thresholds are INSEE's (fichier des prénoms, Licence\n" +
		"# Ouverte 2.0), the count of each name is read off the curve through them.\n")
	lines := bufio.NewScanner(bytes.NewReader(ranks))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		var sex, names string
		var decade, over500, over100 int
		var births float64
		if _, err := fmt.Sscan(line, &sex, &decade, &over500, &over100, &births, &names); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		given := curve(float64(over500), float64(over100), births)
		for i, name := range strings.Split(names, ",") {
			fmt.Fprintf(&out, "%s %d %s %.0f\n", sex, decade, name, given(float64(i+1)))
		}
	}
	return os.WriteFile(to, []byte(out.String()), 0o644)
}

// flat is how many ranks the head of the curve is flattened by: without it, the
// thresholds far down the list make the first names of a decade too common.
const flat = 12

// curve returns how often the name at a rank was given: top·exp(-k·ln(rank+flat)^p),
// through 500 at over500 and 100 at over100, whose sum is the births.
func curve(over500, over100, births float64) func(rank float64) float64 {
	through := func(top float64) func(float64) float64 {
		at500, at100 := math.Log(top/500), math.Log(top/100)
		p := math.Log(at100/at500) / math.Log(math.Log(over100+flat)/math.Log(over500+flat))
		k := at500 / math.Pow(math.Log(over500+flat), p)
		return func(rank float64) float64 { return top * math.Exp(-k*math.Pow(math.Log(rank+flat), p)) }
	}
	low, high := 1e3, 1e9
	for range 80 {
		top := math.Sqrt(low * high)
		given, sum := through(top), 0.0
		for rank := 1.0; rank <= 3*over100; rank++ {
			sum += given(rank)
		}
		if sum < births {
			low = top
		} else {
			high = top
		}
	}
	return through(low)
}
