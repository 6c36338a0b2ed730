package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/ledger"
)

// softhsm is where Debian has a token in software.
const softhsm = "/usr/lib/softhsm/libsofthsm2.so"

// token is a token with a checkpoint key in it: the command that signs with it, and
// the public half.
func token(t *testing.T) (sign []string, public string) {
	t.Helper()
	for _, program := range []string{"softhsm2-util", "pkcs11-tool"} {
		if _, err := exec.LookPath(program); err != nil {
			const word = "there is no token in software: apt-get install softhsm2 opensc"
			if os.Getenv("CI") == "true" {
				t.Fatal(word)
			}
			t.Skip(word)
		}
	}
	dir := t.TempDir()
	configuration := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(configuration, []byte("directories.tokendir = "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", configuration)
	t.Setenv("PIN", "1234")
	run := func(args ...string) string {
		t.Helper()
		output, err := exec.Command(args[0], args[1:]...).Output()
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		return string(output)
	}
	tool := []string{"pkcs11-tool", "--module", softhsm, "--token-label", "poterne", "--login", "--pin", "env:PIN", "--id", "01"}
	run("softhsm2-util", "--init-token", "--free", "--label", "poterne", "--pin", "1234", "--so-pin", "5678")
	run(append(tool, "--keypairgen", "--key-type", "EC:edwards25519")...)
	public = filepath.Join(dir, "public.pem")
	if err := os.WriteFile(public, []byte(run(append(tool, "--read-object", "--type", "pubkey")...)), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(tool, "--sign", "--mechanism", "EDDSA"), public
}

// Promise: LEDGER-3
func TestLEDGER_3_TheCheckpointKeyMayStayInAToken(t *testing.T) {
	sign, public := token(t)
	dir := configtest.Secrets(t)
	if err := os.Remove(filepath.Join(dir, "checkpoint.key")); err != nil {
		t.Fatal(err)
	}
	made := t.TempDir()
	if code, out := bare(t, "keys", made, "--origin", "poterne.example/ledger", "--public", public); code != 0 || strings.Contains(out, "checkpoint.key") {
		t.Fatalf("exit %d, printed %s", code, out)
	}
	if err := os.Rename(filepath.Join(made, "checkpoint.pub"), filepath.Join(dir, "checkpoint.pub")); err != nil {
		t.Fatal(err)
	}
	s, err := config.Parse(filepath.Join(dir, "poterne.toml"), []byte(signedBy(sign)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "poterne.db")
	worked(t, s, path, 3)
	s.Database = path
	o, err := app.OpenConcealed(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if report, err := ledger.Verify(t.Context(), o.Ledger, s.Verifier, nil, nil); err != nil || !report.Sound() || report.Proven != 5 {
		t.Errorf("it verifies as %+v, %v", report, err)
	}
}

// signedBy is the example, with a command that signs.
func signedBy(command []string) string {
	return strings.Replace(config.Example, `checkpoint = "checkpoint.key"`, "checkpoint = \"checkpoint.pub\"\nsign = [\""+strings.Join(command, `", "`)+`"]`, 1)
}
