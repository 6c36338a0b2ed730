package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// commandSigner is a checkpoint key that never enters this process: a command signs
// with it, in a token or on another machine.
type commandSigner struct {
	note.Verifier // of the key's public half; it has the name
	command       []string
}

// signingTakes bounds how long a command may take; checkpoints wait for it.
const signingTakes = 5 * time.Second

// Sign implements note.Signer. A signature that is not the key's is not let out.
func (s commandSigner) Sign(text []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), signingTakes)
	defer cancel()
	var signature, complaint bytes.Buffer
	command := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(text), &signature, &complaint
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", s.command[0], errors.Join(err, context.Cause(ctx)), strings.TrimSpace(complaint.String()))
	}
	if !s.Verify(text, signature.Bytes()) {
		return nil, fmt.Errorf("what %s gives is not a signature by the key in checkpoint.pub", s.command[0])
	}
	return signature.Bytes(), nil
}

// parseCheckpoint reads the checkpoint key, or its public half when a command signs.
func (k keysTable) parseCheckpoint(text []byte) (checkpointKey, error) {
	if len(k.Sign) == 0 {
		return parseCheckpointKey(text)
	}
	verifier, err := note.NewVerifier(string(text))
	if err != nil {
		return checkpointKey{}, errors.New("with sign, this is checkpoint.pub, the public half of the key, as poterne keys --public makes it")
	}
	if _, err := exec.LookPath(k.Sign[0]); err != nil {
		return checkpointKey{}, fmt.Errorf("sign: %w", err)
	}
	return checkpointKey{commandSigner{verifier, k.Sign}, verifier}, nil
}
