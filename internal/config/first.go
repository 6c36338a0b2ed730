package config

import (
	"bufio"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"time"

	"poterne/internal/signin"
	"poterne/internal/typed"
)

// First is what somebody says who puts Poterne before a first application.
type First struct {
	Application string // where it listens
	Origin      string // what people will type
	Issuer      string // of the identity provider
	Client      string // what the provider calls Poterne
	Secret      string // the provider's, for Poterne
	Subject     string // who they are to it
	Name        string // who they are to colleagues
	SIRET       string // of their organisation
	Scheme      string // of the register's identifiers
	Pattern     string // how those are written
	Database    string `default:"poterne.db" help:"Where the database will lie; beside the configuration when it is a name."`
}

// Ask asks for what was not said.
func (f *First) Ask(in io.Reader, out io.Writer) {
	answers := bufio.NewScanner(in)
	for _, q := range []struct {
		asks, usual string
		answer      *string
	}{
		{"Where does the application listen?", "http://127.0.0.1:3000", &f.Application},
		{"What address will people type?", "http://localhost:8080", &f.Origin},
		{"What is the issuer of your identity provider (OpenID Connect)?", "", &f.Issuer},
		{"What does it call Poterne (client_id)?", "poterne", &f.Client},
		{"What secret did it give Poterne? It goes into client.secret", "", &f.Secret},
		{"Who are you to it (sub)?", "", &f.Subject},
		{"What is your name?", "", &f.Name},
		{"What is the SIRET of your organisation?", "", &f.SIRET},
	} {
		if *q.answer != "" {
			continue
		}
		fmt.Fprintf(out, "%s [%s] ", q.asks, q.usual)
		if answers.Scan(); strings.TrimSpace(answers.Text()) != "" {
			q.usual = strings.TrimSpace(answers.Text())
		}
		*q.answer = q.usual
	}
}

//go:embed first.toml
var firstText string

const firstRoster = `# Who may use what. poterne roster import takes it in.

[[organisation]]
id = "mine"
siret = %q
name = "Our organisation"

[[account]]
id = "me"
organisation = "mine"
role = "adviser"
name = %q
issuer = %q
subject = %q

[[account.habilitation]]
service = "app"
purpose = "work"
until = %s
`

// Write makes the keys, a configuration with one service that is observed, and a roster
// with one account, in a folder where none of them is yet. What it wrote is a
// configuration that is accepted, or an error.
func (f First) Write(dir string, now time.Time) (written []string, err error) {
	f.Scheme, f.Pattern = cmp.Or(f.Scheme, "person"), cmp.Or(f.Pattern, "[1-9][0-9]{0,18}")
	f.Database = cmp.Or(f.Database, "poterne.db")
	origin, err := url.Parse(f.Origin)
	if err != nil || origin.Host == "" || origin.Scheme != "http" && origin.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address that people can type; write one such as https://poterne.example", f.Origin)
	}
	host, port := origin.Hostname(), cmp.Or(origin.Port(), "8080")
	place, listen := `prefix = "/app"`, net.JoinHostPort("127.0.0.1", port)
	if host == "localhost" {
		listen = net.JoinHostPort("localhost", port)
	} else if named := hostBelow(origin); named != "" {
		place = fmt.Sprintf("host = %q # a name that leads here as well", named)
	}
	for _, said := range []struct{ flag, text string }{
		{"application", f.Application}, {"issuer", f.Issuer}, {"client", f.Client}, {"subject", f.Subject}, {"name", f.Name}, {"siret", f.SIRET}, {"scheme", f.Scheme}, {"database", f.Database},
	} {
		text := said.text
		if strings.TrimSpace(text) == "" {
			return nil, fmt.Errorf("nobody said --%s: answer its question, or give it", said.flag)
		}
		if !typed.Readable(text) || strings.ContainsAny(text, "\"\\\n") {
			return nil, fmt.Errorf("--%s: %q cannot be written into a configuration", said.flag, text)
		}
	}
	if _, err := regexp.Compile(f.Pattern); err != nil {
		return nil, fmt.Errorf("%q is no regular expression", f.Pattern)
	}
	var text strings.Builder
	err = template.Must(template.New("").Parse(firstText)).Execute(&text, map[string]string{
		"Origin": strings.TrimSuffix(f.Origin, "/"), "Listen": listen, "Issuer": f.Issuer, "Client": f.Client, "Scheme": f.Scheme, "Pattern": f.Pattern,
		"Service": "app", "Database": f.Database, "Place": place, "Upstream": f.Application,
	})
	if err != nil {
		return nil, err
	}
	keys, err := NewKeys(origin.Hostname()+"/ledger", nil)
	if err != nil {
		return nil, err
	}
	files := append(keys,
		Key{"client.secret", f.Secret + "\n"}, Key{"poterne.toml", text.String()},
		Key{"roster.toml", fmt.Sprintf(firstRoster, f.SIRET, f.Name, f.Issuer, f.Subject, now.AddDate(1, 0, 0).Format(time.DateOnly))},
	)
	for _, file := range files {
		if _, err := os.Lstat(filepath.Join(dir, file.File)); !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already, and nothing is replaced", filepath.Join(dir, file.File))
		}
	}
	for _, file := range files {
		if err := file.Write(dir); err != nil {
			return written, err
		}
		written = append(written, filepath.Join(dir, file.File))
	}
	if _, err := Read(filepath.Join(dir, "poterne.toml")); err != nil {
		return written, fmt.Errorf("what was written is not accepted yet; mend it and run poterne config check: %w", err)
	}
	return written, nil
}

// hostBelow is the host name that the application gets; empty where it gets a prefix.
func hostBelow(origin *url.URL) string {
	if name := origin.Hostname(); name == "localhost" || net.ParseIP(name) != nil {
		return ""
	}
	return "app." + origin.Host
}

// After says what to do once it is written.
func (f First) After() string {
	at := []string{strings.TrimSuffix(f.Origin, "/")}
	if origin, err := url.Parse(f.Origin); err == nil && hostBelow(origin) != "" {
		at = append(at, origin.Scheme+"://"+hostBelow(origin))
	}
	var addresses strings.Builder
	for _, origin := range at {
		fmt.Fprintf(&addresses, "  %s%s\n  %s%s\n", origin, signin.CallbackPath, origin, signin.LeftPath)
	}
	return fmt.Sprintf(afterFirst, addresses.String())
}

const afterFirst = `
Where the identity provider may send people back, and after they sign out, has to be
registered there, exactly:
%s
Next, in this folder:
  poterne roster import roster.toml
  poterne serve
Sign in, and ask for the application's pages: everything is refused, since nothing is declared yet. Then
  poterne learn
drafts the declaration of what you asked for. Look at each line, and put what you keep at the end of poterne.toml.
`
