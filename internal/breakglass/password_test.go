package breakglass

import (
	"strings"
	"testing"
)

// Promise: ENTRY-8
func TestENTRY_8_ASealedPasswordIsLongAndHashedStrongly(t *testing.T) {
	password, sealed := Seal()
	if len(strings.ReplaceAll(password, " ", "")) < 26 || !strings.HasPrefix(sealed.Text(), "$argon2id$v=19$m=65536,t=3,p=4$") || strings.Contains(sealed.Text(), password[:4]) {
		t.Fatalf("%q is kept as %q", password, sealed.Text())
	}
	again, err := Parse([]byte(sealed.Text()))
	if err != nil || !again.opens(password) {
		t.Fatalf("it does not open: %v", err)
	}
	again.memory, again.passes, again.lanes = 1<<10, 1, 1 // what follows is about spelling
	again.hash = again.of(strings.ReplaceAll(password, " ", ""))
	for typed, opens := range map[string]bool{
		password: true, strings.ToLower(strings.ReplaceAll(password, " ", "-")): true, password[:len(password)-1]: false, "": false, password + "A": false,
	} {
		if again.opens(typed) != opens {
			t.Errorf("%q opens: %t", typed, !opens)
		}
	}
	for what, text := range map[string]string{
		"nothing": "", "a password": password, "another hash": strings.Replace(sealed.Text(), "argon2id", "argon2i", 1), "little memory": strings.Replace(sealed.Text(), "m=65536", "m=1024", 1),
		"one pass": strings.Replace(sealed.Text(), "t=3", "t=1", 1), "all memory": strings.Replace(sealed.Text(), "m=65536", "m=4294967295", 1), "half a hash": sealed.Text()[:len(sealed.Text())-8],
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}
