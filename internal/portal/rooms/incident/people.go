package incident

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"filippo.io/age"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/incident/evidence"
	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/order"
	"poterne/internal/portal"
)

var errNoIndex = &fault.Error{Kind: fault.Absent, Public: "there is no index of the ledger: nobody can be counted here"}

// unread says that the index has not answered.
func unread(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || fault.Is(err, fault.Unavailable) {
		return &fault.Error{Kind: fault.Unavailable, Public: "the index is still reading the ledger: try again in a moment", Err: err}
	}
	return err
}

// people hands over the list of the last count, with its seal. That it was read is
// written down.
func (h *Handlers) people(v visit, f file) error {
	if h.deps.Index == nil || f.Count == nil {
		return errNoIndex
	}
	c := f.Count
	if err := v.Record(ledger.Entry{State: ledger.IncidentList, From: f.Number, End: f.Number + 1}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.Context(), countWait)
	defer cancel()
	shown, err := h.shown(ctx, c.Scopes())
	if err != nil {
		return unread(err)
	}
	checkpoint, err := h.deps.Covering(v.Context(), shown.Before)
	if err != nil {
		return err
	}
	name := "incident-" + f.Reference + "-" + h.shell.Now().UTC().Format("20060102T150405Z")
	return v.Download(name+".zip", func(to io.Writer) error { return shown.WriteArchive(v.Context(), to, name, checkpoint) }, h.stillKeeps(v))
}

// shown counts who was shown in some scopes, each person once.
func (h *Handlers) shown(ctx context.Context, scopes []incident.Scope) (index.Shown, error) {
	questions := mailing.Questions(scopes)
	return h.deps.Index.ShownToAny(ctx, questions[0], questions[1:]...)
}

// provenAtMost bounds how many of an account's newest entries a bundle proves.
const provenAtMost = 5000

// evidence hands over what proves the file: its journal, what its accounts were shown in
// its period, and the orders against them; sealed for its reader, where there is one. That it was
// read is written down.
func (h *Handlers) evidence(v visit, f file) error {
	reader := portal.Tidy(v.PostFormValue("reader"))
	seal, err := sealedFor(reader)
	if err != nil { // what was typed is not shown again: it may be the secret half
		return h.show(v, f, http.StatusUnprocessableEntity, fileForm{}, portal.Mends{{Field: "reader", Key: "incident.reader-unreadable"}})
	}
	if err := v.Record(ledger.Entry{State: ledger.EvidenceRead, From: f.Number, End: f.Number + 1}); err != nil {
		return err
	}
	bundle := evidence.Bundle{
		Reference: f.Reference, File: f.File, Key: h.deps.Evidence.Key, Program: h.deps.Evidence.Program, Made: h.shell.Now(), Prove: h.deps.Evidence.Prove,
	}
	if bundle.Words, err = h.deps.Evidence.Known(v.Context()); err != nil {
		return err
	}
	for _, account := range f.Accounts() {
		entries, err := h.deps.Evidence.Journal.RecentBy(v.Context(), account, provenAtMost)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if incident.Covers(f.Scopes(), account, e.Time) && e.Disclosed() {
				bundle.Entries = append(bundle.Entries, e.Number)
			}
		}
	}
	for _, o := range h.facts(v, f).Orders {
		if o.Entry > 0 {
			bundle.Entries = append(bundle.Entries, ledger.Number(o.Entry))
		}
	}
	if _, err := h.deps.Covering(v.Context(), h.deps.Evidence.Journal.Next()); err != nil { // each of them is then under a checkpoint
		return err
	}
	name := "incident-" + f.Reference + "-evidence.zip"
	if reader != "" {
		name += ".age"
	}
	return v.Download(name, func(to io.Writer) error {
		sealed, err := seal(to)
		if err != nil {
			return err
		}
		if _, err := bundle.Pack(v.Context(), sealed); err != nil {
			return err
		}
		return sealed.Close()
	}, h.stillKeeps(v))
}

// longestReader is longer than any public key of age, those that resist quantum computers included.
const longestReader = 4096

// sealedFor returns what encrypts for whoever has the other half of one of some public keys of age,
// separated by spaces; for nobody in particular, and in clear, when there is none.
func sealedFor(readers string) (func(io.Writer) (io.WriteCloser, error), error) {
	if readers == "" {
		return func(to io.Writer) (io.WriteCloser, error) { return inClear{to}, nil }, nil
	}
	if len(readers) > longestReader {
		return nil, fmt.Errorf("a public key has %d bytes at most", longestReader)
	}
	keys, err := age.ParseRecipients(strings.NewReader(strings.Join(strings.Fields(readers), "\n")))
	if err == nil {
		_, err = age.Encrypt(io.Discard, keys...) // those that resist quantum computers go with none that do not
	}
	if err != nil {
		return nil, errors.New("these are no public keys of age that go together")
	}
	return func(to io.Writer) (io.WriteCloser, error) { return age.Encrypt(to, keys...) }, nil
}

// inClear is what nothing is added to at its end.
type inClear struct{ io.Writer }

func (inClear) Close() error { return nil }

// stillKeeps is whether a viewer may go on reading a download.
func (h *Handlers) stillKeeps(v visit) func(context.Context) error {
	return func(ctx context.Context) error {
		who, err := v.Again(ctx)
		if err == nil && (!who.Oversees() || who.Suspended(h.deps.Gate.Orders(), h.shell.Now())) {
			err = fault.Errorf(fault.Refused, "the viewer may not keep incidents any more")
		}
		return err
	}
}

// numberOf reads the number of an entry; zero when none is typed.
func numberOf(typed string) ledger.Number {
	number, _ := strconv.ParseUint(typed, 10, 63)
	return ledger.Number(number)
}

// entryOf is the number of the entry that placed an order; zero of one whose row is broken.
func entryOf(o order.Order) uint64 {
	number, err := containment.NumberOf(o.ID)
	if err != nil {
		return 0
	}
	return uint64(number)
}
