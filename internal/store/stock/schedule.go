package stock

import (
	"context"
	"fmt"

	"poterne/internal/ledger/retention"
	"poterne/internal/seal"
)

// Setting is how long entries are kept, which was set.
func Setting(s retention.Setting) Change {
	row := seal.NewRow("retention").Int(int64(s.Since)).Int(int64(s.Months)).Text(s.Reason)
	return Change{Part{Table: "retention"}, row, seal.Item{Key: seal.KeyOf(fmt.Sprint(s.Since))}, false}
}

// Hold is a hold that was placed, or that another row takes the place of as it is released.
func Hold(h retention.Hold, gone bool) Change {
	row := seal.NewRow("hold").Int(int64(h.Number)).Int(int64(h.Since)).Int(int64(h.Until)).Text(h.Because).Text(string(h.By)).Text(string(h.Approver)).Int(int64(h.Release))
	return Change{Part{Table: "hold"}, row, seal.Item{Key: seal.KeyOf(fmt.Sprint(h.Number))}, gone}
}

// Altered returns the tables of which what was set and held is not what the inventories say that nodes wrote.
func Altered(ctx context.Context, q Querier, keys *seal.Keys, digest []byte, s retention.Schedule) (tables []string, err error) {
	var rows []Change
	for _, one := range s.Settings {
		rows = append(rows, Setting(one))
	}
	for _, one := range s.Holds {
		rows = append(rows, Hold(one, false))
	}
	for _, table := range []string{"retention", "hold"} {
		read, err := Read(ctx, q, keys, digest, table, []int{0})
		if err != nil {
			return nil, err
		}
		says := read[Part{Table: table}]
		there := says.Empty()
		for _, c := range rows {
			if c.Table == table {
				there.Put(c.Row, c.Item)
			}
		}
		if !says.Against(there).None() {
			tables = append(tables, table)
		}
	}
	return tables, nil
}
