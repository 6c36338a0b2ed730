package ledger

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the signed head of the tree: how many entries there are, and the
// root over them, as a C2SP checkpoint in a signed note.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
	Note []byte
}

// sign makes the checkpoint of a tree. The signer's name is the log's origin.
func sign(signer note.Signer, size int64, root tlog.Hash) (Checkpoint, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("signing the checkpoint of %d entries: %w", size, err)
	}
	return Checkpoint{size, root, signed}, nil
}

// SignEmpty makes the checkpoint of a ledger without entries, for witnesses: they
// say whether it was always empty.
func SignEmpty(signer note.Signer) (Checkpoint, error) { return sign(signer, 0, new(Edge).Root()) }

// OpenCheckpoint reads a signed note and checks its signature and its origin.
func OpenCheckpoint(signed []byte, verifier note.Verifier) (Checkpoint, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint is not signed by %s: %w", verifier.Name(), err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("the checkpoint is not one of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, fmt.Errorf("the checkpoint has no size")
	}
	var root tlog.Hash
	if hash, err := base64.StdEncoding.DecodeString(lines[2]); err != nil || copy(root[:], hash) != len(root) || len(hash) != len(root) {
		return Checkpoint{}, fmt.Errorf("the checkpoint has no root")
	}
	return Checkpoint{size, root, signed}, nil
}
