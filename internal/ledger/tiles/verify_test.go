package tiles_test

import (
	"os"
	"path/filepath"
	"testing"
)

// flip changes one byte of a file of a copy.
func flip(file string, place int) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		path := filepath.Join(dir, file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[place] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(file string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLEDGER_3_ATamperedCopyIsNamedWithoutTheDatabase(t *testing.T) {
	l := newLog(t)
	early := l.write(t, 300)
	l.write(t, 500)
	other := newLog(t)
	other.signer, other.verifier = l.signer, l.verifier
	fork := other.write(t, 200)
	longer := other.write(t, 700)
	for name, test := range map[string]struct {
		tamper func(t *testing.T, dir string)
		kept   []byte
		want   string
	}{
		"nothing":                         {func(*testing.T, string) {}, early.Note, ""},
		"an entry of a whole bundle":      {flip("tile/entries/001", 44*34+9), nil, "tile/entries/001: entry 300 is not the one that was signed"},
		"an entry of the last bundle":     {flip("tile/entries/003.p/32", 31*34+33), nil, "tile/entries/003.p/32: entry 799 is not the one that was signed"},
		"the length of an entry":          {flip("tile/entries/000", 1), nil, "tile/entries/000: entry 0 is not the one that was signed"},
		"a leaf":                          {flip("tile/0/002", 0), nil, "tile/0/002: does not hold the hashes of its entries"},
		"a leaf of the last tile":         {flip("tile/0/003.p/32", 0), nil, "tile/0/003.p/32: does not hold the hashes of its entries"},
		"a hash above":                    {flip("tile/1/000.p/3", 33), nil, "tile/1/000.p/3: does not hold the hashes of the tiles below it"},
		"a bundle removed":                {remove("tile/entries/001"), nil, "tile/entries/001: is missing"},
		"a tile removed":                  {remove("tile/0/001"), nil, "tile/0/001: is missing"},
		"the tile above removed":          {remove("tile/1/000.p/3"), nil, "tile/1/000.p/3: is missing"},
		"the size":                        {flip("checkpoint", len("ledger.poterne.example\n")), nil, "checkpoint: is not signed by this ledger's key"},
		"a checkpoint of a fork":          {func(*testing.T, string) {}, fork.Note, "a checkpoint kept elsewhere: signs other entries than the first 200 here"},
		"a checkpoint of more entries":    {func(*testing.T, string) {}, longer.Note, "a checkpoint kept elsewhere: has entries 800 to 899, which are not here"},
		"a checkpoint that nobody signed": {func(*testing.T, string) {}, []byte("ledger.poterne.example\n"), "a checkpoint kept elsewhere: is not signed by this ledger's key"},
		"a bundle and its tile removed": {
			func(t *testing.T, dir string) { remove("tile/entries/001")(t, dir); remove("tile/0/001")(t, dir) }, nil,
			"tile/entries/001: is missing\ntile/0/001: is missing\ntile/1/000.p/3: does not hold the hashes of the tiles below it\ncheckpoint: signs another tree than the one here",
		},
		"a file cut short": {
			func(t *testing.T, dir string) {
				if err := os.Truncate(filepath.Join(dir, "tile/entries/000"), 34); err != nil {
					t.Fatal(err)
				}
			}, nil, "tile/entries/000: has 34 bytes in place of 8704",
		},
		"an entry and its leaf": {
			func(t *testing.T, dir string) {
				for _, file := range []string{"tile/entries/000", "tile/0/000"} { // those of the other ledger
					data := tree(t, other.folder(t))[file]
					if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}, nil,
			"tile/1/000.p/3: does not hold the hashes of the tiles below it\ncheckpoint: signs another tree than the one here",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := l.folder(t)
			test.tamper(t, dir)
			var kept [][]byte
			if test.kept != nil {
				kept = append(kept, test.kept)
			}
			if said := l.verified(t, dir, kept...); said != test.want {
				t.Errorf("found\n%s\nwant\n%s", said, test.want)
			}
		})
	}
}
