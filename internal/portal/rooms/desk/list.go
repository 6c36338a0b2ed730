package desk

import (
	"context"
	"io"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
)

// list hands over everybody of an answer, with its seal, as they are read: the
// list is as long as it is.
func (x exact) list(v visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	question, err := questionOf(v.Speaker, v.PostForm)
	if err != nil {
		return err
	}
	if x.behind("") != nil {
		return &fault.Error{Kind: fault.Unavailable, Public: "the index is still reading the ledger"}
	}
	if err := v.Record(question.Reading(ledger.ShownToList)); err != nil {
		return err
	}
	var shown index.Shown
	if err := x.patiently(v, func(ctx context.Context) (err error) {
		shown, err = x.index.ShownTo(ctx, question.Accounts, question.Since, question.Until)
		return err
	}); err != nil {
		return err
	}
	checkpoint, err := x.covering(v.Context(), shown.Before)
	if err != nil {
		return err
	}
	name := "shown-to-" + x.shell.Now().UTC().Format("20060102T150405Z")
	return v.Download(name+".zip", func(to io.Writer) error { return shown.WriteArchive(v.Context(), to, name, checkpoint) }, func(ctx context.Context) error {
		return x.stillWatches(ctx, v.Visit)
	})
}
