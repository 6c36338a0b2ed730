package witness_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/ledger/witness/witnesstest"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// house is a ledger in a database, and the key that signs it.
type house struct {
	*store.DB
	store.Ledger
	path     string
	signer   note.Signer
	verifier note.Verifier
	public   string // the key's public half
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := namedHouse(t, "ledger.poterne.example")
	h.path = filepath.Join(t.TempDir(), "poterne.db")
	h.open(t)
	return h
}

// namedHouse has a key of that name, and no database yet.
func namedHouse(t *testing.T, name string) *house {
	t.Helper()
	secret, public, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{public: public}
	if h.signer, err = note.NewSigner(secret); err != nil {
		t.Fatal(err)
	}
	if h.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	return h
}

// open opens the database; the house has it from now on.
func (h *house) open(t *testing.T) {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), h.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h.DB, h.Ledger = db, store.NewLedger(db)
}

// write writes entries and signs checkpoints over them.
func (h *house) write(t *testing.T, entries int) {
	t.Helper()
	storetest.Write(t, h.DB, entries, storetest.At)
	h.seal(t)
}

// seal signs what is not under a checkpoint.
func (h *house) seal(t *testing.T) {
	t.Helper()
	sequencer, err := ledger.NewSequencer(t.Context(), h.Ledger, h.signer, h.verifier, slog.New(slog.DiscardHandler))
	for advanced := true; advanced && err == nil; {
		advanced, err = sequencer.Step(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tamper does to the database what only its owner can do.
func (h *house) tamper(t *testing.T, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.Tamper(t, db, statements)
}

// met reports whether the newest checkpoint has its quorum.
func (h *house) met(t *testing.T, c *witness.Council) bool {
	t.Helper()
	head, err := ledger.OpenCheckpoint(h.newest(t), h.verifier)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := h.Cosigned(t.Context(), head.Size)
	if err != nil {
		t.Fatal(err)
	}
	return c.Met(c.Under(head.Note, lines))
}

// newest is the newest note.
func (h *house) newest(t *testing.T) []byte {
	t.Helper()
	signed, err := h.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// council calls witnesses together, all of whom are needed.
func (h *house) council(t *testing.T, witnessed witness.Ledger, witnesses ...witness.Witness) *witness.Council {
	t.Helper()
	client := &http.Client{CheckRedirect: witness.StayPut}
	return witness.New(witnesses, len(witnesses), witnessed, h.signer, h.verifier, client, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// member is a witness at an address.
func member(t *testing.T, key, address string) witness.Witness {
	t.Helper()
	parsed, err := witness.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return witness.Witness{Key: parsed, Address: address}
}

// witnesses starts some for a house.
func (h *house) witnesses(t *testing.T, n int) (servants []*witnesstest.Witness, members []witness.Witness) {
	t.Helper()
	for i := range n {
		w := witnesstest.New(t, fmt.Sprintf("witness.example/w%d", i+1), h.verifier)
		servants = append(servants, w)
		members = append(members, member(t, w.Key(), w.Serve(t)))
	}
	return servants, members
}

func attend(t *testing.T, c *witness.Council) {
	t.Helper()
	if err := c.Attend(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Promise: LEDGER-4
func TestLEDGER_4_WitnessesCosignWhatContinues(t *testing.T) {
	h := newHouse(t)
	servants, members := h.witnesses(t, 2)
	council := h.council(t, h.Ledger, members...)
	attend(t, council) // the ledger is empty
	for _, more := range []int{1, 299, 1, 700} {
		h.write(t, more)
		if h.met(t, council) {
			t.Fatal("it is co-signed before anybody was asked")
		}
		attend(t, council)
		head, err := ledger.OpenCheckpoint(h.newest(t), h.verifier)
		if err != nil || !h.met(t, council) {
			t.Fatalf("after %d more it is not co-signed: %v\n%s", more, err, h.newest(t))
		}
		for _, w := range servants {
			if knows := w.Knows(t, h.verifier.Name()); knows != head.Size {
				t.Errorf("%s knows %d of %d entries", w.Name, knows, head.Size)
			}
		}
		if standing := council.Standing(); standing.Size != head.Size || !standing.Lacking.IsZero() || !standing.Attended() {
			t.Errorf("it stands at %+v", standing)
		}
	}
	if report, err := ledger.Verify(t.Context(), h.Ledger, h.verifier, nil, nil); err != nil || !report.Sound() {
		t.Errorf("under co-signatures the ledger does not verify: %v, %v", report.Findings, err)
	}
}

// rewritten changes entry 100 and takes the tree away, so that it is made and
// signed again with the ledger's own key.
const rewritten = `
	update entry set body = (select body from entry where number = 101) where number = 100;
	delete from tile; delete from checkpoint;`

// cutTo takes away what was written later, as an older copy does.
func cutTo(size int) string {
	return fmt.Sprintf(`
		delete from entry where number >= %[1]d;
		delete from period where first >= %[1]d;
		delete from tile; delete from checkpoint; update head set next = %[1]d`, size)
}

// Promise: LEDGER-4
func TestLEDGER_4_WitnessesRefuseARewrittenHistory(t *testing.T) {
	const larger, other = "an older copy was put in its place", "the ledger's history was rewritten"
	for name, test := range map[string]struct {
		tamper string
		more   int // entries written afterwards
		says   string
	}{
		"an entry changed":                        {rewritten, 0, "w1 has co-signed other entries than the first 300 of the database: " + other},
		"an entry changed, and work went on":      {rewritten, 50, "w1 has co-signed other entries than the first 300 of the database: " + other},
		"an older copy":                           {cutTo(200), 0, "w1 has co-signed 300 entries of this ledger and the database holds 200 under its checkpoints: " + larger},
		"an older copy, and work went on":         {cutTo(200), 50, "w1 has co-signed 300 entries of this ledger and the database holds 250 under its checkpoints: " + larger},
		"an older copy that grew to the size":     {cutTo(200), 100, "w1 has co-signed other entries than the first 300 of the database: " + other},
		"an older copy that grew beyond it":       {cutTo(200), 150, "w1 has co-signed other entries than the first 300 of the database: " + other},
		"an empty database":                       {cutTo(0), 0, "w1 has co-signed 300 entries of this ledger and the database holds 0 under its checkpoints: " + larger},
		"an empty database in which work went on": {cutTo(0), 20, "w1 has co-signed 300 entries of this ledger and the database holds 20 under its checkpoints: " + larger},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			servants, members := h.witnesses(t, 1)
			h.write(t, 300)
			attend(t, h.council(t, h.Ledger, members...))
			h.tamper(t, test.tamper)
			h.open(t)
			if test.more > 0 {
				h.write(t, test.more)
			} else {
				h.seal(t)
			}
			err := h.council(t, h.Ledger, members...).Attend(t.Context())
			if _, is := errors.AsType[*witness.Contradiction](err); !is || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it is run, with %v", err)
			}
			if knows := servants[0].Knows(t, h.verifier.Name()); knows != 300 {
				t.Errorf("the witness has taken %d entries for the ledger", knows)
			}
		})
	}
}

// Promise: LEDGER-4
func TestARunningProgramStopsWhenAWitnessContradicts(t *testing.T) {
	h := newHouse(t)
	_, members := h.witnesses(t, 1)
	h.write(t, 300)
	council := h.council(t, h.Ledger, members...)
	attend(t, council)
	h.tamper(t, rewritten)
	h.open(t)
	h.write(t, 1)
	running := h.council(t, h.Ledger, members...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := running.Run(ctx)
	if _, is := errors.AsType[*witness.Contradiction](err); !is {
		t.Errorf("it goes on: %v", err)
	}
}

// behind is a node that has not seen the newest checkpoint yet when it asks first.
type behind struct {
	store.Ledger
	old [][]byte
}

func (b *behind) Checkpoint(ctx context.Context) ([]byte, error) {
	if len(b.old) > 0 {
		signed := b.old[0]
		b.old = b.old[1:]
		return signed, nil
	}
	return b.Ledger.Checkpoint(ctx)
}

func TestAnotherNodesNewerCheckpointIsNoContradiction(t *testing.T) {
	h := newHouse(t)
	_, members := h.witnesses(t, 2)
	h.write(t, 100)
	old := h.newest(t)
	h.write(t, 100)
	attend(t, h.council(t, h.Ledger, members...)) // another node
	slow := h.council(t, &behind{h.Ledger, [][]byte{old}}, members...)
	attend(t, slow)
	if standing := slow.Standing(); standing.Size != 200 || !standing.Attended() {
		t.Errorf("it stands at %+v", standing)
	}
	if err := h.council(t, &behind{h.Ledger, [][]byte{old, old}}, members...).Attend(t.Context()); err == nil {
		t.Error("whoever holds the older one for the newest is not contradicted")
	}
}

// Promise: LEDGER-4
func TestAContradictionStandsThoughTheWitnessGoesAway(t *testing.T) {
	h := newHouse(t)
	servants, members := h.witnesses(t, 2)
	h.write(t, 300)
	attend(t, h.council(t, h.Ledger, members...))
	h.tamper(t, cutTo(200))
	h.open(t)
	h.seal(t)
	servants[0].Down(true)
	once := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		servants[1].ServeHTTP(rw, r)
		servants[1].Down(true)
	}))
	defer once.Close()
	members[1].Address = once.URL
	err := h.council(t, h.Ledger, members...).Attend(t.Context())
	if contradiction, is := errors.AsType[*witness.Contradiction](err); !is || contradiction.Known != 300 {
		t.Errorf("it is run, with %v", err)
	}
}

// unread is a ledger that cannot be read.
type unread struct{ store.Ledger }

var errUnread = errors.New("unread")

func (unread) Checkpoint(context.Context) ([]byte, error) { return nil, errUnread }

func TestALedgerThatCannotBeReadIsNotTakenForAnUncontradictedOne(t *testing.T) {
	h := newHouse(t)
	_, members := h.witnesses(t, 1)
	if err := h.council(t, unread{h.Ledger}, members...).Attend(t.Context()); !errors.Is(err, errUnread) {
		t.Errorf("it is run: %v", err)
	}
}

func TestAWitnessThatCannotBeReachedStopsNothingAndIsTold(t *testing.T) {
	h := newHouse(t)
	servants, members := h.witnesses(t, 2)
	h.write(t, 100)
	now := storetest.At
	council := witness.New(members, 2, h.Ledger, h.signer, h.verifier, http.DefaultClient, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for _, w := range servants {
		w.Now = func() time.Time { return now }
	}
	servants[1].Down(true)
	attend(t, council)
	standing := council.Standing()
	switch one, two := standing.Witnesses[0], standing.Witnesses[1]; {
	case standing.Size != 0, !standing.Lacking.Equal(now), standing.Attended():
		t.Errorf("without one of two it stands at %+v", standing)
	case one.Failure != nil, one.Size != 100, !one.Attended, two.Failure == nil, two.Attended:
		t.Errorf("told of them is %+v", standing.Witnesses)
	}

	// It is left alone for longer and longer, and never for more than a minute.
	asked := servants[1].Asked()
	for range 600 {
		now = now.Add(time.Second)
		attend(t, council)
	}
	if more := servants[1].Asked() - asked; more < 10 || more > 20 {
		t.Errorf("in ten minutes it is asked %d times", more)
	}
	if since := council.Standing().Lacking; !since.Equal(storetest.At) {
		t.Errorf("the quorum is lacking since %v", since)
	}

	servants[1].Down(false)
	now = now.Add(time.Minute)
	attend(t, council)
	if standing := council.Standing(); !standing.Attended() || standing.Size != 100 || !standing.Lacking.IsZero() || !h.met(t, council) {
		t.Errorf("once it answers it stands at %+v", standing)
	}
}

func TestAWitnessThatForgotIsNoContradiction(t *testing.T) {
	h := newHouse(t)
	servants, members := h.witnesses(t, 1)
	h.write(t, 100)
	council := h.council(t, h.Ledger, members...)
	attend(t, council)
	servants[0].Forget(t)
	h.write(t, 100)
	attend(t, council)
	if !h.met(t, council) {
		t.Error("it does not co-sign")
	}
}

// Promise: LEDGER-4
func TestAWitnessMayRefuseWithoutSayingASize(t *testing.T) {
	h := newHouse(t)
	w := witnesstest.New(t, "witness.example/w1", h.verifier)
	// This one answers another root of the same size with a bare 409.
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		said := httptest.NewRecorder()
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.ServeHTTP(said, r)
		if said.Code == http.StatusConflict && bytes.HasPrefix(body, []byte("old 300\n")) {
			rw.WriteHeader(http.StatusConflict)
			return
		}
		rw.Header().Set("Content-Type", said.Header().Get("Content-Type"))
		rw.WriteHeader(said.Code)
		_, _ = rw.Write(said.Body.Bytes())
	}))
	defer server.Close()
	members := []witness.Witness{member(t, w.Key(), server.URL)}
	h.write(t, 300)
	attend(t, h.council(t, h.Ledger, members...))
	h.tamper(t, rewritten)
	h.open(t)
	h.seal(t)
	err := h.council(t, h.Ledger, members...).Attend(t.Context())
	if contradiction, is := errors.AsType[*witness.Contradiction](err); !is || contradiction.Known != 300 {
		t.Errorf("it is run, with %v", err)
	}
}

func TestWhatAWitnessSaysIsNotBelievedBlindly(t *testing.T) {
	h := newHouse(t)
	h.write(t, 100)
	truthful := witnesstest.New(t, "witness.example/w1", h.verifier)
	late := witnesstest.New(t, "witness.example/w1", h.verifier)
	late.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	says := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, test := range map[string]struct {
		handler http.Handler
		key     string
		says    string
	}{
		"it does not know the ledger":     {witnesstest.New(t, "witness.example/w1"), truthful.Key(), "register checkpoint.pub"},
		"it knows another key":            {says(403, "", ""), truthful.Key(), "register checkpoint.pub"},
		"it is overrun":                   {says(429, "", ""), truthful.Key(), "too often"},
		"it is broken":                    {says(500, "", ""), truthful.Key(), "500 Internal Server Error"},
		"it has moved":                    {says(307, "", ""), truthful.Key(), "307"},
		"it signs nothing":                {says(200, "", ""), truthful.Key(), "signature"},
		"it signs with another key":       {truthful, late.Key(), "another key"},
		"it signs something else":         {says(200, "", "— witness.example/w1 AAAAAAAAAAAAAAAAAAAA\n"), truthful.Key(), "another key"},
		"it answers nonsense":             {says(200, "text/html", "<html>"), truthful.Key(), "malformed"},
		"it answers without end":          {says(200, "", strings.Repeat("— a AAAAAAAAAAAA\n", 10_000)), truthful.Key(), "too much"},
		"its clock is wrong":              {late, late.Key(), "one of the clocks is wrong"},
		"it knows a size that is no size": {says(409, "text/x.tlog.size", "-5\n"), truthful.Key(), "without saying which size"},
		"it tells a size as a page":       {says(409, "text/html", "200\n"), truthful.Key(), "without saying which size"},
		"it goes round in circles":        {says(409, "text/x.tlog.size", "7\n"), truthful.Key(), "asked 4 times"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			council := h.council(t, h.Ledger, member(t, test.key, server.URL+"/"))
			attend(t, council)
			failure := council.Standing().Witnesses[0].Failure
			if failure == nil || !strings.Contains(failure.Error(), test.says) {
				t.Errorf("told is %v", failure)
			}
			if council.Standing().Attended() || h.met(t, council) {
				t.Error("it counts")
			}
		})
	}
}

