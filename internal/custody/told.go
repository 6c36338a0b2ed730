package custody

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
)

// ToldMonth is a month as it is told, to people and as JSON.
type ToldMonth struct {
	Month     string          `json:"month"`
	First     ledger.Number   `json:"first"`
	Entries   int64           `json:"entries"`
	Bytes     *int64          `json:"bytes,omitempty"`
	State     retention.State `json:"state"`
	Term      int             `json:"months"`
	Due       time.Time       `json:"due"`
	Holds     []ledger.Number `json:"holds,omitempty"`
	DroppedBy *ledger.Number  `json:"dropped_by,omitempty"`
	DroppedAt *time.Time      `json:"dropped_at,omitempty"`
}

// Said is where a month stands, in words.
func (m ToldMonth) Said() string {
	switch m.State {
	case retention.Open:
		return "open"
	case retention.Closed:
		return "closed, due on " + day(m.Due)
	case retention.Held:
		return fmt.Sprintf("held by %s; its term ends on %s", numbers(m.Holds), day(m.Due))
	case retention.Waiting:
		return fmt.Sprintf("its term ended on %s; it stays while an older month does", day(m.Due))
	case retention.Doubted:
		return fmt.Sprintf("its term ended on %s by the clock, but the ledger leapt over months: it stays until it has lived through %d of them", day(m.Due), m.Term)
	case retention.Due:
		return "due since " + day(m.Due)
	}
	said := fmt.Sprintf("dropped by entry %d", *m.DroppedBy)
	if m.DroppedAt != nil {
		said += " on " + day(*m.DroppedAt)
	}
	return said
}

// TellMonth is a month as it is told.
func TellMonth(m retention.Month) ToldMonth {
	told := ToldMonth{Month: m.String(), First: m.First, Entries: m.Entries(), State: m.State, Term: m.Term, Due: m.Due, Holds: m.Holds}
	if m.Dropped {
		told.DroppedBy = &m.By
	}
	return told
}

func numbers(list []ledger.Number) string {
	texts := make([]string, len(list))
	for i, number := range list {
		texts[i] = strconv.FormatUint(uint64(number), 10)
	}
	return strings.Join(texts, ", ")
}

func day(t time.Time) string { return t.Format(time.DateOnly) }

// PrintMonths prints where each month stands, with its bytes where they were weighed, and then
// what is held.
func PrintMonths(out io.Writer, schedule retention.Schedule, months []ToldMonth, sizes bool) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "MONTH\tENTRIES\t")
	if sizes {
		fmt.Fprint(table, "BYTES\t")
	}
	fmt.Fprintln(table, "STATE")
	for _, m := range months {
		fmt.Fprintf(table, "%s\t%d\t", m.Month, m.Entries)
		switch {
		case sizes && m.Bytes != nil:
			fmt.Fprintf(table, "%d\t", *m.Bytes)
		case sizes:
			fmt.Fprint(table, "\t")
		}
		fmt.Fprintln(table, m.Said())
	}
	_ = table.Flush()
	kept := fmt.Sprintf("%d months", schedule.Now().Months)
	if reason := schedule.Now().Reason; reason != "" {
		kept += ": " + reason
	}
	fmt.Fprintf(out, "what is written now is kept %s\n", kept)
	for _, hold := range schedule.Holds {
		if !hold.Released {
			fmt.Fprintf(out, "hold %d, by %s: %s; approved by %s; %s\n", hold.Number, hold.By, hold.Range(), hold.Approver, hold.Because)
		}
	}
}

// ToldSchedule is the terms and holds, and the months, as JSON.
type ToldSchedule struct {
	Term   int              `json:"months"`
	Reason string           `json:"reason,omitempty"`
	Holds  []retention.Hold `json:"holds"`
	Months []ToldMonth      `json:"ledger"`
}

// Told is a schedule as JSON.
func Told(schedule retention.Schedule, months []ToldMonth) ToldSchedule {
	return ToldSchedule{schedule.Now().Months, schedule.Now().Reason, append([]retention.Hold{}, schedule.Holds...), months}
}
