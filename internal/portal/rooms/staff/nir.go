package staff

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
)

const nirPath = "/nir"

// NIRs are shown one at a time.
type NIRs interface {
	// Offers reports whether the NIR of whoever was opened may be asked for.
	Offers(ledger.Entry) bool
	// Masked are the categories that a purpose has and every file masks.
	Masked(roster.Purpose) register.Fields
	// Opened returns the opening under a receipt whose NIR an account may ask for.
	Opened(ctx context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error)
	// Ask has that NIR be shown, once.
	Ask(ctx context.Context, by roster.AccountID, session roster.SessionID, receipt ledger.Number) error
}

// nirPage answers whoever opened a file and needs the NIR in it.
type nirPage struct {
	portal.Page
	Receipt ledger.Number
	At      time.Time
	Service portal.Service
	Masked  register.Fields
	MaySign bool   // a passkey is asked for, or there was a fresh sign-in since the last NIR
	Again   string // where the person comes back to after a fresh sign-in
	Waits   bool   // it was asked for: the file is opened again
}

// askingNIR is the page of the opening that a form or an address names.
func (h *Handlers) askingNIR(v *portal.Visit, typed string) (nirPage, time.Time, error) {
	number, err := strconv.ParseUint(strings.TrimSpace(typed), 10, 63)
	if err != nil {
		return nirPage{}, time.Time{}, &fault.Error{Kind: fault.Absent, Public: grants.ErrNoFile.Error()}
	}
	opened, err := h.deps.NIRs.Opened(v.Context(), v.Viewer.ID, ledger.Number(number))
	if err != nil {
		return nirPage{}, time.Time{}, err
	}
	entries, err := h.deps.Journal.RecentBy(v.Context(), v.Viewer.ID, portal.EntriesRead)
	if err != nil {
		return nirPage{}, time.Time{}, err
	}
	var last time.Time // when a confirmation was last spent
	for _, e := range entries {
		if e.Kind == ledger.NIRAsked {
			last = e.Time
			break
		}
	}
	shown := nirPage{Page: v.Page("/", "nir.title"), Receipt: opened.Receipt, At: opened.Time, Masked: h.deps.NIRs.Masked(opened.Purpose), Again: nirPath + "?receipt=" + strconv.FormatUint(number, 10)}
	shown.Service = h.shell.Service(opened.Service)
	shown.MaySign = v.MaySignSince(last)
	return shown, last, nil
}

func (h *Handlers) nir(v *portal.Visit) error {
	shown, _, err := h.askingNIR(v, v.URL.Query().Get("receipt"))
	if err != nil {
		return err
	}
	if v.URL.Query().Get("said") == "asked" {
		shown.Waits, err = v.Just(func(e ledger.Entry) bool { return e.Kind == ledger.NIRAsked && e.Cause == shown.Receipt })
		if err != nil {
			return err
		}
	}
	h.pages.Show(v, http.StatusOK, "nir.html", shown)
	return nil
}

// askNIR has one NIR be shown once. What is confirmed is this form, with the receipt in it.
func (h *Handlers) askNIR(v *portal.Visit) error {
	shown, last, err := h.askingNIR(v, v.PostFormValue("receipt"))
	if err != nil {
		return err
	}
	if !shown.MaySign {
		h.pages.Show(v, http.StatusForbidden, "nir.html", shown)
		return nil
	}
	if confirmed, err := v.ConfirmSince(last, shown.Again, "confirm.nir", "service", shown.Service.Name, "receipt", int(shown.Receipt), "what", v.Speaker.Fields(shown.Masked)); !confirmed {
		return err
	}
	err = h.deps.NIRs.Ask(v.Context(), v.Viewer.ID, v.Session(), shown.Receipt)
	switch {
	case errors.Is(err, grants.ErrNotConfirmed): // another page was quicker
		shown.MaySign = false
		h.pages.Show(v, http.StatusForbidden, "nir.html", shown)
		return nil
	case err != nil && !errors.Is(err, grants.ErrNIRWaits):
		return err
	}
	v.Back(shown.Again + "&said=asked")
	return nil
}

// offered are the receipts of openings whose NIR can be asked for.
func (h *Handlers) offered(entries []ledger.Entry) map[ledger.Number]bool {
	found, people := make(map[ledger.Number]bool), make(map[ledger.Number]int)
	for _, e := range entries {
		people[e.Receipt]++
		found[e.Receipt] = people[e.Receipt] == 1 && h.deps.NIRs.Offers(e)
	}
	return found
}
