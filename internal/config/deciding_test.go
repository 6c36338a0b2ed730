package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
)

// What is of one machine does not decide, and everything else does: a key changes the digest unless
// it is among those that the example names. Comments, and how files are cut, change nothing.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_WhatDecidesIsAllButWhatIsOfOneMachine(t *testing.T) {
	dir := configtest.Secrets(t)
	is, err := parse(dir, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	if is.Deciding.ByTwo || is.Deciding.Text == "" || strings.Contains(is.Deciding.Text, "pseudonym.key") || strings.Contains(is.Deciding.Text, "poterne.db") {
		t.Fatalf("it decides: %s", is.Deciding.Text)
	}
	for name, c := range map[string]struct {
		was, is string
		decides bool
	}{
		"a comment":         {"# Made once by", "# made once by", false},
		"where it listens":  {`listen = "127.0.0.1:8080"`, `listen = "127.0.0.1:8090"`, false},
		"metrics":           {`listen = "127.0.0.1:9090"`, `listen = "127.0.0.1:9091"`, false},
		"the database":      {`path = "poterne.db"`, `path = "other.db"`, false},
		"memory":            {"facts = 67108864", "facts = 6710886", false},
		"proxies":           {`proxies = ["127.0.0.1"]`, `proxies = ["127.0.0.1", "10.0.0.1"]`, true},
		"a provider":        {`issuer = "https://connect.example"`, `issuer = "https://connect.mission.example"`, true},
		"who is alerted":    {`mail = ["garde@registre.example"]`, `mail = []`, true},
		"a purpose":         {`headers = ["X-Requested-With"]`, `headers = []`, true},
		"the order of nets": {"[[network]]\nname = \"counter\"\nranges = [\"10.20.30.0/24\"]\n\n[[network]]\nname = \"agency\"\nranges = [\"10.20.0.0/16\", \"2001:db8:20::/48\"]\n", "[[network]]\nname = \"agency\"\nranges = [\"10.20.0.0/16\", \"2001:db8:20::/48\"]\n\n[[network]]\nname = \"counter\"\nranges = [\"10.20.30.0/24\"]\n", true},
		"by two":            {"# [configuration]\n# by_two = true", "[configuration]\nby_two = true", true},
	} {
		if strings.Count(config.Example, c.was) != 1 {
			t.Fatalf("%s: the example has %q not once", name, c.was)
		}
		next, err := parse(dir, strings.Replace(config.Example, c.was, c.is, 1))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (next.Deciding.Digest != is.Deciding.Digest) != c.decides {
			t.Errorf("%s decides: %v", name, !c.decides)
		}
		if differences, err := config.Differences(is.Deciding.Text, next.Deciding.Text); err != nil || (len(differences) > 0) != c.decides {
			t.Errorf("%s: %v, %v", name, differences, err)
		}
	}

	main, services, whole := filepath.Join(dir, "poterne.toml"), filepath.Join(dir, "services.toml"), strings.SplitN(config.Example, "[[service]]", 2)
	for file, text := range map[string]string{main: "include = [\"services.toml\"]\n" + whole[0], services: "[[service]]" + whole[1]} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if apart, err := config.Read(main); err != nil || apart.Deciding.Digest != is.Deciding.Digest || apart.Digest == is.Digest {
		t.Errorf("cut in two files it is another: %v", err)
	}
}

// A machine goes by what two people allowed under its own part: what is read back from the kept text is the same
// configuration, with the same digest, and of the file only what is of the machine counts.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_AMachineGoesByWhatWasAllowedUnderItsOwnPart(t *testing.T) {
	dir := configtest.Secrets(t)
	allowed, err := parse(dir, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`issuer = "https://connect.example"`, `issuer = "https://thief.example"`, `listen = "127.0.0.1:8080"`, `listen = "127.0.0.1:8090"`).Replace(config.Example)
	file, err := parse(dir, text)
	if err != nil {
		t.Fatal(err)
	}
	goes, err := file.Under(allowed.Deciding.Text)
	if err != nil {
		t.Fatal(err)
	}
	if goes.Deciding.Digest != allowed.Deciding.Digest || goes.Deciding.Text != allowed.Deciding.Text || goes.SignIn.Issuer != "https://connect.example" || goes.Listen != "127.0.0.1:8090" {
		t.Errorf("it goes by the issuer %s at %s", goes.SignIn.Issuer, goes.Listen)
	}
	if !slices.Equal(goes.Files, file.Files) || len(goes.Services) != len(allowed.Services) || goes.Digest != allowed.Deciding.Digest {
		t.Errorf("it has %d services, of %v", len(goes.Services), goes.Files)
	}
	if digest, err := config.DigestOfText(allowed.Deciding.Text); err != nil || digest != allowed.Deciding.Digest {
		t.Errorf("the text has another digest: %v", err)
	}
	if _, err := file.Under(strings.Replace(allowed.Deciding.Text, "client.secret", "gone.secret", 1)); err == nil || !strings.Contains(err.Error(), "gone.secret") {
		t.Errorf("what is not there is not said: %v", err)
	}
}

