package doctor

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"poterne/internal/app"
	"poterne/internal/ledger"
	"poterne/internal/ledger/witness"
	"poterne/internal/store"
)

// allowed says whether two people allowed what the file says, where that takes two: all that is looked at here
// is looked at by the file.
func (x *examination) allowed(ctx context.Context, o *app.Opened) {
	is, err := store.NewInstalled(o.DB).Installed(ctx)
	switch {
	case err != nil:
		x.say(Wrong, "configuration", err.Error(), "no node starts before that is put right: restore the database from a copy")
	case !is.ByTwo:
	case is.Digest != x.Deciding.Digest:
		x.say(Check, "configuration", fmt.Sprintf("two people have not allowed what the file says (%s): nodes go by what they allowed last (%s), and what is said here is of the file", x.Deciding.Digest, is.Digest), "have it allowed in the portal, or write back what was allowed")
	default:
		x.say(OK, "configuration", fmt.Sprintf("two people allowed it (%s)", is.Digest), "")
	}
}

// latest is how old an entry may be that no checkpoint covers.
const latest = 5 * time.Second

// ledger holds the ledger's head against the clock, and against its newest checkpoint.
func (x *examination) ledger(ctx context.Context, o *app.Opened) {
	_, size, err := newest(ctx, o)
	if err != nil {
		x.say(Wrong, "ledger", err.Error(), "poterne ledger verify says more")
		return
	}
	last, err := last(ctx, o, size)
	if err != nil {
		x.say(Wrong, "ledger", err.Error(), "poterne ledger verify says more")
		return
	}
	behind, err := x.uncovered(ctx, o, size)
	switch {
	case err != nil:
		x.say(Wrong, "ledger", err.Error(), "poterne ledger verify says more")
	case last.Sub(x.now()) > farOff:
		x.say(Wrong, "clock", fmt.Sprintf("the ledger's last entry is %s ahead of it", round(last.Sub(x.now()))), "set the clock right: time in the ledger waits until it has caught up")
	case behind > latest:
		x.say(Check, "ledger", fmt.Sprintf("an entry has waited %s for a checkpoint", round(behind)), "start the program, or read in its log why it does not sign")
	default:
		x.say(OK, "ledger", fmt.Sprintf("%d entries are under its newest checkpoint", size), "")
	}
}

// newest is the newest checkpoint, and how many entries it is over.
func newest(ctx context.Context, o *app.Opened) (signed []byte, size int64, err error) {
	if signed, err = o.Ledger.Checkpoint(ctx); err != nil || signed == nil {
		return nil, 0, err
	}
	head, err := ledger.OpenCheckpoint(signed, o.Verifier)
	return signed, head.Size, err
}

// uncovered is how long the first entry that is not among the first size has been there.
func (x *examination) uncovered(ctx context.Context, o *app.Opened, size int64) (time.Duration, error) {
	for entry, err := range o.Ledger.Entries(ctx, ledger.Number(size)) {
		return max(0, x.now().Sub(entry.Time)), err
	}
	return 0, nil
}

// last is when the last entry was written. Those beyond the newest checkpoint are few.
func last(ctx context.Context, o *app.Opened, size int64) (at time.Time, err error) {
	for entry, err := range o.Ledger.Entries(ctx, ledger.Number(max(0, size-1))) {
		if err != nil {
			return at, err
		}
		at = entry.Time
	}
	return at, nil
}

// witnesses asks whether they are there, and looks how far they have co-signed. It asks for
// no co-signature: that would have them remember something.
func (x *examination) witnesses(ctx context.Context, o *app.Opened) {
	for _, w := range x.Witnessing.Witnesses {
		about := "witness " + w.Key.Name()
		if status, _, err := ask(ctx, x.client, http.MethodGet, w.Address); err != nil {
			x.say(x.missed(), about, err.Error(), "ask whoever runs it; consultations go on without a quorum as long as [quorum] says")
			continue
		} else if status >= http.StatusInternalServerError {
			x.say(x.missed(), about, fmt.Sprintf("it answers %d", status), "ask whoever runs it")
			continue
		}
		covers, size, err := cosigned(ctx, o, w.Key)
		if err != nil {
			x.say(Wrong, about, err.Error(), "poterne ledger verify says more")
			continue
		}
		waited, err := x.uncovered(ctx, o, covers)
		switch {
		case size == 0:
			x.say(OK, about, "it answers, and there is nothing to co-sign yet", "")
		case covers == 0:
			x.say(x.missed(), about, "it has co-signed nothing that is kept", "give it this ledger's public key, and start the program")
		case err != nil:
			x.say(Wrong, about, err.Error(), "poterne ledger verify says more")
		case waited > witness.Longest:
			x.say(x.missed(), about, fmt.Sprintf("an entry has waited %s for its co-signature", round(waited)), "start the program, or read in its log what the witness says")
		default:
			x.say(OK, about, fmt.Sprintf("it has co-signed %d entries", covers), "")
		}
	}
}

