package config

import (
	"net/url"
	"slices"

	"poterne/internal/alert"
	"poterne/internal/mail"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// mailTable is the SMTP server that delivers invitations and notices. It reads what it
// delivers: an invitation that it steals still needs the identity provider's word for
// somebody of the organisation, and a second person's.
type mailTable struct {
	Host         string        `toml:"host" need:"host = \"smtp.example\", the server that delivers mail"`
	Port         int64         `toml:"port" need:"port = 587, or 465 with security = \"tls\""`
	Security     mail.Security `toml:"security" need:"security = \"starttls\", \"tls\", or \"none\" on this very machine"`
	From         string        `toml:"from" need:"from = \"poterne@structure.example\", the sender's address"`
	User         string        `toml:"user"`
	PasswordFile string        `toml:"password_file"`
}

// mail reads the mail server, where there is one.
func (c *config) mail(s *Settings, files secretFiles) {
	if c.Mail == nil {
		return
	}
	t := *c.Mail
	server := mail.Server{Host: t.Host, Port: int(t.Port), Security: t.Security, From: t.From, User: t.User}
	server.Password = readSecret(files, "mail.password_file", t.PasswordFile, func(text []byte) (string, error) { return string(text), nil })
	switch {
	case !slices.Contains([]mail.Security{mail.TLS, mail.StartTLS, mail.Plain}, t.Security):
		files.wrong.Add("mail.security", "%q is none; write \"starttls\", \"tls\", or \"none\" on this very machine", t.Security)
	case t.Security == mail.Plain && !signin.Loopback(t.Host):
		files.wrong.Add("mail.security", "invitations would travel unprotected; write \"starttls\" or \"tls\"")
	case t.Security == mail.Plain && t.User != "":
		files.wrong.Add("mail.user", "a password would travel unprotected; write \"starttls\" or \"tls\"")
	}
	if t.Port < 1 || t.Port > 65535 {
		files.wrong.Add("mail.port", "no port; write 587, or 465 with security = \"tls\"")
	}
	if (t.User == "") != (t.PasswordFile == "") {
		files.wrong.Add("mail", "user and password_file come together; write both or neither")
	}
	if _, err := roster.Mail(t.From); t.From != "" && err != nil {
		files.wrong.Add("mail.from", "it %v", err)
	}
	s.Mail = &server
}

// alertsTable is who is told without looking at the desk. Whoever reads what is sent learns
// which account was frozen and why, and nobody of the register.
type alertsTable struct {
	Mail       []string `toml:"mail"`
	URL        string   `toml:"url"`
	SecretFile string   `toml:"secret_file"`
}

// alerts reads who is told.
func (c *config) alerts(s *Settings, files secretFiles) {
	t := c.Alerts
	for _, address := range t.Mail {
		if _, err := roster.Mail(address); err != nil {
			files.wrong.Add("alerts.mail", "it %v", err)
		}
	}
	if len(t.Mail) > 0 && c.Mail == nil {
		files.wrong.Add("alerts.mail", "there is no server to send it; write [mail]")
	}
	if (t.URL == "") != (t.SecretFile == "") {
		files.wrong.Add("alerts", "url and secret_file come together; write both or neither")
	}
	s.Alerts = alert.Settings{Mail: t.Mail, URL: t.URL}
	if t.URL == "" {
		return
	}
	address, err := url.Parse(t.URL)
	if err != nil || address.Host == "" || address.Scheme != "https" && !(address.Scheme == "http" && signin.Loopback(address.Hostname())) {
		files.wrong.Add("alerts.url", "alerts would travel unprotected; write url = \"https://…\"")
	}
	s.Alerts.Secret = readSecret(files, "alerts.secret_file", t.SecretFile, longSecret)
}
