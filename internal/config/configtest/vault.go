package configtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Secret is what gives whoever has it something: it stands in no answer to a request that did
// not bring it.
type Secret struct {
	What string
	Text []byte
	Own  string // the one address whose answer gives it to its own holder; empty for none
	Of   string // that holder
}

// forms are what a secret could be written as.
func (s Secret) forms() (list []string) {
	sum := sha256.Sum256(s.Text)
	for _, raw := range [][]byte{s.Text, sum[:]} {
		list = append(list, string(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
			base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), url.QueryEscape(string(raw)))
	}
	return list
}

// least is how long a text is that cannot stand in an answer by chance.
const least = 16

// Vault is every secret that the program has given out or keeps.
type Vault struct {
	all   []Secret
	known map[string]bool
	found map[uint64][]written // by the first eight bytes
}

// written is a form of a secret.
type written struct {
	form string
	of   int // in all
}

// NewVault returns an empty one.
func NewVault() *Vault {
	return &Vault{known: make(map[string]bool), found: make(map[uint64][]written)}
}

// Add takes a text for a secret, unless it is too short to be one.
func (v *Vault) Add(s Secret) {
	if len(s.Text) < least || bytes.Trim(s.Text, "\x00") == nil || v.known[string(s.Text)] {
		return
	}
	v.known[string(s.Text)] = true
	v.all = append(v.all, s)
	for _, form := range s.forms() {
		if first := binary.NativeEndian.Uint64([]byte(form)); !v.known["form "+form] {
			v.known["form "+form] = true
			v.found[first] = append(v.found[first], written{form, len(v.all) - 1})
		}
	}
}

// Shown are the secrets that an answer to somebody holds and that their request did not bring.
func (v *Vault) Shown(who, pattern, asked string, answered []byte) (list []string) {
	for i := 0; i+8 <= len(answered); i++ {
		for _, one := range v.found[binary.NativeEndian.Uint64(answered[i:])] {
			s := v.all[one.of]
			if bytes.HasPrefix(answered[i:], []byte(one.form)) && !strings.Contains(asked, one.form) && !(s.Own != "" && s.Own == pattern && s.Of == who) {
				list = append(list, s.What)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// AddFiles takes for secrets what the files of a folder that Secrets made hold, but for public
// halves and the configuration.
func (v *Vault) AddFiles(t testing.TB, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		switch filepath.Ext(file) {
		case ".key", ".secret", ".token", ".password":
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.FieldsSeq(string(text)) {
				v.Add(Secret{What: "the file " + filepath.Base(file), Text: []byte(line)})
			}
		}
	}
}

// Text is one of the secrets.
func (v *Vault) Text(t testing.TB, of string) string {
	t.Helper()
	i := slices.IndexFunc(v.all, func(s Secret) bool { return strings.HasPrefix(s.What, of) })
	if i < 0 {
		t.Fatalf("there is no %s", of)
	}
	return string(v.all[i].Text)
}
