package lookup_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"poterne/internal/gate"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
)

// BenchmarkName goes through a register of a million identifiers, of which one in a
// hundred is wanted.
func BenchmarkName(b *testing.B) {
	key, err := register.NewKey(bytes.Repeat([]byte{1}, register.KeyBytes))
	if err != nil {
		b.Fatal(err)
	}
	const everybody = 1_000_000
	var text strings.Builder
	text.WriteString("identifier\n")
	var wanted []register.PersonID
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range everybody {
		fmt.Fprintf(&text, "1%010d\n", i)
		if dice.IntN(100) == 0 {
			wanted = append(wanted, key.Person(fmt.Sprintf("1%010d", i)))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		search := lookup.NewSearch(slices.Clone(wanted), gate.NewDirectory(key, register.NewSchemes("dossier", nil), nil), "dossier")
		identifiers, err := lookup.NewColumn("register", strings.NewReader(text.String()), "identifier")
		if err != nil {
			b.Fatal(err)
		}
		var out bytes.Buffer
		if err := search.Run(b.Context(), identifiers, &out, func(int) {}); err != nil {
			b.Fatal(err)
		}
		if len(search.Missing()) > 0 || bytes.Count(out.Bytes(), []byte("\n")) != len(wanted)+1 {
			b.Fatal("not everybody was named")
		}
	}
	b.ReportMetric(everybody*float64(b.N)/b.Elapsed().Seconds(), "identifiers/s")
}
