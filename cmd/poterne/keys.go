package main

import (
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
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/reason/intake"
	"poterne/internal/register"
)

type keysCommands struct {
	Make    keysCommand `cmd:"" default:"withargs" help:"Make them all; make may be left out."`
	Epoch   keysEpoch   `cmd:"" help:"Make the epoch key alone, for a configuration that has the others."`
	Advance keysAdvance `cmd:"" help:"Throw away the keys of months that were dropped."`
}

// keysCommand makes the secrets that a configuration needs.
type keysCommand struct {
	Dir    string `arg:"" help:"Where to put them; it must exist."`
	Origin string `required:"" help:"Name of the ledger in its checkpoints, such as poterne.example/ledger; it never changes."`
	Public string `type:"existingfile" help:"The public half, in PEM, of a checkpoint key that stays where it is: in a token."`
}

// keyFile is a file with a key.
type keyFile struct{ name, text string }

// Run writes the four keys, and the public half of the checkpoint key, which is
// for whoever verifies the ledger. It replaces nothing.
func (k *keysCommand) Run(on *streams) error {
	pseudonym := make([]byte, register.KeyBytes)
	_, _ = rand.Read(pseudonym) // never fails: crypto/rand ends the program instead
	checkpoint, err := k.checkpoint()
	if err != nil {
		return err
	}
	assertion, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the assertion key: %w", err)
	}
	assertionDER, err := x509.MarshalPKCS8PrivateKey(assertion)
	if err != nil {
		return fmt.Errorf("writing the assertion key: %w", err)
	}
	files := append([]keyFile{{"pseudonym.key", hex.EncodeToString(pseudonym) + "\n"}}, checkpoint...)
	files = append(files, keyFile{"assertion.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: assertionDER}))}, newEpochKey())
	return writeKeys(k.Dir, files, on)
}

func writeKeys(dir string, files []keyFile, on *streams) error {
	for _, made := range files {
		if err := writeNew(filepath.Join(dir, made.name), made.text); err != nil {
			return err
		}
		fmt.Fprintln(on.Out, filepath.Join(dir, made.name))
	}
	return nil
}

// checkpoint is the checkpoint key's files: both halves, or the public half of one
// that is elsewhere.
func (k *keysCommand) checkpoint() ([]keyFile, error) {
	signer, verifier, err := note.GenerateKey(rand.Reader, k.Origin)
	if err != nil {
		return nil, fmt.Errorf("making the checkpoint key: %w", err)
	}
	if _, err := note.NewSigner(signer); err != nil {
		return nil, usage("%q cannot name a ledger; write a name without spaces and plus signs, such as poterne.example/ledger", k.Origin)
	}
	if k.Public == "" {
		return []keyFile{{"checkpoint.key", signer + "\n"}, {"checkpoint.pub", verifier + "\n"}}, nil
	}
	text, err := os.ReadFile(k.Public)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, usage("%s is not in PEM", k.Public)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	public, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, usage("%s is not a public key of Ed25519", k.Public)
	}
	if verifier, err = note.NewEd25519VerifierKey(k.Origin, public); err != nil {
		return nil, err
	}
	return []keyFile{{"checkpoint.pub", verifier + "\n"}}, nil
}

// writeNew writes a file that must not be there yet, for its owner only.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%s is not written: %w", path, errors.Unwrap(err))
	}
	_, err = io.WriteString(file, text)
	return errors.Join(err, file.Sync(), file.Close())
}

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
	return checkpointKey{signer, verifier}, nil
}

func parseToken(text []byte) (intake.Token, error) {
	if len(text) < intake.TokenLength {
		return intake.Token{}, fmt.Errorf("a token has at least %d characters", intake.TokenLength)
	}
	return intake.NewToken(string(text)), nil
}
