package lettercode

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tag [16]byte
		copy(tag[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "tag"))
		figures := rapid.SliceOfN(rapid.Uint64Max(1<<40), 1, 3).Draw(t, "figures")
		code := New(tag, figures...)
		typed := strings.NewReplacer("0", "o", "1", "l").Replace(code.Grouped())
		if rapid.Bool().Draw(t, "small letters") {
			typed = strings.ToLower(typed)
		}
		read, of, ok := Read(" "+typed+"\u00a0", len(figures))
		if !ok || !read.Equal(code) {
			t.Fatalf("%q is read as %q", typed, read)
		}
		for i := range figures {
			if of[i] != figures[i] {
				t.Fatalf("of %v, it says %v", figures, of)
			}
		}
		if _, _, ok := Read(typed, len(figures)+1); ok {
			if longer, _, _ := Read(typed, len(figures)+1); longer.Equal(New(tag, append(figures, 0)...)) {
				t.Fatal("it is another letter's, too")
			}
		}
	})
}

func TestWhatIsNoCodeIsNotRead(t *testing.T) {
	for _, typed := range []string{"", "U", "0000", strings.Repeat("0", 65), strings.Repeat("é", 20)} {
		if _, _, ok := Read(typed, 1); ok {
			t.Errorf("%q is read", typed)
		}
	}
}
