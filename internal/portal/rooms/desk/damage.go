package desk

import (
	"poterne/internal/audit"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// damagedRow is a row of the database that is not as the ledger says.
type damagedRow struct {
	Row     string
	Account roster.AccountID // whose it is, when it is an account's
	Fault   string
	Entry   ledger.Number // which entry made it; 0 when none is known
}

// mostDamaged bounds the list: poterne audit has all of them.
const mostDamaged = 50

// damaged lists what an audit found.
func damaged(v visit, findings []audit.Finding) []damagedRow {
	rows := make([]damagedRow, 0, min(len(findings), mostDamaged))
	for _, f := range findings[:min(len(findings), mostDamaged)] {
		row := damagedRow{Row: f.Row.String(), Fault: v.Speaker.Say("audit." + string(f.Fault)), Entry: f.Entry}
		if f.Table == "account" {
			row.Account = roster.AccountID(f.Key)
		}
		rows = append(rows, row)
	}
	return rows
}
