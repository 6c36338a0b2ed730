package tiles

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/fault"
)

// Pattern is where a mux publishes the ledger: a log's checkpoint, tiles and bundles
// below one prefix.
const Pattern = "GET /.poterne/ledger/{resource...}"

// Handler publishes the ledger. There is nothing personal in it.
type Handler struct {
	source   Source
	verifier note.Verifier
	log      *slog.Logger
}

// NewHandler serves a ledger whose checkpoints the verifier's key signed.
func NewHandler(source Source, verifier note.Verifier, log *slog.Logger) *Handler {
	return &Handler{source, verifier, log}
}

// ServeHTTP answers with a checkpoint, which must be asked for again, or with a
// tile or a bundle, which never change.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	resource := r.PathValue("resource")
	body, err := h.read(r.Context(), resource)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if resource == checkpointFile {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
	} else {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(body)
}

var errAbsent = &fault.Error{Kind: fault.Absent, Public: "Not published"}

func (h *Handler) read(ctx context.Context, resource string) ([]byte, error) {
	tile, ok := parsePath(resource)
	if !ok && resource != checkpointFile {
		return nil, errAbsent
	}
	head, err := newest(ctx, h.source, h.verifier)
	switch {
	case errors.Is(err, errNothingSigned):
		return nil, errAbsent
	case err != nil:
		return nil, err
	case resource == checkpointFile:
		return head.Note, nil
	case !under(head.Size, tile):
		return nil, errAbsent
	case tile.L != bundlesLevel:
		return hashes(ctx, h.source, tile)
	}
	leaves := at(0, tile)
	held, err := hashes(ctx, h.source, leaves)
	if err != nil {
		return nil, err
	}
	return bundle(ctx, h.source, leaves, held)
}

// fail answers what may be asked for again: a tile that is absent may come.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	switch fault.KindOf(err) {
	case fault.Absent:
		http.Error(w, fault.Public(err), http.StatusNotFound)
		return
	case fault.Unavailable:
		http.Error(w, "Ask again later", http.StatusServiceUnavailable)
	default:
		http.Error(w, "This part of the ledger cannot be read", http.StatusInternalServerError)
	}
	if r.Context().Err() == nil {
		h.log.ErrorContext(r.Context(), "the ledger could not be served", slog.Any("err", err))
	}
}
