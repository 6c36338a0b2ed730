package witness

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const checkpoint = "ledger.poterne.example\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

// cosigner is a witness's key pair.
func cosigner(t *testing.T, name string) (Key, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewKey(name, public), private
}

// signed is a checkpoint under a line of its ledger and one of a witness.
func signed(t *testing.T, key Key, private ed25519.PrivateKey, at uint64) []byte {
	t.Helper()
	secret, _, err := note.GenerateKey(nil, "ledger.poterne.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: checkpoint}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return append(text, lineOf(key, private, at)...)
}

func lineOf(key Key, private ed25519.PrivateKey, at uint64) string {
	raw := binary.BigEndian.AppendUint32(nil, key.id)
	raw = binary.BigEndian.AppendUint64(raw, at)
	raw = append(raw, ed25519.Sign(private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, checkpoint))...)
	return "— " + key.name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func TestACosignatureSaysWhoAndWhen(t *testing.T) {
	key, private := cosigner(t, "witness.example/w1")
	found, err := cosignatures(signed(t, key, private, 1_700_000_000), key)
	if err != nil || len(found) != 1 || !found[0].at.Equal(time.Unix(1_700_000_000, 0)) || found[0].Name != "witness.example/w1" {
		t.Errorf("found %v, %v", found, err)
	}
	stranger, _ := cosigner(t, "witness.example/w2")
	if found, err := cosignatures(signed(t, key, private, 1), stranger); err != nil || len(found) != 0 {
		t.Errorf("another witness signed: %v, %v", found, err)
	}
}

func TestACosignatureThatWasTouchedIsWorthNothing(t *testing.T) {
	key, private := cosigner(t, "witness.example/w1")
	other, _ := cosigner(t, "witness.example/w1")
	other.id = key.id // an id is short: another key may have it
	whole := string(signed(t, key, private, 1_700_000_000))
	line := lineOf(key, private, 1_700_000_000)
	for name, test := range map[string]struct {
		signed string
		key    Key
	}{
		"another size":     {strings.Replace(whole, "\n3\n", "\n4\n", 1), key},
		"another time":     {strings.Replace(whole, line, lineWithTime(t, line), 1), key},
		"another key":      {whole, other},
		"cut short":        {strings.Replace(whole, line, "— witness.example/w1 "+strings.Fields(line)[2][:16]+"\n", 1), key},
		"beyond all times": {strings.Replace(whole, line, lineOf(key, private, 1<<63), 1), key},
	} {
		if (Quorum{[]Key{test.key}, 1}).Met([]byte(test.signed)) {
			t.Errorf("%s: it counts", name)
		}
	}
}

// lineWithTime is a signature line with another time and the same signature.
func lineWithTime(t *testing.T, line string) string {
	t.Helper()
	fields := strings.Fields(line)
	raw, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		t.Fatal(err)
	}
	raw[11]++
	return "— " + fields[1] + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func TestAQuorumCountsWitnessesAndNotSignatures(t *testing.T) {
	one, private := cosigner(t, "witness.example/w1")
	two, second := cosigner(t, "witness.example/w2")
	quorum := Quorum{[]Key{one, two}, 2}
	text := signed(t, one, private, 1_700_000_000)
	if again := append(text, lineOf(one, private, 1_700_000_001)...); quorum.Met(again) {
		t.Error("one witness that signed twice is two")
	}
	if both := append(text, lineOf(two, second, 1_700_000_001)...); !quorum.Met(both) {
		t.Error("two witnesses are not two")
	}
}

func TestOnlyItsWitnessesLinesComeUnderANote(t *testing.T) {
	one, private := cosigner(t, "witness.example/w1")
	two, second := cosigner(t, "witness.example/w2")
	stranger, third := cosigner(t, "witness.example/w3")
	quorum := Quorum{[]Key{one, two}, 2}
	bare := signed(t, one, private, 1)
	bare = bare[:len(bare)-len(lineOf(one, private, 1))]
	under := quorum.Under(bare, [][]byte{
		[]byte("no line\n"), []byte(lineOf(stranger, third, 1)), []byte(strings.TrimSpace(lineOf(one, private, 2))),
		[]byte(lineOf(one, second, 3)), []byte(lineOf(two, second, 4)), []byte(lineOf(one, private, 5)), []byte(lineOf(one, private, 6)),
	})
	if want := string(bare) + lineOf(one, private, 5) + lineOf(two, second, 4); string(under) != want {
		t.Errorf("the note has become\n%s", under)
	}
	if !quorum.Met(under) || quorum.Met(bare) {
		t.Error("a quorum is not what it needs")
	}
}

func TestAKeyIsReadAsWitnessesPublishIt(t *testing.T) {
	key, private := cosigner(t, "witness.example/w1")
	plain, err := note.NewEd25519VerifierKey("witness.example/w1", private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{key.String(), plain} {
		parsed, err := ParseKey(text)
		if err != nil || parsed.String() != key.String() || parsed.KeyHash() != key.KeyHash() {
			t.Errorf("%s is read as %s, %v", text, parsed, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":             "",
		"no key":              "witness.example/w1+00000000",
		"a name with a space": strings.Replace(key.String(), "witness.", "witness ", 1),
		"another name":        strings.Replace(key.String(), "w1", "w2", 1),
		"a short key":         "witness.example/w1+00000000+BAAA",
		"a private key":       "PRIVATE+KEY+witness.example/w1+00000000+AAAA",
		"another kind of key": strings.Replace(key.String(), "+B", "+C", 1),
	} {
		if parsed, err := ParseKey(text); err == nil {
			t.Errorf("%s is taken for %s", name, parsed)
		}
	}
}
