package portal

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Download hands an archive over as it is written, however long it is, as long as the
// visitor reads on and may have it: still is asked every second, and returns nil while
// they may. What was cut short is not an answer: the connection breaks.
func (v *Visit) Download(file string, write func(io.Writer) error, still func(context.Context) error) error {
	v.Protect()
	v.Writer.Header().Set("Cache-Control", "no-store")
	media := "application/octet-stream"
	if strings.HasSuffix(file, ".zip") {
		media = "application/zip"
	}
	v.Writer.Header().Set("Content-Type", media)
	v.Writer.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", file))
	if err := write(&downloading{v: v, out: http.NewResponseController(v.Writer), still: still}); err != nil {
		v.shell.Log().WarnContext(v.Context(), "a download was cut short", slog.Any("err", err))
		panic(http.ErrAbortHandler) // what was sent cannot be taken for the whole
	}
	return nil
}

// downloading is an answer that is under way.
type downloading struct {
	v     *Visit
	out   *http.ResponseController
	still func(context.Context) error
	asked time.Time // when the visitor was last known to be allowed
}

func (d *downloading) Write(part []byte) (int, error) {
	if time.Since(d.asked) > time.Second {
		if err := d.still(d.v.Context()); err != nil {
			return 0, err
		}
		d.asked = time.Now()
	}
	_ = d.out.SetWriteDeadline(time.Now().Add(time.Minute)) // not every writer has one
	return d.v.Writer.Write(part)
}
