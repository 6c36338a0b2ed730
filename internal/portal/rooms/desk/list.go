package desk

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/portal"
)

// list hands over everybody of an answer, with its seal, as they are read: the
// list is as long as it is. It is an archive, so that one that was cut short opens
// nowhere.
func (x exact) list(v visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	question, err := questionOf(v.Speaker.Zone(), v.PostForm)
	if err != nil {
		return err
	}
	if x.behind("") != nil {
		return &fault.Error{Kind: fault.Unavailable, Public: "the index is still reading the ledger"}
	}
	if err := v.Record(asReading(ledger.ShownToList, question)); err != nil {
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
	v.Protect()
	name := "shown-to-" + x.shell.Now().UTC().Format("20060102T150405Z")
	v.Writer.Header().Set("Cache-Control", "no-store")
	v.Writer.Header().Set("Content-Type", "application/zip")
	v.Writer.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".zip"))
	if err := x.archive(v.Visit, name, shown, checkpoint); err != nil {
		x.shell.Log().WarnContext(v.Context(), "a list was cut short", slog.Any("err", err))
		panic(http.ErrAbortHandler) // what was sent cannot be taken for the whole
	}
	return nil
}

// archive writes a list and its seal.
func (x exact) archive(v *portal.Visit, name string, shown index.Shown, checkpoint []byte) error {
	out := bufio.NewWriterSize(&watcher{exact: x, v: v, out: http.NewResponseController(v.Writer)}, 1<<16)
	packed := zip.NewWriter(out)
	packed.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	list, err := packed.Create(name + ".csv")
	if err != nil {
		return err
	}
	digest, err := shown.WriteCSV(v.Context(), list)
	if err != nil {
		return err
	}
	seal, err := packed.Create(name + ".csv.seal")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(seal, shown.Seal(digest, checkpoint)); err != nil {
		return err
	}
	return errors.Join(packed.Close(), out.Flush())
}

// watcher is an answer that a viewer may take only as long as they may watch, and as
// long as they read on.
type watcher struct {
	exact exact
	v     *portal.Visit
	out   *http.ResponseController
	asked time.Time // when they were last known to watch
}

func (w *watcher) Write(part []byte) (int, error) {
	if time.Since(w.asked) > refreshEvery {
		if err := w.exact.stillWatches(w.v.Context(), w.v); err != nil {
			return 0, err
		}
		w.asked = time.Now()
	}
	_ = w.out.SetWriteDeadline(time.Now().Add(time.Minute)) // not every writer has one
	return w.v.Writer.Write(part)
}