// People read what changes by its key, from what to what; what an address or a connection hides
// stays hidden, and that it changes is said.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_ADifferenceIsReadByItsKeysAndShowsNoSecret(t *testing.T) {
	const is = `
[alerts]
url = "https://alerts.example/poterne?key=s3cret"
[[source]]
name = "agenda"
kinds = ["appointment"]
[[source]]
name = "calls"
kinds = ["call"]
[[service]]
id = "people"
[[service.route]]
get = "/users"
`
	would := strings.NewReplacer("s3cret", "other", `kinds = ["call"]`, `kinds = ["call", "cover"]`, `get = "/users"`, "get = \"/users\"\nquery = [\"page\"]\n[[service.route]]\nget = \"/all\"").Replace(is)
	got, err := config.Differences(is, would)
	want := []config.Difference{
		{"alerts.url", `"https://alerts.example/poterne?•••"`, `"https://alerts.example/poterne?•••" •••`},
		{"service[people].route", "GET /users", "GET /users, GET /all"},
		{"source[calls].kinds", `"call"`, `"call", "cover"`},
		{"service[people].route[GET /all].get", "", `"/all"`},
		{"service[people].route[GET /users].query", "", `"page"`},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, secret := range []string{"https://name:s3cret@host.example/in", "host=/run dbname=people password=s3cret", "https://host.example/in?token=s3cret"} {
		got, err := config.Differences("", "[siem]\nurl = \""+secret+"\"\n")
		if err != nil || len(got) != 1 || strings.Contains(got[0].Would, "s3cret") || !strings.Contains(got[0].Would, "•••") {
			t.Errorf("%s is said as %q, %v", secret, got, err)
		}
	}
	if got, err := config.Differences("", "\"a\u202eb\" = 1\n"); err != nil || len(got) != 1 || strings.Contains(got[0].Key, "\u202e") {
		t.Errorf("a key that turns writing around: %q, %v", got, err)
	}
	if got, err := config.Differences("[accounts.quotas]\n\"a.b\" = 1\n[accounts.quotas.a]\nb = 1\n", "[accounts.quotas]\n\"a.b\" = 9\n[accounts.quotas.a]\nb = 1\n"); err != nil || len(got) != 1 {
		t.Errorf("a key hides another: %q, %v", got, err)
	}
}

// However an address is written, and wherever it stands, what it hides is shown to nobody: neither in a list nor in
// a table on one line, nor where it cannot be read as an address, nor with signs that end others. What follows
// it, and an address that hides nothing, stay readable.
//
// Promises: RIGHTS-1, ENTRY-7
func TestRIGHTS_1_NoSpellingOfAnAddressShowsItsSecret(t *testing.T) {
	for name, value := range map[string]string{
		"in capitals":                   `"HTTPS://name:s3cret@host.example/in"`,
		"with a comma in the password":  `"https://name:pa,s3cret@host.example/in"`,
		"with a quote in the password":  `'https://name:pa"s3cret@host.example/in'`,
		"with a slash in the password":  `"https://name:pa/s3cret@host.example/in"`,
		"with a space in the password":  `"https://name:pa s3cret@host.example/in"`,
		"with a percent":                `"https://name:%zzs3cret@host.example/in"`,
		"after the sign of a fragment":  `"https://host.example/in#s3cret"`,
		"in a query without a name":     `"https://host.example/in?s3cret"`,
		"in a list":                     `["https://host.example/in", "https://name:pa,s3cret@host.example/in"]`,
		"in a table on one line":        `{ name = "a", value = "https://name:s3cret@host.example/in" }`,
		"in a list of tables":           `[{ name = "a", value = "https://name:s3cret@host.example/in" }]`,
		"in a list in a list":           `[["a", "https://name:pa,s3cret@host.example/in"]]`,
		"after another word":            `"to https://name:s3cret@host.example/in"`,
		"with two of them":              `"https://host.example,https://name:s3cret@host.example/in"`,
		"with another in the password":  `"https://name:s3cret://x@host.example/in"`,
		"as PostgreSQL's":               `"host=/run dbname=people password = 's3cret of \\' s3cret'"`,
		"as PostgreSQL's, half written": `"host=/run password='s3cret"`,
		"as PostgreSQL's, with a quote": `"host=/run password=s3\\'s3cret dbname=people"`,
	} {
		for what, texts := range map[string][2]string{
			"is added": {"", "[a]\nkey = " + value + "\n"}, "is gone": {"[a]\nkey = " + value + "\n", ""},
			"changes": {"[a]\nkey = " + value + "\n", "[a]\nkey = " + strings.ReplaceAll(value, "s3cret", "s3cret2") + "\n"},
		} {
			got, err := config.Differences(texts[0], texts[1])
			if err != nil || len(got) == 0 {
				t.Fatalf("%s, which %s: %q, %v", name, what, got, err)
			}
			for _, one := range got {
				if strings.Contains(one.Key+one.Is+one.Would, "s3cret") {
					t.Errorf("%s, which %s: it is said as %q", name, what, one)
				}
			}
		}
	}
	for _, value := range []string{`"https://host.example:8443/in/here"`, `["https://host.example", "http://other.example/a,b"]`, `["signer", "--pin", "env:PIN"]`, `"read https://host.example, or https://other.example."`, `"postgres://host.example/people"`} {
		got, err := config.Differences("", "[a]\nkey = "+value+"\n")
		if err != nil || len(got) != 1 || got[0].Would != strings.Trim(value, "[]") {
			t.Errorf("%s is said as %q, %v", value, got, err)
		}
	}
	// The name by which a table of a list is known hides the same.
	got, err := config.Differences("", "[[a]]\nurl = \"https://name:s3cret@host.example/in\"\n")
	if err != nil || len(got) != 2 || strings.Contains(got[0].Key+got[0].Would+got[1].Key+got[1].Would, "s3cret") {
		t.Errorf("the name of a table: %q, %v", got, err)
	}
	// Nor is one member of a list read as two, nor a path as a host.
	got, err = config.Differences("", "[a]\nkey = ['a\", \"b']\n")
	if err != nil || len(got) != 1 || got[0].Would == `"a", "b"` {
		t.Errorf("one member that reads as two: %q, %v", got, err)
	}
	got, err = config.Differences("", "[a]\nkey = 'https://thief.example/@connect.example'\n")
	if err != nil || len(got) != 1 || !strings.Contains(got[0].Would, "thief.example") {
		t.Errorf("a path that reads as a host: %q, %v", got, err)
	}
}

