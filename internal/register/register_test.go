package register_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"poterne/internal/register"
)

func key(t *testing.T, fill byte) register.Key {
	t.Helper()
	k, err := register.NewKey(bytes.Repeat([]byte{fill}, register.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAPersonCannotBePrinted(t *testing.T) {
	person := key(t, 1).Person("1234567X")
	ref := register.Ref{Scheme: "dossier", Value: "1234567X"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("seen", slog.Any("person", person), slog.Any("ref", ref))
	for _, text := range []string{
		fmt.Sprint(person, ref), fmt.Sprintf("%v %+v %#v %x %s %q %d", person, person, person, person, person, person, person),
		fmt.Sprintf("%v %+v %#v %x %s", ref, ref, ref, ref, ref), log.String(),
		fmt.Sprintf("%v", struct{ P register.PersonID }{person}), fmt.Sprintf("%v", []register.PersonID{person}),
	} {
		if strings.Contains(text, person.Hex()[:6]) || strings.Contains(text, "1234567X") {
			t.Errorf("a person leaks into %q", text)
		}
	}
}

func TestPseudonymsDependOnKeySchemeAndIdentifierOnly(t *testing.T) {
	one, other := key(t, 1), key(t, 2)
	if one.Person("1") == one.Person("2") || one.Person("1") == other.Person("1") {
		t.Error("another identifier or another key must make another pseudonym")
	}
	if one.Alias(register.Ref{Scheme: "a", Value: "1"}) == one.Alias(register.Ref{Scheme: "b", Value: "1"}) {
		t.Error("schemes must not collide")
	}
	if register.PersonID(one.Alias(register.Ref{Scheme: "a", Value: "1"})) == one.Person("1") {
		t.Error("an alias must not be a pseudonym")
	}
}

func TestADeviceIsNamedByTheKeyAndItsSecretOnly(t *testing.T) {
	one, other := key(t, 1), key(t, 2)
	name := one.Device("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(name) {
		t.Errorf("it is called %q", name)
	}
	if name != one.Device("ABCDEFGHIJKLMNOPQRSTUVWXYZ") || name == one.Device("BBCDEFGHIJKLMNOPQRSTUVWXYZ") || name == other.Device("ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t.Error("a name depends on something else, or not on the key and the secret")
	}
	if one.IsZero() || !(register.Key{}).IsZero() {
		t.Error("a key does not know whether it is one")
	}
}

func TestAShortKeyIsRefused(t *testing.T) {
	if _, err := register.NewKey(make([]byte, register.KeyBytes-1)); err == nil {
		t.Error("a key of 31 bytes must be refused")
	}
}

func TestPseudonymsSpellAndParse(t *testing.T) {
	person := key(t, 1).Person("1")
	back, err := register.ParsePersonID(person.Hex())
	if err != nil || back != person {
		t.Errorf("parse(hex) = %v", err)
	}
	if _, err := register.ParsePersonID("zz"); err == nil {
		t.Error("nonsense must be refused")
	}
}

func TestFieldCategoriesKeepTheirBits(t *testing.T) {
	want := map[string]register.Fields{"name": 1, "birth": 2, "nir": 4, "contact": 8, "identifier": 16, "status": 32, "employment": 64, "note": 128, "training": 256, "benefit": 512, "health": 1024, "family": 2048, "agenda": 4096, "residence": 8192}
	for name, bit := range want {
		if got, err := register.Categories(nil).Parse(name); err != nil || got != bit {
			t.Errorf("%s = %d, %v; the ledger wrote %d", name, got, err, bit)
		}
	}
	if got := len(register.Categories(nil).All()); got != len(want) {
		t.Errorf("%d categories, want %d", got, len(want))
	}
	if got := register.Categories(nil).Joined(register.Name | register.NIR); got != "name+nir" {
		t.Errorf("printed as %q", got)
	}
	if _, err := register.Categories(nil).Parse("nom"); err == nil || !strings.Contains(err.Error(), "birth") {
		t.Errorf("an unknown category must be refused and the known ones named, got %v", err)
	}
}
