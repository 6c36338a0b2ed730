package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/ledger"
)

// Contradiction is a witness's word that the ledger is not the one it has
// co-signed.
type Contradiction struct {
	Witness string
	Here    int64 // entries under our checkpoint
	Known   int64 // entries the witness has co-signed
}

// longer reports whether the witness knows a longer ledger, and not another one.
func (c *Contradiction) longer() bool { return c.Known > c.Here }

// weightier returns another history before a longer ledger, and the longest of
// those; old may be nil.
func weightier(old, fresh *Contradiction) *Contradiction {
	if old == nil || old.longer() && (!fresh.longer() || fresh.Known > old.Known) {
		return fresh
	}
	return old
}

func (c *Contradiction) Error() string {
	if c.longer() {
		return fmt.Sprintf("%s has co-signed %d entries of this ledger and the database holds %d under its checkpoints: an older copy was put in its place. "+
			"Restore the newest copy there is; docs/operating.md says what to do when it is not new enough", c.Witness, c.Known, c.Here)
	}
	return fmt.Sprintf("%s has co-signed other entries than the first %d of the database: the ledger's history was rewritten. "+
		"Keep the database as it is and treat this as an attack; docs/operating.md says how to go on", c.Witness, c.Known)
}

const (
	// mostAnswer is more than any witness's signatures take.
	mostAnswer = 64 << 10
	// sizeType is how a witness says which size it knows.
	sizeType = "text/x.tlog.size"
	// mostDrift is how far a witness's clock may be from ours.
	mostDrift = 5 * time.Minute
	// mostTurns bounds how often one asking goes back and forth: the witness says
	// what it knows, and may learn more from another node meanwhile.
	mostTurns = 4
)

// asked is a witness, and what it is known to know.
type asked struct {
	Witness
	client *http.Client
	now    func() time.Time
	knows  int64 // the size it co-signed last, as far as we know
}

// prove makes the proof that the checkpoint's tree continues the one of old entries.
type prove func(old int64) (tlog.TreeProof, error)

// cosign has the witness co-sign a checkpoint. The error is a *Contradiction when
// the witness knows another history or a longer one.
func (a *asked) cosign(ctx context.Context, head ledger.Checkpoint, prove prove) (cosignature, error) {
	old, refused := min(a.knows, head.Size), false // refused: the witness knows a tree of this size and did not sign
	for range mostTurns {
		var proof tlog.TreeProof
		if 0 < old && old < head.Size {
			var err error
			if proof, err = prove(old); err != nil {
				return cosignature{}, fmt.Errorf("proving that %d entries continue %d: %w", head.Size, old, err)
			}
		}
		answer, err := a.post(ctx, old, proof, head.Note)
		if err != nil {
			return cosignature{}, err
		}
		switch {
		case answer.status == http.StatusOK:
			return a.accept(head, answer.body)
		case answer.status == http.StatusUnprocessableEntity && old > 0:
			return cosignature{}, &Contradiction{a.Key.Name(), head.Size, old}
		case answer.status != http.StatusConflict:
			return cosignature{}, answer.failure()
		}
		known, said := answer.size()
		switch {
		case !said && old == head.Size && old > 0:
			// The protocol lets a witness refuse another root like this; asked about an
			// empty tree, it says which size it knows.
			old, refused = 0, true
		case !said:
			return cosignature{}, errors.New("it refuses without saying which size it knows")
		case known > head.Size, known == head.Size && (refused || old == known):
			return cosignature{}, &Contradiction{a.Key.Name(), head.Size, known}
		default:
			old = known
		}
	}
	return cosignature{}, fmt.Errorf("it was asked %d times and did not come to say what it knows", mostTurns)
}

// accept takes the witness's signature out of its answer.
func (a *asked) accept(head ledger.Checkpoint, lines []byte) (cosignature, error) {
	found, err := cosignatures(slices.Concat(text(head.Note), lines), a.Key)
	if err != nil {
		return cosignature{}, fmt.Errorf("its signature is not its key's: %w", err)
	}
	if len(found) == 0 {
		return cosignature{}, errors.New("it signs with another key than the configured one")
	}
	if drift := found[0].at.Sub(a.now()).Abs(); drift > mostDrift {
		return cosignature{}, fmt.Errorf("it signs at a time that is %s from ours; one of the clocks is wrong", drift.Round(time.Second))
	}
	a.knows = head.Size
	return found[0], nil
}

// answer is what a witness said.
type answer struct {
	status int
	kind   string // content type
	body   []byte
}

// post asks once.
func (a *asked) post(ctx context.Context, old int64, proof tlog.TreeProof, signed []byte) (answer, error) {
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintln(&body, base64.StdEncoding.EncodeToString(hash[:]))
	}
	body.WriteByte('\n')
	body.Write(signed)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(a.Address, "/")+"/add-checkpoint", &body)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := a.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err == nil && len(said) > mostAnswer {
		err = errors.New("it answers with too much")
	}
	return answer{response.StatusCode, response.Header.Get("Content-Type"), said}, err
}

// size is the size that a witness says it knows.
func (a answer) size() (size int64, said bool) {
	text, ended := strings.CutSuffix(string(a.body), "\n")
	size, err := strconv.ParseInt(text, 10, 64)
	return size, a.kind == sizeType && ended && err == nil && size >= 0 && strconv.FormatInt(size, 10) == text
}

// failure is the error of a refusal that is not about the ledger's history.
func (a answer) failure() error {
	switch a.status {
	case http.StatusNotFound:
		return errors.New("it does not know this ledger, or its address is another: register checkpoint.pub with it")
	case http.StatusForbidden:
		return errors.New("it knows another key for this ledger: register checkpoint.pub with it")
	case http.StatusTooManyRequests:
		return errors.New("it is asked too often")
	default:
		return fmt.Errorf("it answers %d %s", a.status, http.StatusText(a.status))
	}
}
