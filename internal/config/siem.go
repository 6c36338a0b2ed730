package config

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"

	"poterne/internal/siem"
	"poterne/internal/signin"
)

// siemTable is who collects events: one of a file, an address and a receiver of syslog. Whoever
// reads them learns what each account did and when, and nobody of the register.
type siemTable struct {
	File       string `toml:"file"`
	URL        string `toml:"url"`
	SecretFile string `toml:"secret_file"` // a bearer's token, of the address
	Syslog     string `toml:"syslog"`      // host:port
	CAFile     string `toml:"ca_file"`     // whom the receiver's certificate is from; the system's where left out
}

const leastSIEMToken = 16

// siem reads who collects events.
func (c *config) siem(s *Settings, files secretFiles) {
	t, wrong := c.SIEM, files.wrong
	named := 0
	for _, one := range []string{t.File, t.URL, t.Syslog} {
		if one != "" {
			named++
		}
	}
	switch {
	case t == (siemTable{}):
		return
	case named != 1:
		wrong.Add("siem", "events go to one place; write one of file, url and syslog")
		return
	case t.SecretFile != "" && t.URL == "":
		wrong.Add("siem.secret_file", "a token is sent to an address only; write url")
	case t.CAFile != "" && t.Syslog == "":
		wrong.Add("siem.ca_file", "it is for syslog; an address has a certificate that the system knows")
	}
	switch {
	case t.File != "":
		s.SIEM = siem.File{Path: files.path(t.File)}
	case t.URL != "":
		address, err := url.Parse(t.URL)
		if err != nil || address.Host == "" || address.Scheme != "https" && (address.Scheme != "http" || !signin.Loopback(address.Hostname())) {
			wrong.Add("siem.url", "events would travel unprotected; write url = \"https://…\"")
		}
		post := siem.NewPost(t.URL)
		if t.SecretFile != "" {
			post.Token = readSecret(files, "siem.secret_file", t.SecretFile, parseSignalToken)
		}
		s.SIEM = post
	default:
		s.SIEM = c.syslog(files)
	}
}

// syslog is a receiver of syslog, by TLS unless it is on the same machine.
func (c *config) syslog(files secretFiles) siem.Sink {
	t := c.SIEM
	host, _, err := net.SplitHostPort(t.Syslog)
	if err != nil || host == "" {
		files.wrong.Add("siem.syslog", "write the receiver's name and port, such as \"siem.example:6514\"")
		return nil
	}
	to := siem.Syslog{Address: t.Syslog}
	to.Host, _ = os.Hostname()
	if signin.Loopback(host) && t.CAFile == "" {
		return to
	}
	to.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.CAFile == "" {
		return to
	}
	text, err := os.ReadFile(files.path(t.CAFile))
	to.TLS.RootCAs = x509.NewCertPool()
	if err != nil || !to.TLS.RootCAs.AppendCertsFromPEM(text) {
		files.wrong.Add("siem.ca_file", "it holds no certificate that can be read")
	}
	return to
}
