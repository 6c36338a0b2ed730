package tiles_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// log is a ledger in a database, with the key that signs it.
type log struct {
	*store.DB
	store.Ledger
	path     string
	signer   note.Signer
	verifier note.Verifier
	public   string // the key's public half
}

func newLog(t *testing.T) *log {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	l := keyed(t, db)
	l.path = path
	return l
}

// keyed gives a store a key of its own.
func keyed(t *testing.T, db *store.DB) *log {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	private, public, err := note.GenerateKey(nil, "ledger.poterne.example")
	if err != nil {
		t.Fatal(err)
	}
	l := &log{DB: db, Ledger: store.NewLedger(db), public: public}
	if l.signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	if l.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	return l
}

// write writes entries and signs a checkpoint, which it returns.
func (l *log) write(t *testing.T, entries int) ledger.Checkpoint {
	t.Helper()
	storetest.Write(t, l.DB, entries, storetest.At)
	sequencer, err := ledger.NewSequencer(t.Context(), l.Ledger, l.signer, l.verifier, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for advanced := true; advanced; {
		if advanced, err = sequencer.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l.opened(t, signed)
}

func (l *log) opened(t *testing.T, signed []byte) ledger.Checkpoint {
	t.Helper()
	checkpoint, err := ledger.OpenCheckpoint(signed, l.verifier)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

// tamper does to the database what only its owner can do.
func (l *log) tamper(t *testing.T, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", l.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.Tamper(t, db, statements)
}

// serve serves the log, and returns the address below which it is.
func (l *log) serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(tiles.Pattern, tiles.NewHandler(l.Ledger, l.verifier, slog.New(slog.DiscardHandler)))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/.poterne/ledger/"
}

// folder publishes the log into a new folder.
func (l *log) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := l.publish(t, dir, l.Ledger); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (l *log) publish(t *testing.T, dir string, source tiles.Source) (ledger.Checkpoint, error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return tiles.Publish(t.Context(), source, l.verifier, root)
}

// verified is what a verification of a folder finds, a line each.
func (l *log) verified(t *testing.T, dir string, kept ...[]byte) string {
	t.Helper()
	report, err := tiles.Verify(t.Context(), os.DirFS(dir), l.verifier, kept)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, finding := range report.Findings {
		said = append(said, finding.String())
	}
	if report.Sound() != (len(said) == 0) {
		t.Error("sound and not")
	}
	return strings.Join(said, "\n")
}

// get asks a log below an address.
func get(t *testing.T, address string) (int, http.Header, []byte) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, body
}

// client is a verifier that knows the address of a log, its key and the format,
// and nothing of Poterne.
type client struct {
	t       *testing.T
	address string
	read    int
}

func (c *client) Height() int { return 8 }

func (c *client) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for i, tile := range wanted {
		code, _, body := get(c.t, c.address+strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if code != http.StatusOK {
			return nil, fmt.Errorf("%s is answered %d", tile.Path(), code)
		}
		read[i] = body
		c.read++
	}
	return read, nil
}

func (c *client) SaveTiles([]tlog.Tile, [][]byte) {}

// entry fetches what is published of one entry.
func (c *client) entry(number, size int64) ([]byte, error) {
	path := strings.Replace(tlog.Tile{H: 8, L: -1, N: number / 256, W: int(min(256, size-number/256*256))}.Path(), "tile/8/data", "tile/entries", 1)
	code, _, bundle := get(c.t, c.address+path)
	if code != http.StatusOK {
		return nil, fmt.Errorf("%s is answered %d", path, code)
	}
	for range number % 256 {
		bundle = bundle[2+binary.BigEndian.Uint16(bundle):]
	}
	return bundle[2 : 2+binary.BigEndian.Uint16(bundle)], nil
}

func TestLEDGER_3_AClientProvesEntriesAndConsistencyOverHTTPAlone(t *testing.T) {
	l := newLog(t)
	early := l.write(t, 300)
	l.write(t, 700)
	c := &client{t: t, address: l.serve(t)}
	code, _, signed := get(t, c.address+"checkpoint")
	if code != http.StatusOK {
		t.Fatalf("the checkpoint is answered %d", code)
	}
	head := l.opened(t, signed)
	tree := tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, c)
	for _, number := range []int64{0, 255, 256, 299, 300, 767, 768, 999} {
		entry, err := c.entry(number, head.Size)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := tlog.ProveRecord(head.Size, number, tree)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, head.Size, head.Root, number, tlog.RecordHash(entry)); err != nil {
			t.Errorf("entry %d: %v", number, err)
		}
	}
	proof, err := tlog.ProveTree(head.Size, early.Size, tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(proof, head.Size, head.Root, early.Size, early.Root); err != nil {
		t.Error(err)
	}
	if head.Size != 1000 || c.read == 0 {
		t.Errorf("proved a tree of %d entries from %d tiles", head.Size, c.read)
	}
}

