package register_test

import (
	"bytes"
	"testing"

	"poterne/internal/register"
)

func TestWhatIsEncryptedOfOnePersonOpensAsNoOthers(t *testing.T) {
	key, err := register.NewKey(bytes.Repeat([]byte{7}, register.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	other, err := register.NewKey(bytes.Repeat([]byte{8}, register.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	one, two := key.Person("1"), key.Person("2")
	text := []byte("alix@boite.example")
	first, err := key.Encrypt(one, text)
	if err != nil {
		t.Fatal(err)
	}
	second, err := key.Encrypt(one, text)
	if err != nil || bytes.Equal(first, second) || bytes.Contains(first, text) {
		t.Errorf("the same text looks the same: %v", err)
	}
	if opened, err := key.Decrypt(one, first); err != nil || !bytes.Equal(opened, text) {
		t.Errorf("%q, %v", opened, err)
	}
	damaged := bytes.Clone(first)
	damaged[len(damaged)-1]++
	for name, try := range map[string]func() ([]byte, error){
		"as another's":     func() ([]byte, error) { return key.Decrypt(two, first) },
		"by another key":   func() ([]byte, error) { return other.Decrypt(one, first) },
		"damaged":          func() ([]byte, error) { return key.Decrypt(one, damaged) },
		"cut short":        func() ([]byte, error) { return key.Decrypt(one, first[:5]) },
		"nothing whatever": func() ([]byte, error) { return key.Decrypt(one, nil) },
	} {
		if opened, err := try(); err == nil {
			t.Errorf("%s: %q", name, opened)
		}
	}
}
