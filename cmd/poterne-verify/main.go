// Command poterne-verify verifies the evidence of an incident, or the proof of one line that
// a person was given, for somebody who has that and the public half of the key that signs
// the ledger's checkpoints, and nothing else:
//
//	go run ./cmd/poterne-verify evidence.zip checkpoint.pub
//	go run ./cmd/poterne-verify poterne-118.tlog-proof checkpoint.pub
//
// Take the key from the body by another way than the bundle: the one inside proves that
// the bundle agrees with itself. It exits with 1 when anything does not hold.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/incident/evidence"
	"poterne/internal/ledger/tiles"
	"poterne/internal/register"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "poterne-verify:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("name the bundle and the file of the public key: poterne-verify evidence.zip checkpoint.pub")
	}
	bundle, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	key, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return fmt.Errorf("%s is no public key of a ledger: %w", args[1], err)
	}
	if strings.HasPrefix(string(bundle), "c2sp.org/tlog-proof@") {
		e, head, err := tiles.OpenProofToPerson(bundle, verifier)
		if err != nil {
			return fmt.Errorf("DOES NOT HOLD: %w", err)
		}
		_, err = fmt.Fprintf(out, "It holds, under the key of %s: entry %d of %d.\n  %s: %s of the body %s, for the reason %q.\n",
			verifier.Name(), e.Number, head.Size, e.Time.Format(time.RFC3339), register.Categories{}.Joined(e.Fields), e.Organisation, e.Reason.Kind)
		return err
	}
	r, err := evidence.Verify(bundle, verifier)
	if err != nil {
		return fmt.Errorf("DOES NOT HOLD: %w", err)
	}
	_, err = fmt.Fprintf(out, "It holds: incident %s, under the key of %s.\n"+
		"  %d entries are in the ledger that was signed, under checkpoints of at least %d entries:\n"+
		"  %d lines of the journal, as their entries say, none missing between them;\n"+
		"  %d disclosures, %d of them without a reason; %d orders placed or lifted.\n"+
		"  what was shown: %s;\n"+
		"  SHA-256 of the manifest: %s\n", r.Reference, verifier.Name(), r.Entries, r.Size, r.Lines, r.Disclosures, r.WithNone, r.Orders, shown(r), r.Manifest)
	return err
}

// shown is what was shown in the disclosures, and whether the ledger says so.
func shown(r evidence.Report) string {
	var said []string
	for _, one := range r.Shown {
		said = append(said, one.ID)
	}
	switch {
	case len(said) == 0:
		return "nothing of anybody"
	case !r.Glossed:
		return strings.Join(said, ", ") + " (the words are the body's own: the entry that declares them is not proven)"
	default:
		return strings.Join(said, ", ") + ", as the ledger declares these categories"
	}
}