// What is published of an entry is the commitment that its salt and its bytes
// make, and a reader of both can see that it is that entry.
func TestAnEntryIsOpenedWithItsSalt(t *testing.T) {
	l := newLog(t)
	head := l.write(t, 10)
	c := &client{t: t, address: l.serve(t)}
	for sealed, err := range l.Sealed(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		entry, err := c.entry(int64(sealed.Number), head.Size)
		if commitment := sealed.Commitment(); err != nil || string(entry) != string(commitment[:]) {
			t.Errorf("entry %d is published as %x, %v", sealed.Number, entry, err)
		}
		if strings.Contains(string(entry), string(sealed.Body)) {
			t.Errorf("entry %d is published in clear", sealed.Number)
		}
	}
}

func TestWhatIsPublishedIsKeptAndTheCheckpointIsNot(t *testing.T) {
	l := newLog(t)
	l.write(t, 600)
	address := l.serve(t)
	const kept, octets = "public, max-age=31536000, immutable", "application/octet-stream"
	for path, want := range map[string]struct {
		bytes   int
		caching string
		content string
	}{
		"checkpoint":             {193, "no-cache", "text/plain; charset=utf-8"},
		"tile/0/000":             {256 * 32, kept, octets},
		"tile/0/000.p/1":         {32, kept, octets}, // of a checkpoint before
		"tile/0/002.p/88":        {88 * 32, kept, octets},
		"tile/1/000.p/2":         {64, kept, octets},
		"tile/entries/001":       {256 * 34, kept, octets},
		"tile/entries/002.p/88":  {88 * 34, kept, octets},
		"tile/entries/000.p/255": {255 * 34, kept, octets},
	} {
		code, header, body := get(t, address+path)
		if code != http.StatusOK || len(body) != want.bytes || header.Get("Cache-Control") != want.caching || header.Get("Content-Type") != want.content {
			t.Errorf("%s: %d, %d bytes, %v", path, code, len(body), header)
		}
	}
	for _, path := range []string{
		"", "checkpoint/", "tile/0/002", "tile/0/002.p/89", "tile/0/003.p/1", "tile/1/000", "tile/1/000.p/3", "tile/2/000.p/1", "tile/entries/002.p/89",
		"tile/data/000", "tile/8/0/000", "tile/0/0", "tile/00/000", "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
		"tile/64/000", "tile/63/000.p/1", "tile/9223372036854775807/000", "tile/0/x000/000", "tile/0/x009/x223/x372/x036/x854/x775/808", "tile/entries", "tile/0/000.p", "../checkpoint",
	} {
		if code, header, _ := get(t, address+path); code != http.StatusNotFound || header.Get("Cache-Control") == kept {
			t.Errorf("%q is answered %d, %v", path, code, header)
		}
	}
}

func TestNothingIsServedBeforeTheFirstCheckpoint(t *testing.T) {
	l := newLog(t)
	storetest.Write(t, l.DB, 5, storetest.At)
	address := l.serve(t)
	for _, path := range []string{"checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"} {
		if code, _, _ := get(t, address+path); code != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, code)
		}
	}
	if _, err := l.publish(t, t.TempDir(), l.Ledger); err == nil {
		t.Error("published an unsigned ledger")
	}
}

// Promise: LEDGER-3
func TestAnEntryThatIsNotTheTreesIsNotPublished(t *testing.T) {
	for name, tamper := range map[string]string{
		"changed":          `update entry set body = cast(substr(body, 1, length(body) - 1) || x'7a' as blob) where number = 300`,
		"removed":          `delete from entry where number = 300`,
		"the last removed": `delete from entry where number >= 511`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			l.write(t, 512)
			l.tamper(t, tamper)
			address := l.serve(t)
			if code, _, body := get(t, address+"tile/entries/001"); code != http.StatusInternalServerError || strings.Contains(string(body), "300") {
				t.Errorf("its bundle is answered %d, %q", code, body)
			}
			if code, _, _ := get(t, address+"tile/entries/000"); code != http.StatusOK {
				t.Errorf("the bundle before is answered %d", code)
			}
			dir := t.TempDir()
			if _, err := l.publish(t, dir, l.Ledger); err == nil {
				t.Error("it was published")
			}
			if _, err := os.Stat(filepath.Join(dir, "checkpoint")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a checkpoint was published: %v", err)
			}
		})
	}
}

// tree lists the files of a folder with what they hold.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	held := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		held[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestAPublishedFolderIsWhatIsServed(t *testing.T) {
	l := newLog(t)
	dir := t.TempDir()
	for _, more := range []int{1, 255, 100, 500} {
		l.write(t, more)
		if _, err := l.publish(t, dir, l.Ledger); err != nil {
			t.Fatal(err)
		}
		if said := l.verified(t, dir); said != "" {
			t.Errorf("with %d more: %s", more, said)
		}
	}
	held := tree(t, dir)
	for _, file := range []string{"checkpoint", "tile/0/000", "tile/0/001", "tile/0/002", "tile/0/003.p/88", "tile/1/000.p/3", "tile/entries/003.p/88"} {
		if held[file] == "" {
			t.Errorf("%s is not there", file)
		}
	}
	address := l.serve(t)
	for file, data := range held {
		if code, _, body := get(t, address+file); code != http.StatusOK || string(body) != data {
			t.Errorf("%s is served as something else (%d)", file, code)
		}
	}
}

