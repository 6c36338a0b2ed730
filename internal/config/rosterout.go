package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/accounts"
	"poterne/internal/roster"
)

// WriteRoster writes a roster in the form that ReadRoster takes. What gives no right is left out, and
// counted at the top: an account that was closed, or waits for somebody, would be one that is open
// where the file is taken in anew.
func WriteRoster(w io.Writer, organisations []roster.Organisation, people []accounts.Rights, now time.Time) error {
	var out bytes.Buffer
	closed := make(map[roster.OrganisationID]bool)
	left := 0
	organisations = slices.SortedFunc(slices.Values(organisations), func(a, b roster.Organisation) int { return cmp.Compare(a.ID, b.ID) })
	for _, o := range organisations {
		if closed[o.ID] = !o.Closed.IsZero(); closed[o.ID] {
			continue
		}
		out.WriteString("\n[[organisation]]\n")
		field(&out, "id", string(o.ID))
		field(&out, "siret", o.SIRET)
		field(&out, "name", o.Name)
		field(&out, "mail", o.Mail)
		if o.Quota != 0 {
			fmt.Fprintf(&out, "quota = %d\n", o.Quota)
		}
		moment(&out, "until", o.Until)
	}
	for _, r := range slices.SortedFunc(slices.Values(people), func(a, b accounts.Rights) int { return cmp.Compare(a.Account.ID, b.Account.ID) }) {
		a := r.Account
		if !a.Open() || !a.Until.IsZero() && !now.Before(a.Until) || closed[a.Organisation] || !a.Erased.IsZero() {
			left++
			continue
		}
		out.WriteString("\n[[account]]\n")
		field(&out, "id", string(a.ID))
		field(&out, "organisation", string(a.Organisation))
		field(&out, "role", string(a.Role))
		field(&out, "name", a.Name)
		field(&out, "issuer", a.Identity.Issuer)
		field(&out, "provider", a.Identity.Provider)
		field(&out, "subject", a.Identity.Subject)
		field(&out, "proposed_by", string(a.Proposer))
		field(&out, "mail", a.Mail)
		moment(&out, "until", a.Until)
		for _, h := range r.Habilitations {
			if !now.Before(h.Until) {
				continue
			}
			out.WriteString("[[account.habilitation]]\n")
			field(&out, "service", string(h.Service))
			field(&out, "purpose", string(h.Purpose))
			moment(&out, "from", h.From)
			moment(&out, "until", h.Until)
		}
	}
	_, err := fmt.Fprintf(w, "# The roster as it was at %s. Not in it: %d accounts that give no right, and organisations that are closed.\n%s",
		now.UTC().Format(time.RFC3339), left, out.String())
	return err
}

// field writes a text, if there is one.
func field(out *bytes.Buffer, key, text string) {
	if text == "" {
		return
	}
	line, err := toml.Marshal(map[string]string{key: text})
	if err != nil {
		panic(err) // a map of texts
	}
	out.WriteString(strings.TrimSuffix(string(line), "\n") + "\n")
}

// moment writes a time, if there is one.
func moment(out *bytes.Buffer, key string, at time.Time) {
	if !at.IsZero() {
		fmt.Fprintf(out, "%s = %s\n", key, at.UTC().Format("2006-01-02T15:04:05.999999Z07:00"))
	}
}
