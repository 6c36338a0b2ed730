package installation

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"poterne/internal/fault"
	"poterne/internal/installed"
	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// ConfigurationPath is where configurations are signed for and allowed.
const ConfigurationPath = Path + "/configuration"

// Changes are the configurations that nodes found in their files, where two people allow each. An
// error is fault.Refused to those who may not.
type Changes interface {
	// Installed returns the one that nodes go by; without a number when there never was any.
	Installed(context.Context) (installed.Change, error)
	// Waiting returns those that wait for somebody, oldest first.
	Waiting(context.Context) ([]installed.Change, error)
	// Sign signs for one as the first of two people.
	Sign(context.Context, installed.Sign) error
	// Allow has nodes go by one for which another person signed, once they read their files anew.
	Allow(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Drop takes one back, or refuses it.
	Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error
}

// Difference is a key of a configuration that is to be another; an empty value is not there.
type Difference struct{ Key, Is, Would string }

// configurationPage answers those who allow configurations: what would change?
type configurationPage struct {
	portal.Page
	Wrong   portal.Mends
	Because string // as it was typed
	MaySign bool
	Again   string
	Is      installed.Change
	Short   string // of its digest
	Who     string // signed for it first
	Second  string
	Here    bool // this node goes by it
	Asked   []askedChange
}

// askedChange is a configuration that waits, with what it changes.
type askedChange struct {
	installed.Change
	Short       string // of its digest
	Who         string // signed for it first
	Own         bool   // the viewer did
	Frees       bool   // by it one person alone changes the next
	Moved       bool   // another was allowed since it was found
	Differences []Difference
}

func (h *Handlers) configuration(v *portal.Visit) error {
	return h.showConfiguration(v, http.StatusOK, "", nil)
}

func (h *Handlers) showConfiguration(v *portal.Visit, status int, because string, wrong portal.Mends) error {
	is, err := h.deps.Changes.Installed(v.Context())
	if err != nil {
		return err
	}
	all, err := h.deps.Changes.Waiting(v.Context())
	if err != nil {
		return err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	shown := configurationPage{
		Page: v.Page(Path, "configuration.title"), Wrong: wrong, Because: because, MaySign: v.MaySign(), Again: ConfigurationPath,
		Is: is, Short: short(is.Digest), Who: labels.Account(is.By), Second: labels.Account(is.Second), Here: is.Digest == h.deps.Configured.Deciding,
	}
	for _, c := range all {
		one, err := h.askedChange(v, is, c)
		if err != nil {
			return err
		}
		one.Who = labels.Account(c.By)
		shown.Asked = append(shown.Asked, one)
	}
	h.pages.Show(v, status, "configuration.html", shown)
	return nil
}

// short is a digest as people compare it.
func short(d ledger.Digest) string { return d.String()[:16] }

// askedChange says what a configuration changes of the one that nodes go by.
func (h *Handlers) askedChange(v *portal.Visit, is, c installed.Change) (askedChange, error) {
	one := askedChange{Change: c, Short: short(c.Digest), Own: c.By != "" && c.By == v.Viewer.ID, Frees: !c.ByTwo, Moved: c.Base != is.Number}
	var err error
	one.Differences, err = h.deps.Differences(is.Text, c.Text)
	return one, err
}

// waitingChange is the configuration with the number in the address, and what it changes.
func (h *Handlers) waitingChange(v *portal.Visit) (askedChange, error) {
	absent := &fault.Error{Kind: fault.Absent, Public: "this configuration waits no more"}
	number, err := v.Number(absent)
	if err != nil {
		return askedChange{}, err
	}
	is, err := h.deps.Changes.Installed(v.Context())
	if err != nil {
		return askedChange{}, err
	}
	all, err := h.deps.Changes.Waiting(v.Context())
	if err != nil {
		return askedChange{}, err
	}
	i := slices.IndexFunc(all, func(c installed.Change) bool { return c.Number == number })
	if i < 0 {
		return askedChange{}, absent
	}
	return h.askedChange(v, is, all[i])
}

// confirmed reports whether the viewer has confirmed that they sign for a configuration, or allow it.
func (h *Handlers) confirmed(v *portal.Visit, sentence string, c askedChange) (bool, error) {
	frees := ""
	if c.Frees {
		frees = v.Speaker.Say("configuration.frees")
	}
	return v.Confirm(ConfigurationPath, sentence, "digest", c.Short, "node", c.Node, "changes", v.Speaker.Say("configuration.keys", "n", len(c.Differences)), "frees", frees)
}

// sign signs for a configuration as the first of two people.
func (h *Handlers) sign(v *portal.Visit) error {
	c, err := h.waitingChange(v)
	if err != nil {
		return err
	}
	because := portal.Tidy(v.PostFormValue("because"))
	if !v.MaySign() {
		return h.showConfiguration(v, http.StatusForbidden, because, nil)
	}
	field := "because-" + strconv.FormatUint(uint64(c.Number), 10)
	if wrong := portal.MendTyped(field, because); len(wrong) > 0 {
		return h.showConfiguration(v, http.StatusUnprocessableEntity, because, wrong)
	}
	if confirmed, err := h.confirmed(v, "confirm.configuration-sign", c); !confirmed {
		return err
	}
	if err := h.deps.Changes.Sign(v.Context(), installed.Sign{Number: c.Number, By: v.Viewer.ID, Because: because}); err != nil {
		return err
	}
	v.Back(ConfigurationPath)
	return nil
}

// allowChange has nodes go by a configuration for which another person signed.
func (h *Handlers) allowChange(v *portal.Visit) error {
	c, err := h.waitingChange(v)
	switch {
	case err != nil:
		return err
	case !v.MaySign():
		return h.showConfiguration(v, http.StatusForbidden, "", nil)
	}
	if confirmed, err := h.confirmed(v, "confirm.configuration-allow", c); !confirmed {
		return err
	}
	if err := h.deps.Changes.Allow(v.Context(), c.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(ConfigurationPath)
	return nil
}

// dropChange takes back what the viewer signed for, or refuses what a node found.
func (h *Handlers) dropChange(v *portal.Visit) error {
	c, err := h.waitingChange(v)
	if err == nil {
		err = h.deps.Changes.Drop(v.Context(), c.Number, v.Viewer.ID)
	}
	if err != nil {
		return err
	}
	v.Back(ConfigurationPath)
	return nil
}