// What operating.md says to do when the newest copy is not new enough.
func TestALedgerThatLostEntriesGoesOnUnderANewName(t *testing.T) {
	h := newHouse(t)
	h.write(t, 200)
	old := h.newest(t)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := h.CopyTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	renamed := namedHouse(t, "ledger.poterne.example/2")
	w := witnesstest.New(t, "witness.example/w1", h.verifier, renamed.verifier)
	members := []witness.Witness{member(t, w.Key(), w.Serve(t))}
	h.write(t, 100)
	attend(t, h.council(t, h.Ledger, members...))

	h.path, renamed.path = copied, copied
	h.open(t)
	if err := h.council(t, h.Ledger, members...).Attend(t.Context()); err == nil {
		t.Fatal("it is run under its old name")
	}
	renamed.tamper(t, `delete from cosignature; delete from checkpoint; delete from tile;`)
	renamed.open(t)
	council := renamed.council(t, store.NewLedger(renamed.DB), members...)
	attend(t, council)
	renamed.write(t, 50)
	attend(t, council)
	if !renamed.met(t, council) || w.Knows(t, "ledger.poterne.example/2") != 250 {
		t.Error("under its new name it is not co-signed")
	}
	if report, err := ledger.Verify(t.Context(), store.NewLedger(renamed.DB), renamed.verifier, nil, nil); err != nil || !report.Sound() || report.Proven != 250 {
		t.Errorf("under its new name it does not verify: %+v, %v", report, err)
	}
	covered, err := ledger.OpenCheckpoint(old, h.verifier)
	if err != nil {
		t.Fatal(err)
	}
	head, err := ledger.OpenCheckpoint(renamed.newest(t), renamed.verifier)
	if err != nil {
		t.Fatal(err)
	}
	if root, err := tlog.TreeHash(200, tiles.Signed(t.Context(), store.NewLedger(renamed.DB), head)); err != nil || root != covered.Root {
		t.Errorf("the old checkpoint does not cover the first 200 any more: %v", err)
	}
}
