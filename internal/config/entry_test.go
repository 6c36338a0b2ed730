package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/signin"
)

// Promise: ENTRY-8
func TestENTRY_8_TheBreakGlassAccessIsOffUnlessItIsWrittenAndSaysFromWhere(t *testing.T) {
	dir := configtest.Secrets(t)
	if s, err := parse(dir, config.Example); err != nil || s.BreakGlass != nil {
		t.Fatalf("without its table it is %+v (%v)", s.BreakGlass, err)
	}
	var said strings.Builder
	if err := config.SealBreakGlass(dir, &said); err != nil {
		t.Fatal(err)
	}
	if err := config.SealBreakGlass(dir, &said); err == nil {
		t.Error("a sealed password is replaced")
	}
	kept, err := os.ReadFile(filepath.Join(dir, "break-glass.sealed"))
	if err != nil || strings.Contains(said.String(), string(kept)) {
		t.Fatal(err, said.String())
	}
	table := "\n[break_glass]\nsealed_file = \"break-glass.sealed\"\nnetworks = [\"counter\"]\n"
	s, err := parse(dir, config.Example+table)
	if err != nil || s.BreakGlass == nil || s.BreakGlass.Sealed.Text() != string(kept) || s.BreakGlass.Networks[0] != "counter" {
		t.Fatalf("%+v (%v)", s.BreakGlass, err)
	}
	weak, err := breakglass.Parse([]byte(strings.Replace(string(kept), "m=65536", "m=8", 1)))
	if err == nil {
		t.Errorf("a weak hash is taken: %v", weak)
	}
	for was, want := range map[string]string{
		"networks = [\"counter\"]\n":           "break_glass.networks: missing",
		"\"counter\"":                          `"counter!" is none of the networks`,
		"sealed_file = \"break-glass.sealed\"": "break_glass.sealed_file: missing",
	} {
		is := ""
		if was == "\"counter\"" {
			is = "\"counter!\""
		}
		if _, err := parse(dir, config.Example+strings.Replace(table, was, is, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Promise: ENTRY-8
func TestENTRY_8_NoAccountGoesByTheNameOfTheBreakGlassAccess(t *testing.T) {
	dir := configtest.Secrets(t)
	s, err := parse(dir, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "roster.toml")
	text := "[[organisation]]\nid = \"ml\"\nsiret = \"90000000000017\"\nname = \"ML\"\n[[account]]\nid = \"Break-Glass\"\norganisation = \"ml\"\nrole = \"security\"\nname = \"Nadia\"\nissuer = \"https://connect.example\"\nsubject = \"n\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.ReadRoster(file, s, nil, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "goes by this name") {
		t.Errorf("it is taken: %v", err)
	}
}

func TestARosterNamesNobodyAsAnotherIsRead(t *testing.T) {
	dir := configtest.Secrets(t)
	s, err := parse(dir, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ id, person, organisation, complaint string }{
		"a name":                 {"nadia", "Nguyễn O’Brien 陳", "Mission locale d’Évry", ""},
		"a person of no width":   {"nadia", "Na\u200bdia", "ML", "account[0].name"},
		"a person turned round":  {"nadia", "Nadia \u202eaidaN", "ML", "account[0].name"},
		"an organisation":        {"nadia", "Nadia", "M\u2060L", "organisation[0].name"},
		"an id":                  {"na\u034fdia", "Nadia", "ML", "account[0].id"},
		"another's organisation": {"nadia", "Nadia", "other  BODY", "organisation[1].name"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "roster.toml")
			text := fmt.Sprintf("[[organisation]]\nid = \"ml\"\nsiret = \"90000000000017\"\nname = %q\n[[organisation]]\nid = \"other\"\nsiret = \"90000000000025\"\nname = \"Other body\"\n"+
				"[[account]]\nid = %q\norganisation = \"ml\"\nrole = \"security\"\nname = %q\nissuer = \"https://connect.example\"\nsubject = \"n\"\n", test.organisation, test.id, test.person)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := config.ReadRoster(file, s, nil, nil, time.Now())
			if (err == nil) != (test.complaint == "") || err != nil && !strings.Contains(err.Error(), test.complaint) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Promise: RUN-8
func TestRUN_8_FurtherProvidersAreDeclaredLikeTheFirst(t *testing.T) {
	dir := configtest.Secrets(t)
	if err := os.WriteFile(filepath.Join(dir, "mission.secret"), []byte("the mission's"), 0o600); err != nil {
		t.Fatal(err)
	}
	const other = `
[[signin.other]]
name = "La mission"
issuer = "https://sso.mission.example"
client_id = "poterne-2"
client_secret_file = "mission.secret"
profile = "oidc"
client_auth = "secret-post"
strong = [{ acr = ["gold"] }]
`
	named := strings.Replace(config.Example, "[signin]\nissuer", "[signin]\nname = \"ProConnect\"\nissuer", 1)
	s, err := parse(dir, named+other)
	if err != nil {
		t.Fatal(err)
	}
	want := signin.OIDC()
	want.ClientAuth, want.Strong = signin.SecretPost, []signin.Assurance{{ACR: []string{"gold"}}}
	if len(s.SignIn.Others) != 1 || s.SignIn.Name != "ProConnect" || s.SignIn.Issuer != "https://connect.example" {
		t.Fatalf("%+v", s.SignIn)
	}
	if o := s.SignIn.Others[0]; o.Name != "La mission" || o.ClientSecret != "the mission's" || o.ClientID != "poterne-2" || o.Profile.ClientAuth != want.ClientAuth || o.Profile.Strong[0].ACR[0] != "gold" || o.Profile.UserInfo != want.UserInfo {
		t.Errorf("%+v", o)
	}
	for name, test := range map[string]struct{ text, want string }{
		"no name of the first":   {config.Example + other, "people choose a provider by its name"},
		"no name":                {named + strings.Replace(other, "name = \"La mission\"\n", "", 1), "signin.other[0].name: missing"},
		"the first once more":    {named + strings.Replace(other, "sso.mission.example", "connect.example", 1), "one issuer"},
		"a profile nobody knows": {named + strings.Replace(other, "\"oidc\"", "\"dex\"", 1), `signin.other[0].profile: "dex" is no profile`},
		"a key nobody knows":     {named + other + "idle = \"1m\"\n", "idle: not a key that is known here"},
		"no secret":              {named + strings.Replace(other, "mission.secret", "none.secret", 1), "signin.other[0].client_secret_file"},
	} {
		if _, err := parse(dir, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestALearningPlatformsSecretIsLong(t *testing.T) {
	dir := configtest.Secrets(t)
	text := strings.Replace(config.Example, "# xapi_secret_file = ", "xapi_secret_file = ", 1)
	for secret, want := range map[string]string{strings.Repeat("s", 32): "", strings.Repeat("s", 31): "awareness.xapi_secret_file: "} {
		if err := os.WriteFile(filepath.Join(dir, "platform.secret"), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := parse(dir, text)
		switch {
		case want == "" && (err != nil || string(s.RecordStore) != secret):
			t.Errorf("%q, %v", s.RecordStore, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%d characters: %v", len(secret), err)
		}
	}
}
