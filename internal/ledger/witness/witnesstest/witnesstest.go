// Package witnesstest is a small real witness (C2SP tlog-witness) for tests: it
// keeps what it has co-signed in a file, before it answers, and co-signs nothing
// that does not continue it. It shares no code with the client that it tests.
package witnesstest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness is a witness. Its fields are set before it is asked.
type Witness struct {
	Name string
	Now  func() time.Time

	key  ed25519.PrivateKey
	file string
	logs map[string]note.Verifier // by origin

	mu    sync.Mutex
	down  bool // guarded by mu, as the file is
	asked int  // guarded by mu
}

// tree is what a witness keeps of a log.
type tree struct {
	Size int64
	Root tlog.Hash
}

// New is a witness of the logs that these keys sign, with an empty file.
func New(t testing.TB, name string, logs ...note.Verifier) *Witness {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &Witness{Name: name, Now: time.Now, key: key, file: filepath.Join(t.TempDir(), "witness.json"), logs: make(map[string]note.Verifier)}
	for _, log := range logs {
		w.logs[log.Name()] = log
	}
	return w
}

// Serve serves the witness until the test ends, and returns its address.
func (w *Witness) Serve(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return server.URL
}

// Key is the public key, as a verifier key for cosignatures.
func (w *Witness) Key() string {
	return fmt.Sprintf("%s+%08x+%s", w.Name, w.id(), base64.StdEncoding.EncodeToString(w.public()))
}

func (w *Witness) public() []byte { return append([]byte{4}, w.key.Public().(ed25519.PublicKey)...) }

func (w *Witness) id() uint32 {
	sum := sha256.Sum256(append([]byte(w.Name+"\n"), w.public()...))
	return binary.BigEndian.Uint32(sum[:4])
}

// Down makes the witness drop every connection, or answer again.
func (w *Witness) Down(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// Asked is how often it was asked, whether it answered or not.
func (w *Witness) Asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// Knows is the size of the largest tree of a log that it has co-signed.
func (w *Witness) Knows(t testing.TB, origin string) int64 {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	kept, err := w.read()
	if err != nil {
		t.Fatal(err)
	}
	return kept[origin].Size
}

// Forget makes it a witness that has co-signed nothing.
func (w *Witness) Forget(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := os.Remove(w.file); err != nil {
		t.Fatal(err)
	}
}

// ServeHTTP takes one checkpoint at a time.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if w.down {
		panic(http.ErrAbortHandler)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" {
		http.NotFound(rw, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 64<<10))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	status, said := w.addCheckpoint(body)
	if status == http.StatusConflict {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, said)
}

// addCheckpoint follows the order of checks in the protocol.
func (w *Witness) addCheckpoint(body []byte) (status int, said string) {
	old, proof, signed, err := parse(body)
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	origin, _, _ := strings.Cut(string(signed), "\n")
	log, known := w.logs[origin]
	if !known {
		return http.StatusNotFound, ""
	}
	opened, err := note.Open(signed, note.VerifierList(log))
	if err != nil {
		return http.StatusForbidden, ""
	}
	next, err := parseTree(opened.Text)
	if err != nil || old > next.Size {
		return http.StatusBadRequest, ""
	}
	kept, err := w.read()
	if err != nil {
		return http.StatusInternalServerError, ""
	}
	last := kept[origin]
	switch {
	case old != last.Size:
		return http.StatusConflict, fmt.Sprintf("%d\n", last.Size)
	case old == 0 && len(proof) > 0:
		return http.StatusUnprocessableEntity, ""
	case old == next.Size && old > 0 && next.Root != last.Root:
		return http.StatusConflict, fmt.Sprintf("%d\n", last.Size)
	case old > 0 && tlog.CheckTree(proof, next.Size, next.Root, last.Size, last.Root) != nil:
		return http.StatusUnprocessableEntity, ""
	}
	kept[origin] = next
	if err := w.write(kept); err != nil {
		return http.StatusInternalServerError, ""
	}
	return http.StatusOK, w.cosign(opened.Text)
}

// cosign is the signature line for a checkpoint.
func (w *Witness) cosign(text string) string {
	at := w.Now().Unix()
	signature := ed25519.Sign(w.key, []byte("cosignature/v1\ntime "+strconv.FormatInt(at, 10)+"\n"+text))
	var raw []byte
	raw = binary.BigEndian.AppendUint32(raw, w.id())
	raw = binary.BigEndian.AppendUint64(raw, uint64(at))
	return "— " + w.Name + " " + base64.StdEncoding.EncodeToString(append(raw, signature...)) + "\n"
}

var errMalformed = errors.New("this is no add-checkpoint")

func parse(body []byte) (old int64, proof tlog.TreeProof, signed []byte, err error) {
	head, signed, found := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	old, err = strconv.ParseInt(size, 10, 64)
	if !found || !isOld || err != nil || old < 0 || strconv.FormatInt(old, 10) != size || len(lines) > 64 {
		return 0, nil, nil, errMalformed
	}
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return 0, nil, nil, errMalformed
		}
		proof = append(proof, tlog.Hash(hash))
	}
	return old, proof, signed, nil
}

func parseTree(text string) (tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return tree{}, errMalformed
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, badRoot := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || badRoot != nil || size < 0 || len(root) != tlog.HashSize {
		return tree{}, errMalformed
	}
	return tree{size, tlog.Hash(root)}, nil
}

// read reads what it keeps, by origin. The caller holds mu.
func (w *Witness) read() (map[string]tree, error) {
	kept := make(map[string]tree)
	text, err := os.ReadFile(w.file)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return nil, err
	}
	return kept, json.Unmarshal(text, &kept)
}

// write keeps it, durably. The caller holds mu.
func (w *Witness) write(kept map[string]tree) error {
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	fresh := w.file + ".new"
	file, err := os.Create(fresh)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, w.file)
}
