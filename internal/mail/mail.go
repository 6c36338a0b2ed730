// Package mail sends mail through one SMTP server. What is sent is text, to one address.
package mail

import (
	"context"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"poterne/internal/i18n"
)

// Message is what one address is sent.
type Message struct {
	To      string
	Subject string
	Text    string
}

// written are addresses as every server takes them, without a name.
var written = regexp.MustCompile(`^[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// Address is the one address in a text, without what surrounds it; false where it is none that can be written to, whatever
// else it says.
func Address(text string) (string, bool) {
	text = strings.TrimSpace(text)
	parsed, err := netmail.ParseAddress(text)
	return text, err == nil && parsed.Address == text && len(text) <= 254 && written.MatchString(text)
}

// Bilingual is a message to somebody whose language is not known: its texts are said by key,
// "…-subject" and "…-text".
func Bilingual(to, key string, pairs ...any) Message {
	return Message{
		To:      to,
		Subject: i18n.French.Say(key+"-subject", pairs...) + " / " + i18n.English.Say(key+"-subject", pairs...),
		Text:    i18n.French.Say(key+"-text", pairs...) + "\n\n— — —\n\n" + i18n.English.Say(key+"-text", pairs...) + "\n",
	}
}

// Security is how the connection to the server is kept from whoever listens.
type Security string

const (
	TLS      Security = "tls"      // from the first byte
	StartTLS Security = "starttls" // before anything is said; never without
	Plain    Security = "none"     // to this very machine only
)

// Server is an SMTP server. It is safe to share.
type Server struct {
	Host     string
	Port     int
	Security Security
	From     string
	User     string // empty: it wants nobody named
	Password string
}

// patience is how long one mail may take.
const patience = 15 * time.Second

// Send hands a message to the server. When it returns nil the server has it; after an
// error the server may have it all the same.
func (s Server) Send(ctx context.Context, m Message) error {
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(patience)}
	switch s.Security {
	case TLS:
		options = append(options, gomail.WithSSL())
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	client, err := gomail.NewClient(s.Host, options...)
	if err != nil {
		return fmt.Errorf("reaching the mail server: %w", err)
	}
	message := gomail.NewMsg()
	if err := message.From(s.From); err != nil {
		return fmt.Errorf("the sender's address: %w", err)
	}
	if err := message.To(m.To); err != nil {
		return fmt.Errorf("a recipient's address cannot be written to")
	}
	message.Subject(m.Subject)
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	message.SetDate()
	message.SetMessageID()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("handing a mail to %s: %w", s.Host, err)
	}
	return nil
}