// Whatever has another digest differs in a key that people are shown: neither a sign that nobody sees, nor one that is
// spelled out as another writes it, nor how lists lie in each other, passes for what was there. What nobody sees
// is spelled out.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_NothingThatDiffersLooksTheSame(t *testing.T) {
	for name, c := range map[string][2]string{
		"a sign that is spelled out":        {"[a]\nkey = 'x\\u202ey'\n", "[a]\nkey = \"x\\u202ey\"\n"},
		"a sign that nobody sees":           {"[a]\nkey = \"garde@registre.example\"\n", "[a]\nkey = \"garde@registre\\u200b.example\"\n"},
		"another, in a list":                {"[a]\nkey = [\"x\\u2060y\"]\n", "[a]\nkey = [\"x\\u200by\"]\n"},
		"in a key":                          {"[a]\n'x\\u202ey' = 1\n", "[a]\n\"x\\u202ey\" = 1\n"},
		"in the name of a table of a list":  {"[[a]]\nid = 'x\\u202ey'\nn = 1\n", "[[a]]\nid = \"x\\u202ey\"\nn = 1\n"},
		"lists in a list":                   {"[a]\nkey = [\"x\", \"y\"]\n", "[a]\nkey = [[\"x\"], [\"y\"]]\n"},
		"lists in a list, cut otherwise":    {"[a]\nkey = [[\"x\", \"y\"], [\"z\"]]\n", "[a]\nkey = [[\"x\"], [\"y\", \"z\"]]\n"},
		"a member that has a comma":         {"[a]\nkey = [\"x\", \"y\"]\n", "[a]\nkey = ['x\", \"y']\n"},
		"a table on one line with a member": {"[a]\nkey = [1, { b = 1, c = 2 }]\n", "[a]\nkey = [1, { 'b = 1, c' = 2 }]\n"},
		"a secret's place":                  {"[a]\nkey = [\"https://a:b@host.example\", \"https://c:d@host.example\"]\n", "[a]\nkey = [\"https://c:d@host.example\", \"https://a:b@host.example\"]\n"},
	} {
		is, err := config.DigestOfText(c[0])
		if err != nil {
			t.Fatal(err)
		}
		would, err := config.DigestOfText(c[1])
		if err != nil || is == would {
			t.Fatalf("%s: the same digest, %v", name, err)
		}
		got, err := config.Differences(c[0], c[1])
		if err != nil || len(got) == 0 {
			t.Errorf("%s: nothing is shown, %v", name, err)
		}
		for _, one := range got {
			if strings.ContainsAny(one.Key+one.Is+one.Would, "\u200b\u2060\u202e") {
				t.Errorf("%s: what nobody sees is in %q", name, one)
			}
		}
	}
}
