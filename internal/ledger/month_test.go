package ledger_test

import (
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

func TestAMonthIsThatOfUTC(t *testing.T) {
	paris := time.FixedZone("Paris", 3600)
	if got := ledger.MonthOf(time.Date(2027, 1, 1, 0, 30, 0, 0, paris)); got != 202612 {
		t.Errorf("half past midnight in Paris is in %d", got)
	}
	december := ledger.Month(202612)
	if next := december.Plus(1); next != 202701 || next.Plus(-13) != 202512 || december.String() != "2026-12" {
		t.Errorf("after %s comes %s", december, next)
	}
	if got := december.Begins(); !got.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("it begins at %s", got)
	}
}

func TestAMonthIsReadAsItIsWritten(t *testing.T) {
	if got, err := ledger.ParseMonth("2026-11"); err != nil || got != 202611 {
		t.Errorf("read as %d, %v", got, err)
	}
	for _, text := range []string{"", "2026", "2026-13", "2026-11-01", "november"} {
		if got, err := ledger.ParseMonth(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is read as %s, %v", text, got, err)
		}
	}
}
