package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsNoBundleOrNoKeyIsSaidSo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, body string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	key := write("key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n")
	none := write("none", "nothing")
	for args, want := range map[string]string{
		"":                                  "name the bundle and the file of the public key",
		none:                                "name the bundle",
		none + " " + none:                   "is no public key of a ledger",
		none + " " + key:                    "DOES NOT HOLD: this is no bundle",
		filepath.Join(dir, "x") + " " + key: "no such file",
	} {
		if err := run(strings.Fields(args), os.Stdout); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
