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
	head, err := newest(ctx, source, verifier)
	if err != nil {
		return nil, err
	}
	if number >= ledger.Number(head.Size) {
		return nil, fmt.Errorf("entry %d is not under a checkpoint: the newest has %d entries", number, head.Size)
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
	opening := append(bytes.Clone(sealed.Salt[:]), sealed.Body...)
	fmt.Fprintf(&proof, "%s\n%s%s\n%s%d\n", proofHeader, proofExtra, base64.StdEncoding.EncodeToString(opening), proofIndex, number)
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
	none := func(err error) (ledger.Entry, ledger.Checkpoint, error) {
		return ledger.Entry{}, ledger.Checkpoint{}, err
	}
	stated, signed, _ := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(stated, "\n")
	if len(lines) < 3 || lines[0] != proofHeader || !strings.HasPrefix(lines[1], proofExtra) || !strings.HasPrefix(lines[2], proofIndex) {
		return none(errNoProof)
	}
	opening, err := base64.StdEncoding.Strict().DecodeString(lines[1][len(proofExtra):])
	if err != nil || len(opening) <= len(ledger.Salt{}) {
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
	salt, body := ledger.Salt(opening), opening[len(ledger.Salt{}):]
	sealed := ledger.Sealed{Number: ledger.Number(number), Salt: salt, Body: body}
	if tlog.CheckRecord(path, head.Size, head.Root, number, sealed.Leaf()) != nil {
		return none(fmt.Errorf("the entry is not number %d of the ledger that was signed", number))
	}
	entry, err := ledger.Decode(body)
	if err != nil || entry.Number != sealed.Number {
		return none(fmt.Errorf("number %d of the ledger is no entry of that number", number))
	}
	return entry, head, nil
}
