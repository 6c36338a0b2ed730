package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/store/storetest"
)

// nightly is a program on PostgreSQL whose server is copied every night, and whose
// checkpoints are kept on another machine.
type nightly struct {
	t          *testing.T
	connection string
	dir        string
	configFile string
	settings   config.Settings
}

// works records some acts, and signs a checkpoint.
func (n *nightly) works(acts int) {
	n.t.Helper()
	o, err := app.OpenConcealed(n.t.Context(), config.Settings{Server: n.connection})
	if err != nil {
		n.t.Fatal(err)
	}
	defer o.Close()
	for range acts {
		if err := journal.Record(n.t.Context(), o.Writer(), ledger.Entry{Kind: ledger.Read, Account: "nadia", State: ledger.Tail}); err != nil {
			n.t.Fatal(err)
		}
	}
	sequencer, err := ledger.NewSequencer(n.t.Context(), o.Ledger, n.settings.Signer, n.settings.Verifier, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := sequencer.Step(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// keep keeps the newest checkpoint elsewhere.
func (n *nightly) keep(name string) (file string) {
	n.t.Helper()
	o, err := app.OpenConcealed(n.t.Context(), config.Settings{Server: n.connection})
	if err != nil {
		n.t.Fatal(err)
	}
	defer o.Close()
	signed, err := o.Ledger.Checkpoint(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	file = filepath.Join(n.dir, name)
	if err := os.WriteFile(file, signed, 0o600); err != nil {
		n.t.Fatal(err)
	}
	return file
}

// verify runs the command as somebody types it.
func (n *nightly) verify(when, want string, checkpoints ...string) {
	n.t.Helper()
	args := []string{"ledger", "verify", "--config", n.configFile}
	for _, file := range checkpoints {
		args = append(args, "--checkpoint", file)
	}
	var out, complaints bytes.Buffer
	code := run(n.t.Context(), args, &streams{Out: &out, Err: &complaints})
	found, _, _ := strings.Cut(out.String(), "\n")
	if want == "" && code != 0 || want != "" && (code != 1 || found != want) {
		n.t.Errorf("%s: %d, %s%s want %q", when, code, out.String(), complaints.String(), want)
	}
}

// Promise: LEDGER-3
func TestLEDGER_3_VerifyNamesWhatABackupThatWasPutBackHasLost(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	n := &nightly{t: t, connection: cluster.Database(t), dir: configtest.Secrets(t)}
	n.configFile = onServer(t, n.dir, "poterne.toml", n.connection)
	var err error
	if n.settings, err = config.Read(n.configFile); err != nil {
		t.Fatal(err)
	}
	n.works(29) // and entry 0, which opens the ledger
	yesterday := n.keep("yesterday.checkpoint")
	restore := cluster.Backup(t)
	n.works(10)
	today := n.keep("today.checkpoint")
	n.verify("before", "", yesterday, today)

	restore()
	n.verify("restored, by itself", "")
	n.verify("restored, beside today's checkpoint", "entries 30 to 39: removed", today)
	n.works(20) // the program goes on, and signs with the right key
	n.verify("forked, by itself", "")
	n.verify("forked, beside yesterday's checkpoint", "", yesterday)
	n.verify("forked, beside both", "entries 30 to 39: rewritten", yesterday, today)
}
