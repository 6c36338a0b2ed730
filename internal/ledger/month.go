package ledger

import (
	"fmt"
	"time"

	"poterne/internal/fault"
)

// Month is a period of the ledger, in UTC: its year and month as 202611. The ledger
// is kept by months, and dropped by whole months.
type Month uint32

// MonthOf is the month that a time is in.
func MonthOf(t time.Time) Month {
	t = t.UTC()
	return Month(t.Year()*100 + int(t.Month()))
}

// ParseMonth reads "2026-11".
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return 0, &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf("%q is not a month; write it like 2026-11", text)}
	}
	return MonthOf(t), nil
}

// Begins is the first moment of the month.
func (m Month) Begins() time.Time {
	return time.Date(int(m/100), time.Month(m%100), 1, 0, 0, 0, 0, time.UTC)
}

// Plus is the month so many months later.
func (m Month) Plus(months int) Month { return MonthOf(m.Begins().AddDate(0, months, 0)) }

// MonthsAfter is the same day and hour in UTC so many months later, or that month's last day when it has no such day.
func MonthsAfter(t time.Time, months int) time.Time {
	t = t.UTC()
	then := t.AddDate(0, months, 0)
	if then.Day() != t.Day() { // the month is shorter: AddDate ran into the one after
		then = then.AddDate(0, 0, -then.Day())
	}
	return then
}

func (m Month) String() string { return m.Begins().Format("2006-01") }

// MarshalText writes the month as ParseMonth reads it.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMonth.
func (m *Month) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMonth(string(text))
	return err
}
