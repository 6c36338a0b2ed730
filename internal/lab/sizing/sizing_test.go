package sizing

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The figures that the sizes are made from are those that the pages tell as measured.
func TestTheFiguresAreThoseThatWereMeasured(t *testing.T) {
	scale, err := os.ReadFile("../../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{
		fmt.Sprintf("| %d bytes", ledgerBytes), fmt.Sprintf("| %d bytes", indexBytes), fmt.Sprintf("| %d µs", oneFile/time.Microsecond), fmt.Sprintf("| %d µs", oneRow/time.Microsecond),
		fmt.Sprintf("| %.1f KiB", float64(adviser)/1024), fmt.Sprintf("| %d KiB", callCentre>>10), fmt.Sprintf("| %.1f s", float64(readAgain)/float64(time.Microsecond)),
		fmt.Sprintf("| %.2f to %.2f", townSigns, hardSigns), fmt.Sprintf("| %.2f to %.2f", townSteps, hardSteps), fmt.Sprintf("| %d |", OfTheTown),
	} {
		if !strings.Contains(string(scale), told) {
			t.Errorf("docs/scale.md has no %q", told)
		}
	}
	performance, err := os.ReadFile("../../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"288 µs", "34 µs each", "7.3 KiB for an adviser, 22 at a desk, 26 in a call centre", "22 bytes an entry", "5.3 seconds a million"} {
		if !strings.Contains(string(performance), told) {
			t.Errorf("docs/performance.md has no %q", told)
		}
	}
}

func TestSizesOfABody(t *testing.T) {
	var said strings.Builder
	b := Body{Accounts: 60_000, Openings: OfTheTown, Months: 12}
	if !b.Sensible() {
		t.Fatal("no such body")
	}
	if err := b.Write(&said); err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(said.String(), "\u202f", ",")
	for _, want := range []string{"2,280,000 a day", "12 GB a month", "144 GB for 12 months", "931 MB to 2.08 GB", "4m2s", "0.01 to 0.036 cores", "1,320 to 5,250 hours a month"} {
		if !strings.Contains(plain, want) {
			t.Errorf("it does not say %q:\n%s", want, plain)
		}
	}
	for _, wrong := range []Body{{}, {Accounts: -1, Openings: 1, Months: 1}, {Accounts: 1, Months: 1}, {Accounts: 1, Openings: 1}, {Accounts: 1 << 40, Openings: 1, Months: 1}} {
		if wrong.Sensible() {
			t.Errorf("%+v is a body", wrong)
		}
	}
}
