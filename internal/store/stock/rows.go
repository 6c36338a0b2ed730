package stock

import (
	"encoding/hex"
	"time"

	"poterne/internal/intake"
	"poterne/internal/reason"
	"poterne/internal/seal"
)

// What is said of each row that has an inventory, beside its columns.

// Fact is a fact that was put, or is gone. One that an audit put back is known by the row that it stands for.
func Fact(row *seal.Row, f reason.Fact, gone bool) Change {
	item := seal.Item{Key: seal.KeyOf(f.Source + "\n" + f.ID), Of: f.Person, Kind: byte(f.Kind), Until: f.Until.UnixMicro()}
	if key, err := hex.DecodeString(f.ID); f.Source == intake.Restored && err == nil && len(key) == len(item.Key) {
		item.Key = [8]byte(key) // of the row in whose place it is
	}
	return Change{PartOf("fact", f.Person), row, item, gone}
}

// Cover is a cover that was put, or is gone.
func Cover(row *seal.Row, c reason.CoverDuty, gone bool) Change {
	return Change{Part{Table: "cover"}, row, seal.Item{Key: seal.KeyOf(c.Source + "\n" + c.ID), Until: c.Until.UnixMicro()}, gone}
}

// Alias is an alias that was put, or is gone, and when it was told.
func Alias(row *seal.Row, a intake.Alias, told time.Time, gone bool) Change {
	return Change{PartOf("alias", a.Alias), row, seal.Item{Key: seal.KeyOf(string(a.Alias[:])), Of: a.Person, Until: told.UnixMicro()}, gone}
}