// missed is what a missing witness is: wrong where consultations end without it.
func (x *examination) missed() State {
	if x.Witnessing.Strict > 0 && x.Witnessing.Need == len(x.Witnessing.Witnesses) {
		return Wrong
	}
	return Check
}

// cosigned is the size of the newest checkpoint that a witness co-signed, of those that are
// not long past, and of the newest that there is; 0 if there is none.
func cosigned(ctx context.Context, o *app.Opened, key witness.Key) (covers, size int64, err error) {
	signed, size, err := newest(ctx, o)
	if err != nil || signed == nil {
		return 0, size, err
	}
	older, err := o.Ledger.Before(ctx, size)
	if err != nil {
		return 0, size, err
	}
	only := witness.Quorum{Keys: []witness.Key{key}, Need: 1}
	for _, note := range append([][]byte{signed}, older...) {
		head, err := ledger.OpenCheckpoint(note, o.Verifier)
		if err != nil {
			return 0, size, err
		}
		lines, err := o.Ledger.Cosigned(ctx, head.Size)
		if err != nil {
			return 0, size, err
		}
		if only.Met(only.Under(note, lines)) {
			return head.Size, size, nil
		}
	}
	return 0, size, nil
}

// sources looks when each was heard.
func (x *examination) sources(ctx context.Context, o *app.Opened) {
	heard, err := o.Facts.Heard(ctx)
	if err != nil {
		x.say(Wrong, "sources", err.Error(), "look at the database")
		return
	}
	for _, source := range slices.Sorted(maps.Keys(x.Silence)) {
		at, ever := heard[source]
		switch quiet := x.now().Sub(at); {
		case !ever:
			x.say(Check, "source "+source, "it was never heard", "push or import its facts: until then what it would explain is counted")
		case quiet > x.Silence[source]:
			x.say(Wrong, "source "+source, fmt.Sprintf("not heard for %s, and it may be silent for %s", round(quiet), x.Silence[source]), "ask whoever runs it: openings that it would explain are counted")
		default:
			x.say(OK, "source "+source, fmt.Sprintf("heard %s ago", round(quiet)), "")
		}
	}
}

// roles names those that accounts have and the configuration does not declare.
func (x *examination) roles(ctx context.Context, o *app.Opened) {
	dropped, err := app.Dropped(ctx, o)
	if err != nil {
		x.say(Wrong, "roles", err.Error(), "look at the database")
	}
	for _, role := range slices.Sorted(maps.Keys(dropped)) {
		x.say(Wrong, "role "+string(role), fmt.Sprintf("%d accounts have it, it is not declared, and they are shown nobody", dropped[role]), "write a [[role]] with its id, or give them other accounts")
	}
}

// fields says whether the categories of fields mean what entries were written under.
func (x *examination) fields(ctx context.Context, o *app.Opened) {
	if err := app.Glossed(ctx, o); err != nil {
		x.say(Wrong, "categories of fields", err.Error(), "no node starts with this configuration: write the [[field]] as it was")
	}
}

// programmes looks when the certificates end that programmes sign in with.
func (x *examination) programmes(ctx context.Context, o *app.Opened) {
	ends, err := app.ProgrammesCertificates(ctx, o)
	if err != nil {
		x.say(Check, "certificates of programmes", err.Error(), "the next node that runs makes that anew")
		return
	}
	for _, account := range slices.Sorted(maps.Keys(ends)) {
		left := ends[account].Sub(x.now())
		x.judge("certificate of programme "+string(account), "it ends on "+ends[account].UTC().Format(time.DateOnly), left < soon, left <= 0, "ask the partner for another of the same key; another key is another account")
	}
}

// round is a time as people say it.
func round(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
