package tiles_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/store/storetest"
)

// Promise: LEDGER-3
func TestAProofNeedsNothingButThePublicKey(t *testing.T) {
	l := newLog(t)
	for _, more := range []int{1, 1, 298, 500} {
		head := l.write(t, more)
		for _, number := range []int64{0, 1, 255, 256, head.Size / 2, head.Size - 1} {
			if number >= head.Size {
				continue
			}
			proof, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, ledger.Number(number))
			if err != nil {
				t.Fatal(err)
			}
			entry, under, err := tiles.OpenProof(proof, l.verifier)
			want, wrong := l.Entry(t.Context(), ledger.Number(number))
			if err != nil || wrong != nil || entry != want || under.Size != head.Size {
				t.Errorf("entry %d of %d: %+v, under %d, %v", number, head.Size, entry, under.Size, err)
			}
		}
		if _, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, ledger.Number(head.Size)); err == nil {
			t.Errorf("entry %d was proved before it was written", head.Size)
		}
	}
}

// Promise: LEDGER-3
func TestAProofThatWasChangedProvesNothing(t *testing.T) {
	l := newLog(t)
	l.write(t, 300)
	proof, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, 260)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := bytes.Cut(proof, []byte("\n— ")) // everything that is signed or proved
	for place := range text {
		changed := bytes.Clone(proof)
		changed[place] ^= 1
		if entry, _, err := tiles.OpenProof(changed, l.verifier); err == nil {
			t.Errorf("with byte %d changed it proves %+v", place, entry)
		}
	}
	for place := range proof {
		if _, _, err := tiles.OpenProof(proof[:place], l.verifier); err == nil {
			t.Errorf("its first %d bytes prove the entry", place)
		}
	}
	stranger := newLog(t)
	if _, _, err := tiles.OpenProof(proof, stranger.verifier); err == nil {
		t.Error("another ledger's key opens it")
	}
}

// Promise: LEDGER-3
func TestATamperedEntryCannotBeProved(t *testing.T) {
	for name, tamper := range map[string]string{
		"changed":  `update entry set body = cast(substr(body, 1, length(body) - 1) || x'7a' as blob) where number = 7`,
		"removed":  `delete from entry where number = 7`,
		"the tree": `update tile set hashes = zeroblob(length(hashes)) where level = 0`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			l.write(t, 20)
			l.tamper(t, tamper)
			if _, err := tiles.Prove(t.Context(), l.Ledger, l.verifier, 7); err == nil {
				t.Error("it was proved")
			}
		})
	}
}

// Under the checkpoint of one entry, whatever is stated proves that entry or
// nothing.
func FuzzOpenProof(f *testing.F) {
	signer, verifier := storetest.Notary(f)
	entries, err := ledger.Pseudonyms{}.Seal([]ledger.Entry{{Number: 0, Time: storetest.At, Kind: ledger.Read, Account: "samir"}})
	if err != nil {
		f.Fatal(err)
	}
	sealed := entries[0]
	leaf := sealed.Leaf()
	signed, err := note.Sign(&note.Note{Text: "ledger.poterne.example\n1\n" + base64.StdEncoding.EncodeToString(leaf[:]) + "\n"}, signer)
	if err != nil {
		f.Fatal(err)
	}
	opening := base64.StdEncoding.EncodeToString(append(bytes.Clone(sealed.Salt[:]), sealed.Body...))
	good := "c2sp.org/tlog-proof@v1\nextra " + opening + "\nindex 0\n\n" + string(signed)
	if _, _, err := tiles.OpenProof([]byte(good), verifier); err != nil {
		f.Fatal(err)
	}
	f.Add(strings.TrimSuffix(good, string(signed)))
	f.Add(strings.Replace(strings.TrimSuffix(good, string(signed)), "index 0", "index -1", 1))
	f.Add("c2sp.org/tlog-proof@v1\nextra \nindex 00\n\n")
	f.Fuzz(func(t *testing.T, stated string) {
		entry, _, err := tiles.OpenProof([]byte(stated+string(signed)), verifier)
		if err == nil && (entry.Account != "samir" || entry.Number != 0) {
			t.Errorf("it proves %+v", entry)
		}
	})
}

// The proof that a person is given proves what they read, and names no account.
func TestAProofToThePersonOpensWhatTheyMayReadAndNothingElse(t *testing.T) {
	l := newLog(t)
	l.write(t, 300)
	const shown = 260
	proof, err := tiles.ProveToPerson(t.Context(), l.Ledger, l.verifier, shown)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := l.Entry(t.Context(), shown)
	if err != nil {
		t.Fatal(err)
	}
	entry, under, err := tiles.OpenProofToPerson(proof, l.verifier)
	if err != nil || entry != whole.ToPerson() || under.Size < 300 || entry.Person != whole.Person || entry.Fields != whole.Fields {
		t.Fatalf("%+v under %d, %v", entry, under.Size, err)
	}
	_, extra, _ := strings.Cut(string(proof), "extra ")
	extra, _, _ = strings.Cut(extra, "\n")
	opening, err := base64.StdEncoding.DecodeString(extra)
	if err != nil || whole.Account == "" || bytes.Contains(opening, []byte(whole.Account)) || entry.Account != "" || entry.Session != "" || entry.Device != "" {
		t.Errorf("the proof names the account %q, or it has none (%v)", whole.Account, err)
	}
	if _, _, err := tiles.OpenProof(proof, l.verifier); err == nil {
		t.Error("it is taken for the proof of the whole entry")
	}
	text, _, _ := bytes.Cut(proof, []byte("\n— "))
	for place := 0; place < len(text); place += 7 {
		changed := bytes.Clone(proof)
		changed[place] ^= 1
		if entry, _, err := tiles.OpenProofToPerson(changed, l.verifier); err == nil {
			t.Errorf("with byte %d changed it proves %+v", place, entry)
		}
	}
	act := ledger.Sealed{Number: 7, Body: ledger.Entry{Number: 7, Kind: ledger.Read, Account: "samir", State: ledger.Tail}.Append(nil)}
	if entry, _, err := ledger.OpenToPerson(act.Opening()); err == nil {
		t.Errorf("an entry that shows nobody is opened: %+v", entry)
	}
}