func TestPostgreSQLPublishesTheSame(t *testing.T) {
	db, err := store.OpenPostgreSQL(t.Context(), storetest.StartPostgreSQL(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	l := keyed(t, db)
	l.write(t, 300)
	dir := l.folder(t)
	l.write(t, 3000)
	if _, err := l.publish(t, dir, l.Ledger); err != nil {
		t.Fatal(err)
	}
	if said := l.verified(t, dir); said != "" {
		t.Error(said)
	}
	address := l.serve(t)
	for file, data := range tree(t, dir) {
		if code, _, body := get(t, address+file); code != http.StatusOK || string(body) != data {
			t.Errorf("%s is served as something else (%d)", file, code)
		}
	}
	proof, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, 2999)
	if err != nil {
		t.Fatal(err)
	}
	if entry, _, err := tiles.OpenProof(proof, l.verifier); err != nil || entry.Number != 2999 {
		t.Errorf("entry %d is proved: %v", entry.Number, err)
	}
}

func TestPublishingAgainChangesNothing(t *testing.T) {
	l := newLog(t)
	l.write(t, 400)
	dir := l.folder(t)
	before := tree(t, dir)
	stat := func() (all []string) {
		for file := range before {
			info, err := os.Stat(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, file+info.ModTime().String())
		}
		slices.Sort(all)
		return all
	}
	times := stat()
	if _, err := l.publish(t, dir, l.Ledger); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(times, stat()) || len(tree(t, dir)) != len(before) {
		t.Error("files were written again")
	}
}

// breaking is a source that breaks at an entry.
type breaking struct {
	store.Ledger
	at ledger.Number
}

var errBroken = errors.New("broken")

func (b breaking) Sealed(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error] {
	return func(yield func(ledger.Sealed, error) bool) {
		for sealed, err := range b.Ledger.Sealed(ctx, from) {
			if sealed.Number == b.at {
				sealed, err = ledger.Sealed{}, errBroken
			}
			if !yield(sealed, err) {
				return
			}
		}
	}
}

func TestAFolderHasItsOldCheckpointUntilTheNewOneHolds(t *testing.T) {
	l := newLog(t)
	l.write(t, 300)
	dir := l.folder(t)
	before := tree(t, dir)["checkpoint"]
	l.write(t, 700)
	for at := ledger.Number(256); at < 1000; at += 100 {
		if _, err := l.publish(t, dir, breaking{l.Ledger, at}); !errors.Is(err, errBroken) {
			t.Fatalf("broken at %d: %v", at, err)
		}
		if tree(t, dir)["checkpoint"] != before || l.verified(t, dir) != "" {
			t.Errorf("broken at %d, the folder does not hold: %s", at, l.verified(t, dir))
		}
	}
	head, err := l.publish(t, dir, l.Ledger)
	if said := l.verified(t, dir); err != nil || said != "" || head.Size != 1000 {
		t.Errorf("taken up again: %v, %s", err, said)
	}
	for file := range tree(t, dir) {
		if part := strings.TrimPrefix(filepath.Ext(file), "."); part != "" && !strings.Contains(file, ".p/") {
			t.Errorf("%s was left behind", file)
		}
	}
}

// Promise: LEDGER-3
func TestAFolderRefusesAnotherHistory(t *testing.T) {
	for name, test := range map[string]struct {
		other func(*testing.T, *log) *log
		says  string
	}{
		"an older database": {func(t *testing.T, l *log) *log {
			l.tamper(t, `delete from entry where number >= 20; delete from checkpoint; delete from tile; update head set next = 20`)
			l.write(t, 5)
			return l
		}, "an older one was put in its place"},
		"a rewritten history, signed again": {func(t *testing.T, l *log) *log {
			other := newLog(t)
			other.signer, other.verifier = l.signer, l.verifier
			other.write(t, 400)
			return other
		}, "its history was rewritten"},
		"another ledger": {func(t *testing.T, _ *log) *log {
			other := newLog(t)
			other.write(t, 400)
			return other
		}, "the folder holds another ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			l.write(t, 300)
			dir := l.folder(t)
			before := tree(t, dir)
			other := test.other(t, l)
			if _, err := other.publish(t, dir, store.NewLedger(other.DB)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it is published: %v", err)
			}
			after := tree(t, dir)
			for file, data := range before {
				if after[file] != data {
					t.Errorf("%s was changed", file)
				}
			}
		})
	}
}
