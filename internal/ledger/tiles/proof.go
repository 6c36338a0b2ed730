package tiles

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

// A proof is a C2SP tlog-proof. Its extra data is what opens the commitment: the
// entry's salt, and then the entry.
const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	proofExtra  = "extra "
	proofIndex  = "index "
)

// Prove makes the proof that one entry is in the ledger, with the entry itself. It is
// verified with the key's public half and nothing else.
func Prove(ctx context.Context, source Source, verifier note.Verifier, number ledger.Number) ([]byte, error) {
	return prove(ctx, source, verifier, number, func(s ledger.Sealed) []byte { return append(bytes.Clone(s.Salt[:]), s.Body...) })
}

// ProveToPerson makes the proof of an entry that the person whom it is about is given: it
// opens what they may read of it and nothing else.
func ProveToPerson(ctx context.Context, source Source, verifier note.Verifier, number ledger.Number) ([]byte, error) {
	return prove(ctx, source, verifier, number, ledger.Sealed.Opening)
}

func prove(ctx context.Context, source Source, verifier note.Verifier, number ledger.Number, open func(ledger.Sealed) []byte) ([]byte, error) {
	head, err := newest(ctx, source, verifier)
	if err != nil {
		return nil, err
	}
	if number >= ledger.Number(head.Size) {
		return nil, fault.Errorf(fault.Unavailable, "entry %d is not under a checkpoint: the newest has %d entries", number, head.Size)
	}
	path, err := tlog.ProveRecord(head.Size, int64(number), Signed(ctx, source, head))
	if err != nil {
		return nil, fmt.Errorf("reading the tree of %d entries: %w", head.Size, err)
	}
	sealed, err := entry(ctx, source, number)
	if err != nil {
		return nil, err
	}
	if tlog.CheckRecord(path, head.Size, head.Root, int64(number), sealed.Leaf()) != nil {
		return nil, fmt.Errorf("entry %d is not the one in the tree", number)
	}
	var proof bytes.Buffer
	fmt.Fprintf(&proof, "%s\n%s%s\n%s%d\n", proofHeader, proofExtra, base64.StdEncoding.EncodeToString(open(sealed)), proofIndex, number)
	for _, hash := range path {
		fmt.Fprintln(&proof, base64.StdEncoding.EncodeToString(hash[:]))
	}
	proof.WriteString("\n")
	proof.Write(head.Note)
	return proof.Bytes(), nil
}

// entry reads one entry.
func entry(ctx context.Context, source Source, number ledger.Number) (ledger.Sealed, error) {
	for sealed, err := range source.Sealed(ctx, number) {
		switch {
		case err != nil:
			return ledger.Sealed{}, fmt.Errorf("reading entry %d: %w", number, err)
		case sealed.Number == number:
			return sealed, nil
		}
		break
	}
	place := int(number % width)
	made, err := commitments(ctx, source, number-ledger.Number(place), place+1)
	if err == nil && made[place] != nil {
		err = &fault.Error{Kind: fault.Absent, Public: fmt.Sprintf("entry %d was dropped at its term", number)}
	} else if err == nil {
		err = fmt.Errorf("entry %d is missing", number)
	}
	return ledger.Sealed{}, err
}

var errNoProof = errors.New("this is not the proof of an entry, as poterne ledger prove makes it")

// OpenProof holds a proof against the key's public half, and returns the entry it
// proves and the checkpoint the entry is under.
func OpenProof(proof []byte, verifier note.Verifier) (ledger.Entry, ledger.Checkpoint, error) {
	return openProof(proof, verifier, func(opening []byte) (ledger.Entry, tlog.Hash, error) {
		if len(opening) <= len(ledger.Salt{}) {
			return ledger.Entry{}, tlog.Hash{}, errNoProof
		}
		sealed := ledger.Sealed{Salt: ledger.Salt(opening), Body: opening[len(ledger.Salt{}):]}
		entry, err := ledger.Decode(sealed.Body)
		return entry, sealed.Leaf(), err
	})
}

// OpenProofToPerson is OpenProof for a proof that ProveToPerson made. The entry has what the
// person may read.
func OpenProofToPerson(proof []byte, verifier note.Verifier) (ledger.Entry, ledger.Checkpoint, error) {
	return openProof(proof, verifier, ledger.OpenToPerson)
}

func openProof(proof []byte, verifier note.Verifier, open func([]byte) (ledger.Entry, tlog.Hash, error)) (ledger.Entry, ledger.Checkpoint, error) {
	none := func(err error) (ledger.Entry, ledger.Checkpoint, error) {
		return ledger.Entry{}, ledger.Checkpoint{}, err
	}
	stated, signed, _ := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(stated, "\n")
	if len(lines) < 3 || lines[0] != proofHeader || !strings.HasPrefix(lines[1], proofExtra) || !strings.HasPrefix(lines[2], proofIndex) {
		return none(errNoProof)
	}
	opening, err := base64.StdEncoding.Strict().DecodeString(lines[1][len(proofExtra):])
	if err != nil {
		return none(errNoProof)
	}
	index := lines[2][len(proofIndex):]
	number, err := strconv.ParseInt(index, 10, 64)
	if err != nil || strconv.FormatInt(number, 10) != index {
		return none(errNoProof)
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return none(errNoProof)
		}
		path = append(path, tlog.Hash(hash))
	}
	head, err := ledger.OpenCheckpoint([]byte(signed), verifier)
	if err != nil {
		return none(err)
	}
	entry, leaf, unread := open(opening)
	switch {
	case errors.Is(unread, errNoProof):
		return none(unread)
	case tlog.CheckRecord(path, head.Size, head.Root, number, leaf) != nil:
		return none(fmt.Errorf("the entry is not number %d of the ledger that was signed", number))
	case unread != nil || entry.Number != ledger.Number(number):
		return none(fmt.Errorf("number %d of the ledger is no entry of that number", number))
	}
	return entry, head, nil
}
