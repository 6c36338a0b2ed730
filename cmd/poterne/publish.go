package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/app"
	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/register"
)

// What is published of the ledger says nothing of what entries hold, so that
// publishing it is not written in it.

type ledgerPublish struct {
	database
	Dir string `arg:"" type:"existingdir" help:"The folder; what was published there before stays."`
}

// Run brings a folder up to the newest checkpoint.
func (p *ledgerPublish) Run(ctx context.Context, on *streams) error {
	folder, err := os.OpenRoot(p.Dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return p.withConcealed(ctx, on, func(o *app.Opened) error {
		head, err := tiles.Publish(ctx, o.Published(), o.Verifier, folder)
		if err != nil {
			return fmt.Errorf("the ledger is not published: %w", err)
		}
		fmt.Fprintf(on.Out, "%d entries are published\n", head.Size)
		return nil
	})
}

type ledgerVerifyCopy struct {
	Dir        string   `arg:"" type:"existingdir" help:"The folder that was published."`
	Key        string   `required:"" type:"existingfile" help:"The public half of the checkpoint key, checkpoint.pub."`
	Checkpoint []string `type:"existingfile" help:"Checkpoints that were kept elsewhere."`
	wanted
}

// Run verifies a published copy, anywhere: it needs neither the database nor a
// configuration. Damage is named on the standard output and makes the answer no.
func (v *ledgerVerifyCopy) Run(ctx context.Context, on *streams) error {
	verifier, err := readVerifier(v.Key)
	if err != nil {
		return err
	}
	elsewhere, err := readAll(v.Checkpoint)
	if err != nil {
		return err
	}
	folder, err := os.OpenRoot(v.Dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	report, err := tiles.Verify(ctx, folder.FS(), verifier, elsewhere)
	if err != nil {
		return fmt.Errorf("the copy could not be read to its end: %w", err)
	}
	for _, finding := range report.Findings {
		fmt.Fprintln(on.Out, finding)
	}
	fmt.Fprintf(on.Out, "%s, %s\n", count(int(report.Entries), "entry", "entries"), count(int(report.Checkpoints), "checkpoint", "checkpoints"))
	if !report.Sound() {
		return fmt.Errorf("the copy does not verify: %d findings", len(report.Findings))
	}
	signed, err := folder.ReadFile("checkpoint")
	if err != nil {
		return err
	}
	return v.under(signed)
}

type ledgerProve struct {
	database
	actor
	Number ledger.Number `arg:"" help:"The entry's number, as a receipt has it."`
}

// Run prints an entry with its proof; it is written in the ledger first.
func (p *ledgerProve) Run(ctx context.Context, on *streams) error {
	return p.with(ctx, on, func(o *app.Opened) error {
		if err := p.record(ctx, o, ledger.Entry{Kind: ledger.Read, State: ledger.Proof, From: p.Number, End: p.Number + 1}); err != nil {
			return err
		}
		proof, err := tiles.Prove(ctx, o.Published(), o.Verifier, p.Number)
		if err != nil {
			return err
		}
		_, err = on.Out.Write(proof)
		return err
	})
}

type ledgerVerifyProof struct {
	Proof string `arg:"" type:"existingfile" help:"What poterne ledger prove printed."`
	Key   string `required:"" type:"existingfile" help:"The public half of the checkpoint key, checkpoint.pub."`
	wanted
}

// Run verifies a proof, anywhere, and prints the entry that it proves.
func (v *ledgerVerifyProof) Run(on *streams) error {
	verifier, err := readVerifier(v.Key)
	if err != nil {
		return err
	}
	proof, err := os.ReadFile(v.Proof)
	if err != nil {
		return err
	}
	entry, head, err := tiles.OpenProof(proof, verifier)
	if err != nil {
		return fmt.Errorf("nothing is proved: %w", err)
	}
	if err := v.under(head.Note); err != nil {
		return fmt.Errorf("nothing is proved: %w", err)
	}
	fmt.Fprintf(on.Err, "entry %d of %d in %s:\n", entry.Number, head.Size, verifier.Name())
	if entry.Epoch != 0 {
		fmt.Fprintf(on.Err, "the person is a pseudonym of %s; in every other month they have another\n", entry.Epoch)
	}
	return json.NewEncoder(on.Out).Encode(ledger.LineOf(entry, register.Categories{}))
}

// readVerifier reads the public half of a checkpoint key.
func readVerifier(file string) (note.Verifier, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return nil, usage("%s is not the public half of a checkpoint key, as poterne keys makes it", file)
	}
	return verifier, nil
}

// wanted is whose co-signatures somebody wants to see under a checkpoint.
type wanted struct {
	Witness []string `placeholder:"KEY" sep:"none" help:"A witness's public key, whose co-signature is wanted."`
	Need    int      `help:"How many of the witnesses are enough; all of them when left out."`
}

// under wants the co-signatures under a note.
func (w wanted) under(signed []byte) error {
	quorum, err := witness.QuorumOf(w.Witness, w.Need)
	if err != nil {
		return usageError(err.Error())
	}
	if !quorum.Met(signed) {
		return fmt.Errorf("the checkpoint is not co-signed by %d of these witnesses", quorum.Need)
	}
	return nil
}
