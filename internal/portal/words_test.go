package portal

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poterne/internal/i18n"
)

func TestFrenchTypography(t *testing.T) {
	wrong := regexp.MustCompile(`[^\s\x{202f}\x{a0}:/][;!?»]|[\p{L}\d)] ?[;:!?»](\s|$)|«[^\x{202f}]|\p{L}'\p{L}`)
	fr := readWords(i18n.French)
	for key, said := range fr.texts {
		if found := wrong.FindString(said); found != "" {
			t.Errorf("%s: %q in %q", key, found, said)
		}
	}
}

func TestBothLanguagesHaveTheSameWordsAndEachIsUsed(t *testing.T) {
	fr, en := readWords(i18n.French), readWords(i18n.English)
	hole := regexp.MustCompile(`\{[a-z]+\}`)
	for key, french := range fr.texts {
		english, ok := en.texts[key]
		if !ok {
			t.Errorf("%q is not said in English", key)
			continue
		}
		a, b := hole.FindAllString(french, -1), hole.FindAllString(english, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			t.Errorf("%q has other names in it: %v and %v", key, a, b)
		}
	}
	for key := range en.texts {
		if _, ok := fr.texts[key]; !ok {
			t.Errorf("%q is not said in French", key)
		}
	}
	source := sources(t)
	for key := range fr.texts {
		if !used(key, source) {
			t.Errorf("%q is never said", key)
		}
	}
}

// used reports whether a key, or the beginning that a template or the program
// completes, is written somewhere.
func used(key string, source []byte) bool {
	plain := strings.TrimSuffix(strings.TrimSuffix(key, "-one"), "-many")
	table, _, _ := strings.Cut(key, ".")
	for _, written := range []string{key, plain, table + "."} {
		if bytes.Contains(source, []byte(`"`+written+`"`)) {
			return true
		}
	}
	for i := range key { // "order.title-" and the like
		if key[i] == '-' && bytes.Contains(source, []byte(`"`+key[:i+1]+`"`)) {
			return true
		}
	}
	return false
}

// sources is every template and every file of the program together.
func sources(t *testing.T) (all []byte) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.go") || path.Ext(name) != ".go" && path.Ext(name) != ".html" {
			return err
		}
		raw, err := os.ReadFile(name)
		all = append(all, raw...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
