package intake

import (
	"context"
	"io"

	"poterne/internal/journal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Aliases takes in the identifiers that other systems have for people. The register's own
// need none.
type Aliases struct {
	Writer  journal.Writer
	By      roster.AccountID
	Key     register.Key
	Schemes register.Schemes
}

var aliasColumns = []string{"scheme", "identifier", "register_identifier"}

// Take reads aliases. The report is right even when there is an error: that many
// lines were kept before it.
func (in Aliases) Take(ctx context.Context, format Format, from io.Reader, said Said) (Report, error) {
	return take(ctx, format, aliasColumns, from, said, func(records []record) ([]Rejection, error) {
		return in.keep(ctx, records)
	})
}

func (in Aliases) keep(ctx context.Context, records []record) (rejected []Rejection, err error) {
	batch := AliasBatch{By: in.By}
	for _, r := range records {
		ref := r.reference(in.Schemes, r.need("scheme"), "identifier")
		own := r.reference(in.Schemes, in.Schemes.Own(), "register_identifier")
		if r.text("scheme") == in.Schemes.Own() {
			r.reject("scheme", "the register's own identifiers need no alias")
		}
		if r.wrong != "" {
			rejected = append(rejected, Rejection{r.line, r.wrong})
			continue
		}
		batch.Aliases = append(batch.Aliases, Alias{in.Key.Alias(ref), in.Key.Person(own.Value)})
	}
	batch.Rejected = len(rejected)
	return rejected, in.Writer.Turn(ctx, len(records), func(tx *journal.Tx) error {
		_, err := journal.Within(tx, batch)
		return err
	})
}
