package config_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/mod/sumdb/note"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/shape"
	"poterne/internal/ledger"
	"poterne/internal/ledger/witness/witnesstest"
	"poterne/internal/signin"
)

// parse reads a configuration as if its file were in dir.
func parse(dir, document string) (config.Settings, error) {
	return config.Parse(filepath.Join(dir, "poterne.toml"), []byte(document))
}

func tree(t *testing.T) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := toml.Unmarshal([]byte(config.Example), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// everyKey walks a struct of the configuration beside a tree, and calls each with
// the table, the key, whether it is needed, and its path.
func everyKey(of reflect.Type, table map[string]any, path string, each func(table map[string]any, key string, needed bool, path string)) {
	for i := range of.NumField() {
		field := of.Field(i)
		if field.Anonymous {
			everyKey(field.Type, table, path, each)
			continue
		}
		key := field.Tag.Get("toml")
		if key == "*" { // ids of the operator's own
			continue
		}
		here := config.Join(path, key)
		each(table, key, field.Tag.Get("need") != "", here)
		inside := field.Type
		if inside.Kind() == reflect.Pointer || inside.Kind() == reflect.Slice {
			inside = inside.Elem()
		}
		if inside.Kind() != reflect.Struct {
			continue
		}
		switch value := table[key].(type) {
		case map[string]any:
			everyKey(inside, value, here, each)
		case []any:
			for j, one := range value {
				everyKey(inside, one.(map[string]any), config.Index(here, j), each)
			}
		}
	}
}

func TestRUN_4_EachMissingSettingStopsTheStart(t *testing.T) {
	dir := configtest.Secrets(t)
	var paths []string
	everyKey(reflect.TypeFor[config.File](), tree(t), "", func(_ map[string]any, _ string, needed bool, path string) {
		if needed {
			paths = append(paths, path)
		}
	})
	if len(paths) < 30 {
		t.Fatalf("only %d Settings are needed: %v", len(paths), paths)
	}
	for _, missing := range paths {
		document := tree(t)
		everyKey(reflect.TypeFor[config.File](), document, "", func(table map[string]any, key string, _ bool, path string) {
			if path == missing {
				delete(table, key)
			}
		})
		text, err := toml.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(dir, string(text)); err == nil || !strings.Contains(err.Error(), missing+": missing; write ") {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestRUN_4_AnUnknownKeyAnywhereStopsTheStart(t *testing.T) {
	dir := configtest.Secrets(t)
	tried := map[string]bool{} // tables
	everyKey(reflect.TypeFor[config.File](), tree(t), "", func(_ map[string]any, key string, _ bool, at string) {
		table := strings.TrimSuffix(at, key)
		if tried[table] {
			return
		}
		tried[table] = true
		document := tree(t)
		everyKey(reflect.TypeFor[config.File](), document, "", func(table map[string]any, _ string, _ bool, path string) {
			if path == at {
				table["supervisor"] = true
			}
		})
		text, err := toml.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(dir, string(text)); err == nil || !strings.Contains(err.Error(), "supervisor: not a key that is known here") {
			t.Errorf("an unknown key beside %s: %v", at, err)
		}
	})
}

func TestTheExampleHasEveryKeyThereIs(t *testing.T) {
	if _, err := parse(configtest.Secrets(t), config.Example); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	everyKey(reflect.TypeFor[config.File](), tree(t), "", func(table map[string]any, key string, _ bool, path string) {
		plain := anyFormat.Replace(placeless(path))
		shown[plain] = shown[plain] || table[key] != nil
	})
	commented := []string{"include", "configuration", "access_log", "control", "public.cert", "public.key", "public.programmes", "database.server", "keys.sign", "quorum", "witness", "break_glass", "field", "signin.name", "signin.other", "provisioning", "transmitter", "receiver", "archive", "siem.url", "siem.secret_file", "siem.file", "siem.ca_file", "traces", "sql.cert", "sql.key", "awareness.xapi_secret_file"} // in comments
	for path, there := range shown {
		if !there && !slices.Contains(commented, path) {
			t.Errorf("%s is not in the example", path)
		}
	}
}

// anyFormat treats the formats of answers, which have the same keys, as one.
var anyFormat = strings.NewReplacer(".invalid.json.", ".answer.", ".invalid.html.", ".answer.", ".ndjson.", ".answer.", ".json.", ".answer.", ".html.", ".answer.", ".csv.", ".answer.", ".xlsx.", ".answer.", ".invalid.xml.", ".answer.", ".xml.", ".answer.")

// placeless drops the places in lists from a path.
func placeless(path string) string {
	var plain strings.Builder
	inside := false
	for _, r := range path {
		switch {
		case r == '[':
			inside = true
		case r == ']':
			inside = false
		case !inside:
			plain.WriteRune(r)
		}
	}
	return plain.String()
}

func TestAServiceCannotTakeThePortalsPlace(t *testing.T) {
	dir := configtest.Secrets(t)
	for was, is := range map[string]string{
		`prefix = "/people"`: `prefix = "/desk"`, `host = "courses.example"`: `host = "poterne.example"`,
		`id = "courses"`: `id = "people"`,
	} {
		if _, err := parse(dir, strings.Replace(config.Example, was, is, 1)); err == nil {
			t.Errorf("%s was accepted", is)
		}
	}
}

func TestASecretThatOthersMayReadIsRefused(t *testing.T) {
	for _, name := range []string{"pseudonym.key", "checkpoint.key", "assertion.key", "seal.key", "client.secret", "agenda.token", "mail.password", "franceconnect.secret", "register.token", "alerts.secret"} {
		dir := configtest.Secrets(t)
		if err := os.Chmod(filepath.Join(dir, name), 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := parse(dir, config.Example); err == nil || !strings.Contains(err.Error(), name+" may be read by others") {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := parse(dir, config.Example); err == nil || !strings.Contains(err.Error(), name+" is empty") {
			t.Errorf("%s, empty: %v", name, err)
		}
	}
}

func TestACheckpointKeyHasThePublicHalfThatWasGivenAway(t *testing.T) {
	dir := configtest.Secrets(t)
	s, err := parse(dir, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	given, err := os.ReadFile(filepath.Join(dir, "checkpoint.pub"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(string(bytes.TrimSpace(given)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: "text\n"}, s.Signer)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []note.Verifier{verifier, s.Verifier} {
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
			t.Error(err)
		}
	}
}

func TestTheExampleMeansWhatItSays(t *testing.T) {
	s, err := parse(configtest.Secrets(t), config.Example)
	if err != nil {
		t.Fatal(err)
	}
	if s.SignIn.Idle != 10*time.Minute || s.Silence["caseloads"] != 36*time.Hour || len(s.Tokens) != 1 {
		t.Error("durations or tokens are not what the example says")
	}
	if !slices.Equal(s.SignIn.Origins, []string{"https://poterne.example", "https://courses.example"}) {
		t.Errorf("origins are %v", s.SignIn.Origins)
	}
	people := s.Services[0]
	kinds := map[string]httpgate.Kind{}
	for _, route := range people.Routes {
		kinds[route.Path] = route.Kind
	}
	for path, kind := range map[string]httpgate.Kind{
		"/users": httpgate.People, "/users/{id}": httpgate.People, "/table": httpgate.People, "/export": httpgate.People,
		"/letters/{id}": httpgate.People, "/settings": httpgate.Page, "/assets/{file...}": httpgate.Static,
	} {
		if kinds[path] != kind {
			t.Errorf("%s is a route of kind %q, not %q", path, kinds[path], kind)
		}
	}
	table := people.Routes[slices.IndexFunc(people.Routes, func(r httpgate.Route) bool { return r.Path == "/table" })]
	if named := table.Answers[0].Layout.People[0].Person[0]; named.Path != ":scope" || named.Attribute != "data-dossier" {
		t.Errorf("a selector with an attribute is read as %+v", named)
	}
}

func TestSCOPE_10_HowIdentifiersAreWrittenIsDeclared(t *testing.T) {
	dir := configtest.Secrets(t)
	const mail, change = `pattern = "[a-z0-9._+-]+@[a-z0-9.-]+"`, `optional = ["$.email"]`
	for name, test := range map[string]struct {
		was, is, want string
	}{
		"a scheme without a form":       {"[register.schemes.mail]", "[register.schemes.post]", "how mail identifiers are written is not declared; write [register.schemes.mail]"},
		"no pattern":                    {mail, "", "register.schemes.mail.pattern: missing"},
		"a pattern that is none":        {mail, `pattern = "["`, "register.schemes.mail.pattern: not a regular expression"},
		"a pattern for nothing":         {mail, `pattern = "[a-z]*"`, "register.schemes.mail.pattern: it takes an empty text"},
		"case that nobody decided":      {mail + "\nfold = \"case\"", `pattern = "[A-Za-z@.]+"`, "register.schemes.mail.fold: the pattern takes small and capital letters"},
		"an unknown fold":               {`fold = "case"`, `fold = "accents"`, "register.schemes.mail.fold: \"accents\" is not one"},
		"a name that is none":           {"[register.schemes.mail]", "[register.schemes.'m l']", "register.schemes.m l: not a plain name"},
		"an optional that names no one": {change, `optional = ["$.phone"]`, "optional[0]: \"$.phone\" is neither a parameter"},
		"JSON that passes unread":       {`takes = ["text/plain"]`, `takes = ["application/json"]`, "takes: JSON is read"},
		"a category nobody knows":       {`written = { contact =`, `written = { phone =`, "written.phone:"},
	} {
		changed := strings.Replace(config.Example, test.was, test.is, 1)
		if _, err := parse(dir, changed); changed == config.Example || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	s, err := parse(dir, strings.Replace(config.Example, "[register.schemes.dossier]\npattern = \"[1-9][0-9]{0,9}\"\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Schemes.Told("dossier", "0999"); err == nil || !s.Schemes.Knows("mail") {
		t.Error("the register's own identifiers have leading zeros unless declared, or the others are forgotten")
	}
}

func TestAnIdentityProviderIsWhatItsProfileAndTheFileSay(t *testing.T) {
	dir := configtest.Secrets(t)
	const named = `profile = "proconnect"`
	from, to := strings.Index(config.Example, named), strings.Index(config.Example, "\n# What the register calls its own")
	alone, _, _ := strings.Cut(config.Example[:from]+named+config.Example[to:], "\n# How the people of an incident are told") // the profile, and nothing in its place
	for name, test := range map[string]struct{ is, want string }{
		"a profile that nobody knows":       {`profile = "keycloak"`, `signin.profile: "keycloak" is no profile; write one of [oidc proconnect]`},
		"userinfo in a way that is none":    {named + "\nuserinfo = \"html\"", `signin.userinfo: "html" is not a way to answer`},
		"a SIRET that no claim tells":       {"profile = \"oidc\"\nsiret = true", "signin.siret: a SIRET is needed, and no claim"},
		"anything is strong":                {named + "\nstrong = [{}]", "signin.strong: every sign-in would count as strong"},
		"a parameter that is Poterne's own": {named + "\nparameters = { state = \"1\" }", `signin.parameters: "state" is written by Poterne itself`},
		"a claim with another name":         {named + "\nclaims = { siren = \"siren\" }", "siren: not a key that is known here"},
	} {
		if _, err := parse(dir, strings.Replace(alone, named, test.is, 1)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	s, err := parse(dir, alone)
	if err != nil || !reflect.DeepEqual(s.SignIn.Profile, signin.ProConnect()) {
		t.Errorf("the profile is %+v (%v)", s.SignIn.Profile, err)
	}
	s, err = parse(dir, strings.Replace(alone, named, "profile = \"oidc\"\nscopes = [\"mail\"]\nclient_auth = \"secret-post\"\nstrong = []\nclaims = { siret = \"siret\" }\nsiret = true", 1))
	if err != nil {
		t.Fatal(err)
	}
	want := signin.OIDC()
	want.Scopes, want.ClientAuth, want.Strong, want.Claims, want.SIRET = []string{"mail"}, signin.SecretPost, nil, signin.ClaimNames{SIRET: "siret"}, true
	if !reflect.DeepEqual(s.SignIn.Profile, want) {
		t.Errorf("the profile is %+v, want %+v", s.SignIn.Profile, want)
	}
}

func TestCanariesAndSearchesAreWhatTheyAreDeclared(t *testing.T) {
	dir := configtest.Secrets(t)
	const search = `search = { most = 10, name = "surname", birth = "birth" }`
	for name, test := range map[string]struct {
		was, is, want string
	}{
		"a share too large":            {"one_in = 1000000", "one_in = 99", "canaries: at most one in 100 identifiers can be reserved for canaries, not one in 99"},
		"no share":                     {"one_in = 1000000", "", "canaries.one_in: missing"},
		"no name":                      {`set = "2026"`, "", "canaries.set: missing"},
		"a search without end":         {search, "search = { most = 1000 }", "search.most: write how many rows"},
		"a name that is not asked for": {search, `search = { name = "nom", birth = "birth" }`, `search: "nom" is neither a parameter`},
		"a name without a birth date":  {search, `search = { name = "surname" }`, "search: say where the name is"},
		"a search for nobody":          {"takes = [\"text/plain\"]", "takes = [\"text/plain\"]\nsearch = { most = 10 }", "search: a search answers with a list of people"},
	} {
		changed := strings.Replace(config.Example, test.was, test.is, 1)
		if _, err := parse(dir, changed); changed == config.Example || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}

	s, err := parse(dir, strings.Replace(config.Example, search, `search = { name = "surname", birth = "birth" }`, 1))
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(s.Services[0].Routes, func(r httpgate.Route) bool { return r.Path == "/search" })
	if got := s.Services[0].Routes[at].Search; got == nil || got.Most != 10 || !slices.Equal(got.Name, []string{"surname"}) || got.Birth != "birth" {
		t.Errorf("the search is %+v", got)
	}
	if !s.Canaries.Any() {
		t.Error("there are no canaries")
	}
	without, err := parse(dir, strings.Replace(strings.Replace(strings.Replace(config.Example, "[canaries]", "", 1), `set = "2026"`, "", 1), "one_in = 1000000", "", 1))
	if err != nil || without.Canaries.Any() {
		t.Errorf("without the table: %v, canaries %v", err, without.Canaries.Any())
	}
}

func TestANetworkIsNamedOnceAndBelieved(t *testing.T) {
	dir := configtest.Secrets(t)
	for name, test := range map[string]struct{ was, is, want string }{
		"as the example has it":            {"", "", ""},
		"a single address":                 {`"10.20.30.0/24"`, `"10.20.30.7", "2001:db8::7"`, ""},
		"a name twice":                     {`name = "counter"`, `name = "agency"`, `network[1].name: "agency" is taken`},
		"the name of all others":           {`name = "counter"`, `name = "other"`, `network[0].name: "other" is taken`},
		"a name that is none":              {`name = "counter"`, `name = "Le comptoir"`, "network[0].name: not a plain name"},
		"an address longer than its range": {`"10.20.30.0/24"`, `"10.20.30.7/24"`, `network[0].ranges[0]: the address is longer than its range; write "10.20.30.0/24"`},
		"no range":                         {`"10.20.30.0/24"`, `"10.20.30.*"`, "network[0].ranges[0]: not a range of addresses"},
		"IPv4 in IPv6":                     {`"10.20.30.0/24"`, `"::ffff:10.20.30.0/120"`, "network[0].ranges[0]: not a range of addresses"},
		"a proxy that is no address":       {`proxies = ["127.0.0.1"]`, `proxies = ["localhost"]`, "public.proxies[0]: not a range of addresses"},
		"nobody to tell the addresses":     {`proxies = ["127.0.0.1"]`, "", "network: all requests come from what ends TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parse(dir, strings.Replace(config.Example, test.was, test.is, 1))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for forwarded, want := range map[string]string{"10.20.30.7": "counter", "10.20.31.7": "agency", "2001:db8:20::1": "agency", "203.0.113.7": "other"} {
				r := httptest.NewRequest("GET", "/", nil)
				r.RemoteAddr = "127.0.0.1:4711"
				r.Header.Set("X-Forwarded-For", forwarded)
				if got := s.Networks.Of(r); got != want {
					t.Errorf("%s is of class %q, not %q", forwarded, got, want)
				}
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(config.Example))
	f.Add([]byte("[public]\norigin = 'http://localhost'\n[[service]]\nroute = [{get = '/', json = {row = '$'}}, 3]\n"))
	f.Add([]byte("service = {}\n[[purpose]]\nname = 1\n[allowance]\nadviser.hour = 1e3\n"))
	f.Add([]byte("\"a\\u0062\".b = [[[{c = 1}]]]\n[x.y]\n[[x.z]]\n[x.z.w]\n"))
	dir := configtest.Secrets(f)
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := parse(dir, string(document))
		if err != nil {
			return
		}
		// What is accepted can be run.
		if _, err := signin.New(s.SignIn, nil, nil, nil); err != nil {
			t.Errorf("accepted, but signing in says: %v", err)
		}
		if err := httpgate.Check(s.Services, s.Schemes, s.Reading); err != nil {
			t.Errorf("accepted, but the gate says: %v", err)
		}
		if s.Pseudonym.IsZero() || s.Signer == nil || s.Assertion == nil || s.Database == "" || len(s.Rules.Allowances) != 5 {
			t.Error("accepted, but something that protects is missing")
		}
	})
}

func TestThereIsOneDatabase(t *testing.T) {
	dir := configtest.Secrets(t)
	ours, others := filepath.Join(dir, "pgpass"), filepath.Join(dir, "readable")
	for file, mode := range map[string]os.FileMode{ours: 0o600, others: 0o640} {
		if err := os.WriteFile(file, []byte("*:*:poterne:poterne:secret\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct{ database, want string }{
		"an SQLite file":                             {`path = "poterne.db"`, ""},
		"a PostgreSQL server":                        {`server = "host=/run/postgresql dbname=poterne passfile=` + ours + `"`, ""},
		"both":                                       {"path = \"poterne.db\"\nserver = \"dbname=poterne\"", "two databases"},
		"neither":                                    {"", "database: missing"},
		"a password among the words":                 {`server = "dbname=poterne password=x"`, "a password is a secret"},
		"a password in the URL":                      {`server = "postgres://poterne:x@db.example/poterne"`, "a password is a secret"},
		"a key's password":                           {`server = "dbname=poterne sslpassword = x"`, "a password is a secret"},
		"a URL without its password":                 {`server = "postgres://poterne@db.example/poterne?sslmode=verify-full&passfile=` + ours + `"`, ""},
		"a passfile that others read":                {`server = "dbname=poterne passfile=` + others + `"`, "run chmod 600 on it"},
		"and in a URL":                               {`server = "postgres:///poterne?passfile=` + others + `&sslmode=disable"`, "run chmod 600 on it"},
		"a passfile that is not there":               {`server = "dbname=poterne passfile=/nowhere/pgpass"`, "/nowhere/pgpass cannot be read"},
		"a server on the way to which others listen": {`server = "host=db.example dbname=poterne"`, "write sslmode=verify-full"},
		"an SQLite file without a name":              {`path = ""`, "database: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(config.Example, `path = "poterne.db"`, test.database, 1)
			_, err := parse(dir, text)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestASourceIsDeclaredWithItsKinds(t *testing.T) {
	dir := configtest.Secrets(t)
	const was = `kinds = ["appointment"]`
	for sentence, c := range map[string]struct{ is, says string }{
		"none written":            {"", `source[1].kinds: missing; write kinds = ["call"]`},
		"an empty list":           {"kinds = []", "source[1].kinds: a source tells something"},
		"one that is no kind":     {`kinds = ["holiday"]`, `source[1].kinds[0]: "holiday" is not a kind of fact`},
		"one twice":               {`kinds = ["call", "call"]`, "source[1].kinds[1]: this kind is written twice"},
		"a standing one, no life": {`kinds = ["call", "caseload"]`, `source[1].longest: missing; write longest = "2160h"`},
		"a life of nothing":       {"kinds = [\"call\"]\nlongest = \"0s\"", "source[1].longest: not a time that a fact can hold"},
	} {
		text := strings.Replace(config.Example, was, c.is, 1)
		if _, err := parse(dir, text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", sentence, err, c.says)
		}
	}
	for _, own := range []string{"assignment", "archive", "incident"} { // a fact of another system under such a name would be replaced by one of our own, or replace it
		text := strings.Replace(config.Example, `name = "agenda"`, `name = "`+own+`"`, 1)
		if _, err := parse(dir, text); err == nil || !strings.Contains(err.Error(), `source[1].name: "`+own+`" is what`) {
			t.Errorf("a source called %s: %v", own, err)
		}
	}
}

func TestWitnessesAreComplainedOf(t *testing.T) {
	dir := configtest.Secrets(t)
	key := witnesstest.New(t, "witness.example/w1").Key()
	const there = "\n[[witness]]\naddress = \"https://witness.example\"\nkey = \""
	for name, test := range map[string]struct{ text, says string }{
		"no quorum":               {there + key + `"`, "quorum.need: write between 1 and 1"},
		"more than there are":     {"[quorum]\nneed = 2" + there + key + `"`, "quorum.need: write between 1 and 1"},
		"a quorum of nobody":      {"[quorum]\nneed = 1", "quorum: there is nobody who co-signs"},
		"a hasty strictness":      {"[quorum]\nneed = 1\nstrict = \"2s\"" + there + key + `"`, "quorum.strict: too short"},
		"no key":                  {"[quorum]\nneed = 1\n[[witness]]\naddress = \"https://witness.example\"", "witness[0].key: missing"},
		"another's key":           {"[quorum]\nneed = 1" + there + strings.Replace(key, "w1", "w2", 1) + `"`, "witness[0].key: the name and the key"},
		"one witness twice":       {"[quorum]\nneed = 2" + there + key + `"` + there + key + `"`, "witness[1].key: a witness of this name is declared twice"},
		"an address without TLS":  {"[quorum]\nneed = 1\n[[witness]]\naddress = \"http://witness.example\"\nkey = \"" + key + `"`, "witness[0].address: anybody on the way could stop Poterne; write https://witness.example"},
		"an address that is none": {"[quorum]\nneed = 1\n[[witness]]\naddress = \"witness.example\"\nkey = \"" + key + `"`, "witness[0].address: not an address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(dir, config.Example+"\n"+test.text+"\n")
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("complaints: %v", err)
			}
		})
	}
	s, err := parse(dir, config.Example+"\n[quorum]\nneed = 1\nstrict = \"15m\""+there+key+`"`)
	if err != nil || len(s.Witnessing.Witnesses) != 1 || s.Witnessing.Need != 1 || s.Witnessing.Strict != 15*time.Minute {
		t.Errorf("it comes to %+v, %v", s.Witnessing, err)
	}
}

// signedBy is the example, with a command that signs.
func signedBy(command []string) string {
	return strings.Replace(config.Example, `checkpoint = "checkpoint.key"`, "checkpoint = \"checkpoint.pub\"\nsign = [\""+strings.Join(command, `", "`)+`"]`, 1)
}

func TestACommandThatDoesNotSignIsToldAndSignsNothing(t *testing.T) {
	dir := configtest.Secrets(t)
	other := filepath.Join(dir, "64bytes")
	if err := os.WriteFile(other, make([]byte, 64), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		command []string
		says    string
	}{
		"it fails":               {[]string{"sh", "-c", "echo no token >&2; exit 3"}, "exit status 3: no token"},
		"it says nothing":        {[]string{"true"}, "not a signature by the key"},
		"it signs another thing": {[]string{"cat", other}, "not a signature by the key"},
		"it takes for ever":      {[]string{"sleep", "60"}, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parse(dir, signedBy(test.command))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.SignEmpty(s.Signer); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it is told as %v", err)
			}
		})
	}
	for sentence, text := range map[string]string{
		"sign: exec: \"no-such-tool\"":        signedBy([]string{"no-such-tool"}),
		"keys.checkpoint: with sign, this is": strings.Replace(signedBy([]string{"true"}), "checkpoint.pub", "checkpoint.key", 1),
	} {
		if _, err := parse(dir, text); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("complaints are %v, without %s", err, sentence)
		}
	}
}

var declarations = regexp.MustCompile("(?s)\n```toml\n(.*?)```")

// Each example of the reference is accepted as it stands, and every key of a service is
// on its page.
//
// Promise: RUN-2
func TestRUN_2_TheReferenceOfDeclarationsIsWhatIsRead(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "declaring.md"))
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(config.Example, "\n[[service]]")
	tables := strings.Index(before, "\n[messages]")
	if tables > 0 {
		t.Fatal("messages come before the services")
	}
	const service = "\n[[service]]\nid = \"people\"\nhost = \"people.example\"\nupstream = \"http://127.0.0.1:3000\"\npurpose = \"accompany\"\n"
	blocks := declarations.FindAllSubmatch(page, -1)
	if len(blocks) < 10 {
		t.Fatalf("%d examples", len(blocks))
	}
	dir := configtest.Secrets(t)
	for _, block := range blocks {
		if _, err := parse(dir, before+service+string(block[1])); err != nil {
			t.Errorf("%s\n%v", block[1], err)
		}
	}
	foreign, err := os.ReadFile(filepath.Join("..", "..", "docs", "foreign.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks = declarations.FindAllSubmatch(foreign, -1)
	for _, block := range blocks {
		if _, err := parse(dir, before+"\n"+string(block[1])); err != nil {
			t.Errorf("%s\n%v", block[1], err)
		}
	}
	if len(blocks) == 0 {
		t.Error("there is no example of an application")
	}
	everyKey(reflect.TypeFor[config.File](), tree(t), "", func(_ map[string]any, key string, _ bool, path string) {
		if strings.HasPrefix(path, "service") && !regexp.MustCompile("(?m)\\b"+regexp.QuoteMeta(key)+"\\b").Match(page) {
			t.Errorf("%s is not on the page", placeless(path))
		}
	})
}

// What a member may be is of the kind in which it is written: texts are patterns, and the others
// are JSON's own.
//
// Promise: SCOPE-1
func TestSCOPE_1_WhatAMemberMayBeIsOfTheKindInWhichItIsWritten(t *testing.T) {
	before, _, _ := strings.Cut(config.Example, "\n[[service]]")
	const service = "\n[[service]]\nid = \"people\"\nhost = \"people.example\"\nupstream = \"http://127.0.0.1:3000\"\npurpose = \"accompany\"\n" +
		"[[service.route]]\npost = \"/users/{id}\"\nrequest = { path = { dossier = \"id\" } }\nmembers = [\"$.it\"]\nwrites = [\"note\"]\njson = { plain = \"$\" }\n"
	dir := configtest.Secrets(t)
	for written, want := range map[string]httpgate.Choice{
		`"save|move"`:          {Texts: []string{"save|move"}},
		`"1"`:                  {Texts: []string{"1"}},
		`1`:                    {Exact: []string{"1"}},
		`false`:                {Exact: []string{"false"}},
		`[-2, "all", true, 3]`: {Texts: []string{"all"}, Exact: []string{"-2", "true", "3"}},
	} {
		s, err := parse(dir, before+service+"only = { \"$.it\" = "+written+" }\n")
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		want.Name = "$.it"
		if got := s.Services[0].Routes[0].Only; len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s is read as %v", written, got)
		}
	}
	for written, want := range map[string]string{
		`1.5`:           "only.$.it: not a text, a whole number, true or false",
		`["a", [1]]`:    "only.$.it[1]: not a text, a whole number, true or false",
		`{ a = 1 }`:     "only.$.it: not a text, a whole number, true or false",
		`2027-01-31`:    "only.$.it: not a text, a whole number, true or false",
		`[]`:            `only: "$.it" is given no value`,
		`"("`:           `only: "(" is not a regular expression`,
		"\"a\\u202Eb\"": "turns the direction of writing around",
	} {
		_, err := parse(dir, before+service+"only = { \"$.it\" = "+written+" }\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; it lacks %s", written, err, want)
		}
	}
}

// A service with a host name of its own is found at the port that the portal is found at:
// browsers name it in each request.
//
// Promise: RUN-2
func TestRUN_2_AHostWithoutAPortIsAtTheOriginsPort(t *testing.T) {
	dir := configtest.Secrets(t)
	for host, want := range map[string]string{"courses.example": "courses.example:8443", "courses.example:9000": "courses.example:9000"} {
		text := strings.Replace(config.Example, `host = "courses.example"`, fmt.Sprintf("host = %q", host), 1)
		s, err := parse(dir, strings.Replace(text, `origin = "https://poterne.example"`, `origin = "https://poterne.example:8443"`, 1))
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, service := range s.Services {
			if service.ID == "courses" {
				found = service.Host
			}
		}
		if found != want || !slices.Contains(s.SignIn.Origins, "https://"+want) {
			t.Errorf("%s is at %s, and %v are signed in at", host, found, s.SignIn.Origins)
		}
	}
}

// What was learnt of a JSON answer is a declaration that is accepted.
//
// Promise: RUN-9
func TestRUN_9_ADraftIsADeclaration(t *testing.T) {
	parts, _ := shape.Read("application/json", []byte(`{"data":[{"id":105,"name":"Elsa Fourcade","mail":"elsa@boite.example","version":3}],"total":1}`))
	rows, _ := shape.Read("text/html", []byte(`<h1>x</h1><table><tr class="person"><td class="id">105001</td><td class="name">Elsa Fourcade</td><td><a href="mailto:a@b.example">a@b.example</a></td></tr></table>`))
	page, _ := shape.Pairs([]string{"page"}, []string{"2"})
	draft := shape.Draft([]shape.Shape{
		{Method: "GET", Path: "/users/{}/friends", Query: page, Answer: "application/json", Parts: parts},
		{Method: "GET", Path: "/table", Answer: "text/html", Parts: rows},
	}, nil, "dossier")
	before, _, _ := strings.Cut(config.Example, "\n[[service]]")
	const service = "\n[[service]]\nid = \"people\"\nhost = \"people.example\"\nupstream = \"http://127.0.0.1:3000\"\npurpose = \"accompany\"\n"
	if _, err := parse(configtest.Secrets(t), before+service+draft); err != nil {
		t.Errorf("%v\n%s", err, draft)
	}
}

// What was learnt of a statement is one that is accepted, after a service that has none yet.
//
// Promise: RUN-9
func TestRUN_9_ADraftOfAStatementIsADeclaration(t *testing.T) {
	said := shape.ReadSQL("select id, surname, born from person where adviser = 'A-4711' and id in (1, 2)")
	columns, _ := shape.Columns([]string{"id", "surname", "born"}, []uint32{23, 25, 1082})
	one := shape.Shape{Method: shape.SQL, Path: said.Verb, Document: said.Kept, Query: said.Parameters, Parts: columns}
	unseen := shape.Shape{Method: shape.SQL, Path: said.Verb, Document: "select id from person", Exact: true}
	before, after, _ := strings.Cut(config.Example, "\n# Each row names its person: it counts")
	_, after, _ = strings.Cut(after, "\n# How the people of an incident")
	dir := configtest.Secrets(t)
	if _, err := parse(dir, before+"\n# "+after); err != nil {
		t.Fatalf("a service that learns and has no statement: %v", err)
	}
	draft := shape.Draft([]shape.Shape{one}, nil, "dossier")
	s, err := parse(dir, before+"\n"+draft+"\n# "+after)
	if err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	if got := s.SQL.Services[0].Statements; len(got) != 1 || got[0].SQL != "select id, surname, born from person where adviser = $1 and id = any($2)" || len(got[0].Person) != 1 || len(got[0].Fields) != 3 || got[0].Plain != nil {
		t.Errorf("%s\nis read as %v", draft, got)
	}
	if _, err := parse(dir, before+"\n"+shape.Draft([]shape.Shape{unseen}, nil, "dossier")+"\n# "+after); err == nil || !strings.Contains(err.Error(), "no column is declared") {
		t.Errorf("whose columns nobody saw: %v", err)
	}
	if _, err := parse(dir, strings.Replace(before, `learn = "accompany"         # while it is being declared: for this`, `learn = "chat" #`, 1)+"\n# "+after); err == nil || !strings.Contains(err.Error(), "no purpose \"chat\" is declared") {
		t.Errorf("a purpose that nobody declared: %v", err)
	}
}

func TestAProvisioningSystemIsReadOrComplainedOf(t *testing.T) {
	dir := configtest.Secrets(t)
	const good = "\n[[provisioning]]\nname = \"entra\"\norganisation = \"ml-valbourg\"\ntoken_file = \"agenda.token\"\nissuer = \"https://login.example\"\nrole = \"adviser\"\nservices = [\"people\"]\n"
	s, err := parse(dir, config.Example+good)
	if err != nil || len(s.Provisioning) != 1 || s.Provisioning[0].ID() != "provision/entra" || s.Provisioning[0].Token == [32]byte{} {
		t.Fatalf("%+v, %v", s.Provisioning, err)
	}
	for name, test := range map[string]struct{ is, was, want string }{
		"a manager":            {`role = "adviser"`, `role = "manager"`, "proposed by a person"},
		"no service":           {`["people"]`, `["elsewhere"]`, "no such service"},
		"no secret":            {"token_file = \"agenda.token\"\n", "", "either a token_file or a key"},
		"a key that is a text": {"token_file = \"agenda.token\"", "key = \"x\"", "not a public key"},
		"for ever":             {"services", "lasts = \"100000h\"\nservices", "a year"},
	} {
		i := strings.LastIndex(good, test.is)
		if _, err := parse(dir, config.Example+good[:i]+test.was+good[i+len(test.is):]); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTracesAreSentNowhereUnprotected(t *testing.T) {
	dir := configtest.Secrets(t)
	for text, want := range map[string]string{
		`url = "http://127.0.0.1:4318/v1/traces"`:                    "",
		`url = "https://traces.example/v1/traces"` + "\nshare = 0.1": "",
		`url = "http://traces.example/v1/traces"`:                    "traces.url: traces would travel unprotected",
		`share = 0.5`: "traces.url: missing",
		`url = "https://traces.example"` + "\nshare = 0.0":                       "traces.share: not a share",
		`url = "https://traces.example"` + "\nshare = 1.5":                       "traces.share: not a share",
		`url = "https://traces.example"` + "\ntoken_file = \"nowhere.token\"":    "traces.token_file",
		`url = "https://traces.example"` + "\ntoken_file = \"checkpoint.pub\"\n": "",
	} {
		s, err := parse(dir, config.Example+"\n[traces]\n"+text+"\n")
		if want == "" && (err != nil || s.Traces == nil) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if s, err := parse(dir, config.Example); err != nil || s.Traces != nil {
		t.Errorf("traces are collected although nobody asked: %v", err)
	}
}

func TestSignalsAreFetchedAndToldNowhereUnprotected(t *testing.T) {
	dir := configtest.Secrets(t)
	const key = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	from := "\n[[transmitter]]\nname = \"idp\"\nissuer = \"https://signals.example\"\nkeys = '" + key + "'\npeople = \"https://login.example\"\n"
	to := "\n[[receiver]]\nname = \"idp\"\nurl = \"https://login.example/signals\"\naudience = \"https://login.example\"\nsubject = \"iss_sub\"\ntoken_file = \"agenda.token\"\n"
	for name, test := range map[string]struct{ text, want string }{
		"pushed":                  {from, ""},
		"fetched":                 {from + "poll = \"https://signals.example/poll\"\ntoken_file = \"agenda.token\"\n", ""},
		"fetched in the clear":    {from + "poll = \"http://signals.example/poll\"\n", "transmitter[0].poll: signals would travel unprotected"},
		"a token for nobody":      {from + "token_file = \"agenda.token\"\n", "transmitter[0].token_file: a token is sent to an address only"},
		"told":                    {to, ""},
		"told in the clear":       {strings.Replace(to, "https://login.example/signals", "http://login.example/signals", 1), "receiver[0].url: signals would travel unprotected"},
		"told twice":              {to + to, "receiver[1].name: this system is declared twice"},
		"named somehow":           {strings.Replace(to, "iss_sub", "phone", 1), "receiver[0].subject: not a way to name accounts"},
		"told as if to a service": {strings.Replace(to, "audience = \"https://login.example\"", "audience = \"people\"", 1), "receiver[0].audience: a service has this name"},
		"told to nobody":          {"\n[[receiver]]\nname = \"idp\"\n", "receiver[0].url: missing"},
	} {
		s, err := parse(dir, config.Example+test.text)
		if test.want == "" && (err != nil || len(s.Transmitters)+len(s.Receivers) != 1) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	for _, contact := range []string{"securite@mission.example", "http://mission.example", "mailto:", "https://"} {
		if _, err := parse(dir, strings.Replace(config.Example, "mailto:securite@mission.example", contact, 1)); err == nil || !strings.Contains(err.Error(), "public.security_contact: not an address to write to") {
			t.Errorf("%q: %v", contact, err)
		}
	}
}
