package config

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/seal"
)

// Key is a key as its file has it.
type Key struct{ File, Text string }

// Write writes the key into a folder, for its owner only. It replaces nothing.
func (k Key) Write(dir string) error {
	path := filepath.Join(dir, k.File)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%s is not written: %w", path, errors.Unwrap(err))
	}
	_, err = io.WriteString(file, k.Text)
	return errors.Join(err, file.Sync(), file.Close())
}

// NewKeys makes the keys of a new ledger, and the public half of the key for its
// checkpoints, which bear the name of the ledger. When the public half is given, in
// PEM, the other half stays where it is.
func NewKeys(ledgerName string, public []byte) ([]Key, error) {
	pseudonym := make([]byte, register.KeyBytes)
	_, _ = rand.Read(pseudonym) // never fails: crypto/rand ends the program instead
	checkpoint, err := newCheckpointKey(ledgerName, public)
	if err != nil {
		return nil, err
	}
	assertion, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the assertion key: %w", err)
	}
	assertionDER, err := x509.MarshalPKCS8PrivateKey(assertion)
	if err != nil {
		return nil, fmt.Errorf("writing the assertion key: %w", err)
	}
	return slices.Concat([]Key{{"pseudonym.key", hex.EncodeToString(pseudonym) + "\n"}}, checkpoint, []Key{
		{"assertion.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: assertionDER}))},
		NewEpochKey(),
		NewSealKey(),
	}), nil
}

func newCheckpointKey(ledgerName string, public []byte) ([]Key, error) {
	signer, verifier, err := note.GenerateKey(rand.Reader, ledgerName)
	if err != nil {
		return nil, fmt.Errorf("making the checkpoint key: %w", err)
	}
	if _, err := note.NewSigner(signer); err != nil {
		return nil, fmt.Errorf("%q cannot name a ledger; write a name without spaces and plus signs, such as poterne.example/ledger", ledgerName)
	}
	if public == nil {
		return []Key{{"checkpoint.key", signer + "\n"}, {"checkpoint.pub", verifier + "\n"}}, nil
	}
	block, _ := pem.Decode(public)
	if block == nil {
		return nil, errors.New("the public half of the checkpoint key is not in PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("the public half of the checkpoint key is not a public key of Ed25519")
	}
	if verifier, err = note.NewEd25519VerifierKey(ledgerName, key); err != nil {
		return nil, err
	}
	return []Key{{"checkpoint.pub", verifier + "\n"}}, nil
}

// EpochFile is what the file with the epoch key is called. The epoch key hides the
// people in the ledger, in each month under a key of its own. The file has the oldest
// month that can be read and that month's key; those of all later months follow from
// it.
const EpochFile = "epoch.key"

// NewEpochKey makes a key that begins with this month.
func NewEpochKey() Key {
	var key register.EpochKey
	_, _ = rand.Read(key[:])
	return Key{EpochFile, ledger.NewPseudonyms(ledger.MonthOf(time.Now()), key).Text() + "\n"}
}

// SealFile is what the file with the seal keys is called. A seal tells rows that a node
// wrote from rows that somebody put into the database.
const SealFile = "seal.key"

// NewSealKey makes a key for seals.
func NewSealKey() Key { return Key{SealFile, seal.New().Text()} }

// ReadSealKeys reads the file of the seal keys, which only its owner may read.
func ReadSealKeys(path string) (seal.Keys, error) {
	text, err := PrivateFile(path)
	if err != nil {
		return seal.Keys{}, err
	}
	return ParseSealKeys(text)
}

// ParseSealKeys reads what a file of seal keys holds.
func ParseSealKeys(text []byte) (seal.Keys, error) { return seal.Parse(string(text)) }

func parsePseudonymKey(text []byte) (register.Key, error) {
	secret, err := hex.DecodeString(string(text))
	if err != nil {
		return register.Key{}, errors.New("a pseudonym key is written in hexadecimal digits, as poterne keys does")
	}
	return register.NewKey(secret)
}

func parseAssertionKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("an assertion key is a PEM block PRIVATE KEY, as poterne keys makes it")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the assertion key cannot be read")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("an assertion key is one of the curve P-256")
	}
	return key, nil
}

// checkpointKey is both halves of the key that signs checkpoints.
type checkpointKey struct {
	signer   note.Signer
	verifier note.Verifier
	public   string // the public half, as note.NewVerifier takes it
}

// parseCheckpointKey reads a note signer's key and works out its public half.
func parseCheckpointKey(text []byte) (checkpointKey, error) {
	broken := errors.New("a checkpoint key is written PRIVATE+KEY+…, as poterne keys does")
	signer, err := note.NewSigner(string(text))
	if err != nil {
		return checkpointKey{}, broken
	}
	parts := strings.SplitN(string(text), "+", 5) // PRIVATE+KEY+name+hash+seed
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return checkpointKey{}, broken
	}
	public := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	half, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return checkpointKey{}, broken
	}
	verifier, err := note.NewVerifier(half)
	if err != nil {
		return checkpointKey{}, broken
	}
	return checkpointKey{signer, verifier, half}, nil
}

func parseToken(text []byte) (intake.Token, error) {
	if len(text) < intake.TokenLength {
		return intake.Token{}, fmt.Errorf("a token has at least %d characters", intake.TokenLength)
	}
	return intake.NewToken(string(text)), nil
}

func parseEpochKey(text []byte) (ledger.Pseudonyms, error) {
	return ledger.ParsePseudonyms(string(text))
}

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
	return checkpointKey{commandSigner{verifier, k.Sign}, verifier, string(text)}, nil
}
