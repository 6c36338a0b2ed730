package config_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/ledger"
)

// folder is a folder with the example in its files: what every service is in files of their own.
func folder(t *testing.T, files map[string]string) (main string) {
	t.Helper()
	dir := configtest.Secrets(t)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "poterne.toml")
}

const includes = "include = [\"services/*.toml\"]\n"

// further is a service of its own file.
func further(id, more string) string {
	return "[[service]]\nid = \"" + id + "\"\nprefix = \"/" + id + "\"\nupstream = \"http://127.0.0.1:9\"\npurpose = \"accompany\"\n" + more +
		"[[service.route]]\nget = \"/about\"\nhtml = { plain = \"h1\" }\n"
}

// Promise: RUN-2
func TestRUN_2_FilesThatAreIncludedAreReadInOneOrder(t *testing.T) {
	main := folder(t, map[string]string{
		"poterne.toml":       includes + config.Example,
		"services/b.toml":    further("second", ""),
		"services/a.toml":    further("first", "") + "[register.schemes.badge]\npattern = \"[0-9]{4}\"\n",
		"services/off.toml_": "this is not read",
		"services/.#a.toml":  "nor this",
	})
	s, err := config.Read(main)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, service := range s.Services {
		ids = append(ids, string(service.ID))
	}
	if got := strings.Join(ids, " "); !strings.HasSuffix(got, " first second") {
		t.Errorf("the services are %s", got)
	}
	if !s.Schemes.Knows("badge") {
		t.Error("a table does not go on in an included file")
	}
	var whole []byte
	for _, file := range s.Files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole = fmt.Appendf(whole, "%x\n", sha256.Sum256(text))
	}
	if len(s.Files) != 3 || s.Digest != ledger.Digest(sha256.Sum256(whole)) {
		t.Errorf("the digest of %v is %s", s.Files, s.Digest)
	}
}

// Promise: RUN-2
func TestRUN_2_WhatIsWrongInAnIncludedFileIsSaidWithItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		says  []string
	}{
		"an unknown key": {
			map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": further("one", "") + "[[service.route]]\nget = \"/b\"\nsupervisor = true\nhtml = { plain = \"h1\" }\n"},
			[]string{"services/a.toml:11: service[", "supervisor: not a key that is known here"},
		},
		"what is missing": {
			map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": further("one", "") + "\n[[service]]\nid = \"two\"\n"},
			[]string{"services/a.toml:10: service[", "upstream: missing; write"},
		},
		"a key twice": {
			map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": "[public]\norigin = \"https://elsewhere.example\"\n"},
			[]string{"public.origin: it is written twice: in ", "/poterne.toml:", " and in ", "/services/a.toml:2; write it once"},
		},
		"a key twice in two included files": {
			map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": "[siem]\nfile = \"a\"\n", "services/b.toml": "[siem]\nfile = \"b\"\n"},
			[]string{"siem.file: it is written twice: in ", "/services/a.toml:2 and in ", "/services/b.toml:2; write it once"},
		},
		"a table where there is a list": {
			map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": "[[service.route]]\nget = \"/x\"\n"},
			[]string{"service: it is written twice"},
		},
		"a service twice": {
			map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": further("one", ""), "services/b.toml": further("one", "")},
			[]string{"services/b.toml:"},
		},
		"no such file":        {map[string]string{"poterne.toml": includes + config.Example}, []string{"poterne.toml:1: include[0]: there is no such file"}},
		"itself":              {map[string]string{"poterne.toml": "include = [\"*.toml\"]\n" + config.Example}, []string{"poterne.toml is included twice"}},
		"one in one":          {map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": "\ninclude = [\"b.toml\"]\n"}, []string{"services/a.toml:2: include: an included file includes no other"}},
		"no TOML":             {map[string]string{"poterne.toml": includes + config.Example, "services/a.toml": "\n\n[[service]\n"}, []string{"services/a.toml:3: this is not TOML"}},
		"not a list of names": {map[string]string{"poterne.toml": "include = [3]\n" + config.Example}, []string{"poterne.toml:1: include[0]: not a text"}},
		"a bad word":          {map[string]string{"poterne.toml": "include = [\"[\"]\n" + config.Example}, []string{"poterne.toml:1: include[0]: not a file name"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Read(folder(t, c.files))
			if err == nil {
				t.Fatal("it was read")
			}
			for _, said := range c.says {
				if !strings.Contains(err.Error(), said) {
					t.Errorf("it does not say %q:\n%v", said, err)
				}
			}
		})
	}
}

// Promise: RUN-4
func TestRUN_4_TheEnvironmentSaysWhereSecretsAreAndNothingElse(t *testing.T) {
	main := folder(t, nil)
	t.Setenv("POTERNE_TEST_CREDENTIALS", filepath.Dir(main))
	text := strings.Replace(config.Example, `seal       = "seal.key"`, `seal       = "${POTERNE_TEST_CREDENTIALS}/seal.key"`, 1)
	if text == config.Example {
		t.Fatal("the example names its seal keys in another way")
	}
	s, err := config.Parse(main, []byte(text))
	if err != nil || s.SealFile != filepath.Join(filepath.Dir(main), "seal.key") {
		t.Errorf("%q, %v", s.SealFile, err)
	}
	_, err = config.Parse(main, []byte(strings.Replace(text, "POTERNE_TEST_CREDENTIALS", "POTERNE_TEST_NOTHING", 1)))
	if err == nil || strings.Count(err.Error(), "the environment has no ${POTERNE_TEST_NOTHING}") != 1 {
		t.Errorf("an unset variable: %v", err)
	}
	_, err = config.Parse(main, []byte(strings.Replace(config.Example, `origin = "https://poterne.example"`, `origin = "${POTERNE_TEST_CREDENTIALS}"`, 1)))
	if err == nil || !strings.Contains(err.Error(), "public.origin: not an origin") {
		t.Errorf("a variable where no path is: %v", err)
	}
}
