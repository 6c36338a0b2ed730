package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/seal"
)

func TestASealIsForItsTableAndItsColumnsAlone(t *testing.T) {
	keys := seal.New()
	when := time.UnixMicro(1_700_000_000_000_001)
	account := func() *seal.Row {
		return seal.NewRow("account").Text("theo").Int(7).Bytes([]byte{1, 2}).Time(when)
	}
	of := keys.Seal(account())
	if err := keys.Check(of, account()); err != nil {
		t.Error(err)
	}
	for name, other := range map[string]*seal.Row{
		"another table":       seal.NewRow("habilitation").Text("theo").Int(7).Bytes([]byte{1, 2}).Time(when),
		"a column less":       seal.NewRow("account").Text("theo").Int(7).Bytes([]byte{1, 2}),
		"a column more":       account().Text(""),
		"two columns swapped": seal.NewRow("account").Int(7).Text("theo").Bytes([]byte{1, 2}).Time(when),
		"another type":        seal.NewRow("account").Bytes([]byte("theo")).Int(7).Bytes([]byte{1, 2}).Time(when),
		"never":               seal.NewRow("account").Text("theo").Int(7).Bytes([]byte{1, 2}).Time(time.Time{}),
		"no columns":          seal.NewRow("account"),
	} {
		if err := keys.Check(of, other); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range of {
		changed := append([]byte(nil), of...)
		changed[i] ^= 1
		if err := keys.Check(changed, account()); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for _, none := range [][]byte{nil, {}, of[:seal.Size-1], append(of, 0)} {
		if err := keys.Check(none, account()); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("a seal of %d bytes: %v", len(none), err)
		}
	}
}

func TestATextIsReadWithItsRowAlone(t *testing.T) {
	keys, text := seal.New(), []byte("whom pauline was shown")
	row := func(number int64) *seal.Row { return seal.NewRow("kept").Int(number) }
	of := keys.Encrypt(text, row(7))
	if got, err := keys.Decrypt(of, row(7)); err != nil || !bytes.Equal(got, text) {
		t.Errorf("it comes back as %q, %v", got, err)
	}
	if got, err := keys.Rotated().Promoted().Decrypt(of, row(7)); err != nil || !bytes.Equal(got, text) {
		t.Errorf("under rotated keys it comes back as %q, %v", got, err)
	}
	if bytes.Contains(of, text[:8]) {
		t.Error("it can be read without a key")
	}
	if _, err := keys.Decrypt(of, row(8)); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("in another row: %v", err)
	}
	if _, err := seal.New().Decrypt(of, row(7)); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("under another key: %v", err)
	}
	for i := range of {
		changed := bytes.Clone(of)
		changed[i] ^= 1
		if _, err := keys.Decrypt(changed, row(7)); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := keys.Decrypt(of[:i], row(7)); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
}

// No two rows are written the same before they are hashed, wherever their columns
// begin and end.
func TestTwoRowsHaveTwoSeals(t *testing.T) {
	keys := seal.New()
	column := rapid.OneOf(
		rapid.StringN(0, 3, 6).AsAny(), rapid.SliceOfN(rapid.Byte(), 0, 3).AsAny(),
		rapid.Int64Range(-2, 2).AsAny(), rapid.Just[any](time.Time{}), rapid.SliceOfN(rapid.Just(byte(0)), 127, 130).AsAny(),
	)
	row := func(columns []any) *seal.Row {
		r := seal.NewRow("t")
		for _, column := range columns {
			switch c := column.(type) {
			case string:
				r.Text(c)
			case []byte:
				r.Bytes(c)
			case int64:
				r.Int(c)
			case time.Time:
				r.Time(c)
			}
		}
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.SliceOfN(column, 0, 4).Draw(t, "one")
		two := rapid.SliceOfN(column, 0, 4).Draw(t, "two")
		same := fmt.Sprintf("%#v", one) == fmt.Sprintf("%#v", two)
		if err := keys.Check(keys.Seal(row(one)), row(two)); (err == nil) != same {
			t.Errorf("the same: %v, checked: %v", same, err)
		}
	})
}

func TestKeysAreRotatedWithoutAStop(t *testing.T) {
	before := seal.New()
	added := before.Rotated()
	promoted := added.Promoted()
	row := func() *seal.Row { return seal.NewRow("t").Text("x") }
	old, during, after := before.Seal(row()), added.Seal(row()), promoted.Seal(row())
	for name, nodes := range map[string]struct {
		keys  seal.Keys
		seals [][]byte
	}{
		"a node with the old key": {before, [][]byte{old, during}},
		"one with both":           {added, [][]byte{old, during, after}},
		"one that makes new ones": {promoted, [][]byte{old, during, after}},
	} {
		for i, s := range nodes.seals {
			if err := nodes.keys.Check(s, row()); err != nil {
				t.Errorf("%s, seal %d: %v", name, i, err)
			}
		}
	}
	if err := before.Check(after, row()); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("a node that was not told of the new key: %v", err)
	}
}

func TestKeysAreReadAsTheyWereWritten(t *testing.T) {
	keys := seal.New().Rotated()
	read, err := seal.Parse("\n" + keys.Text())
	if err != nil || read.Text() != keys.Text() {
		t.Errorf("%v", err)
	}
	one := strings.SplitAfter(keys.Text(), "\n")[0]
	for _, wrong := range []string{"", "\n", "x", one[:10], one + one, one + "AAAA"} {
		if _, err := seal.Parse(wrong); err == nil || strings.Contains(err.Error(), strings.TrimSpace(one)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	keys := seal.New()
	fact := func() *seal.Row {
		return seal.NewRow("fact").Text("calls").Text("1742").Int(7).Text("theo").Bytes(make([]byte, 16)).Int(1_700_000_000_000_001)
	}
	of := keys.Seal(fact())
	b.ReportAllocs()
	for b.Loop() {
		if keys.Check(of, fact()) != nil {
			b.Fatal("broken")
		}
	}
}
