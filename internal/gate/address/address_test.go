package address_test

import (
	"net/url"
	"strings"
	"testing"

	"poterne/internal/gate/address"
)

func FuzzAddress(f *testing.F) {
	for _, path := range []string{"/files/p1", "/a%20b/", "/%2e%2e/", "//", "/a;b", "/%C3%A9"} {
		f.Add(path, "a=b&c=%20")
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		a, err := address.Read(path, query)
		if err != nil {
			return
		}
		u, err := url.Parse("http://a.example" + path)
		if err != nil {
			t.Skip() // no server hands such a path on
		}
		if got := strings.TrimPrefix(u.Path, "/"); got != strings.Join(a.Segments, "/") {
			t.Errorf("read %q where net/url reads %q", a.Segments, got)
		}
		for _, segment := range a.Segments {
			if segment == "." || segment == ".." || strings.ContainsAny(segment, "/\\;%?#\x00") {
				t.Errorf("%q passed", segment)
			}
		}
	})
}
