package register_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/register"
)

func epochKey(t *rapid.T, label string) register.EpochKey {
	return register.EpochKey(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, label))
}

func TestWhatIsConcealedIsRevealed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pseudonyms := epochKey(t, "key").Pseudonyms()
		person := register.PersonID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "person"))
		hidden := person
		pseudonyms.Conceal(&hidden)
		if !person.IsZero() && (hidden == person || hidden.IsZero()) {
			t.Fatal("the person is not hidden")
		}
		if person.IsZero() != hidden.IsZero() {
			t.Fatal("nobody became somebody")
		}
		if pseudonyms.Reveal(&hidden); hidden != person {
			t.Fatal("another person came back")
		}

		text, number := rapid.String().Draw(t, "text"), rapid.Uint64().Draw(t, "number")
		covered := pseudonyms.ConcealText(text, number)
		if back, err := pseudonyms.RevealText(covered, number); err != nil || back != text {
			t.Fatalf("%q came back as %q, %v", text, back, err)
		}
		if len(text) >= 8 && (strings.Contains(covered, text) || covered == pseudonyms.ConcealText(text, number+1)) {
			t.Fatal("a text shows through, or looks the same twice")
		}
	})
}

// A pseudonym is a permutation of people: no two look the same.
func TestNoTwoPeopleLookTheSame(t *testing.T) {
	pseudonyms, seen := register.EpochKey{1}.Pseudonyms(), make(map[register.PersonID]bool)
	for i := range 100_000 {
		p := register.PersonID{byte(i), byte(i >> 8), byte(i >> 16), 1}
		pseudonyms.Conceal(&p)
		seen[p] = true
	}
	if len(seen) != 100_000 {
		t.Errorf("100000 people look like %d", len(seen))
	}
}

// Somebody's looks in two epochs differ in half of their bits, as if they were two
// people's.
func TestTwoEpochsShareNothing(t *testing.T) {
	key := register.EpochKey{7}
	one, other := key.Pseudonyms(), key.Next().Pseudonyms()
	const people = 20_000
	looks, same := make(map[register.PersonID]bool, people), 0
	for i := range people {
		p := register.PersonID{byte(i), byte(i >> 8), 9}
		in, then := p, p
		one.Conceal(&in)
		other.Conceal(&then)
		looks[in] = true
		for b := range in {
			for bit := range 8 {
				same += int((in[b]^then[b])>>bit&1) ^ 1
			}
		}
		if looks[then] {
			t.Fatal("somebody looks in one epoch as somebody does in another")
		}
	}
	if share := float64(same) / (people * 128); share < 0.499 || share > 0.501 {
		t.Errorf("%.4f of the bits are the same, want half", share)
	}
	if one.ConcealText("rdv-17", 1) == other.ConcealText("rdv-17", 1) {
		t.Error("a text looks the same in two epochs")
	}
}

// The keys of epochs follow one from another for ever, on every node: a change here
// would make every ledger unreadable.
func TestEpochsFollowForEver(t *testing.T) {
	key := register.EpochKey{}
	for i := range key {
		key[i] = byte(i)
	}
	var lines strings.Builder
	for range 13 {
		person := register.PersonID{15: 1}
		key.Pseudonyms().Conceal(&person)
		fmt.Fprintf(&lines, "%s %x %s %s\n", key.Text(), key.Mark(), person.Hex(), key.Pseudonyms().ConcealText("rendez-vous 17 du 3 mars", 308))
		key = key.Next()
	}
	want, err := os.ReadFile("testdata/epochs.txt")
	if err != nil {
		t.Fatal(err)
	}
	if lines.String() != string(want) {
		t.Errorf("the keys are now:\n%s", lines.String())
	}
}

func TestAnEpochKeyIsReadAsItIsWritten(t *testing.T) {
	key := register.EpochKey{1, 2, 3}
	if back, err := register.ParseEpochKey(key.Text()); err != nil || back != key {
		t.Errorf("came back wrong: %v", err)
	}
	for what, text := range map[string]string{
		"nothing":    "",
		"too short":  key.Text()[:40],
		"too long":   key.Text() + "AAAA",
		"not base64": strings.Repeat("!", 44),
	} {
		if _, err := register.ParseEpochKey(text); err == nil {
			t.Errorf("%s is taken for a key", what)
		}
	}
	if printed := fmt.Sprintf("%v %x %s", key, key, key); printed != "(key) (key) (key)" {
		t.Errorf("a key is printed: %s", printed)
	}
}

func TestATextIsConcealedInCTRMode(t *testing.T) {
	key := register.EpochKey{7}
	mac := hmac.New(sha256.New, key[:])
	_, _ = io.WriteString(mac, "poterne/epoch/texts")
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	for length := range 100 {
		text := strings.Repeat("a", length)
		want := []byte(text)
		cipher.NewCTR(block, append(binary.BigEndian.AppendUint64(nil, 308), make([]byte, 8)...)).XORKeyStream(want, want)
		if got := key.Pseudonyms().ConcealText(text, 308); got != base64.RawURLEncoding.EncodeToString(want) {
			t.Fatalf("%d bytes are concealed as %s", length, got)
		}
	}
}

func BenchmarkPseudonyms(b *testing.B) {
	pseudonyms, person := register.EpochKey{1}.Pseudonyms(), register.PersonID{1}
	b.Run("hide and lift", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pseudonyms.Conceal(&person)
			pseudonyms.Reveal(&person)
		}
	})
	b.Run("a text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = pseudonyms.ConcealText("rdv-2026-000017", 308)
		}
	})
}
