package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"poterne/internal/config"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/store"
)

// goesBy has a configuration be what two people allowed last, where they allow each change of it and
// the file says another.
func (o *Opened) goesBy(ctx context.Context) error {
	is, err := store.NewInstalled(o.DB).Installed(ctx)
	switch {
	case err != nil:
		return err
	case !is.ByTwo || is.Digest == o.Deciding.Digest:
		return nil
	}
	found := o.Settings
	s, err := allowed(found, is)
	if err != nil {
		return err
	}
	o.Settings, o.declared, o.Found = s, s.Rules.Categories, &found
	return nil
}

// allowed is what two people allowed, under what is of this machine in a file that says another.
func allowed(file config.Settings, is installed.Change) (config.Settings, error) {
	digest, err := config.DigestOfText(is.Text)
	if err == nil && digest != is.Digest {
		err = errors.New("its text is another than its digest says")
	}
	var s config.Settings
	if err == nil {
		s, err = file.Under(is.Text)
	}
	if err != nil {
		return s, fmt.Errorf("the file says a configuration that two people have not allowed (%s), and what they allowed last (%s) cannot be run: write it back into the file, or put back what it names: %w", file.Deciding.Digest, is.Digest, err)
	}
	return s, nil
}

// Unallowed says by what a command goes whose file says what two people have not allowed: by what they allowed
// last, or, where it knows nobody and only reads, by the file. It is empty where they allowed that, or
// need not.
func Unallowed(ctx context.Context, o *Opened) (string, error) {
	if o.Found != nil {
		return fmt.Sprintf("two people have not allowed what this file says (%s): this command goes by what they allowed last (%s)", o.Found.Deciding.Digest, o.Deciding.Digest), nil
	}
	is, err := store.NewInstalled(o.DB).Said(ctx)
	if err != nil || !is.ByTwo || is.Digest == o.Deciding.Digest {
		return "", err
	}
	return fmt.Sprintf("two people have not allowed what this file says (%s): this command goes by it all the same, and nodes by what they allowed last (%s)", o.Deciding.Digest, is.Digest), nil
}

// changes finds, signs for and allows configurations.
func (o *Opened) changes(w journal.Writer) installed.Changes {
	return installed.Changes{Writer: w, Rows: store.NewInstalled(o.DB), Now: o.Now}
}

// proposal is what a file says, as two people are to see it.
func proposal(s config.Settings) (installed.Proposal, error) {
	node, err := os.Hostname()
	return installed.Proposal{Node: node, Text: s.Deciding.Text, Digest: s.Deciding.Digest, ByTwo: s.Deciding.ByTwo}, err
}

// fits says whether a proposal is larger than people read, and than the database is to keep.
func fits(p installed.Proposal) error {
	if n := len(p.Text); n > config.LargestDeciding {
		return fmt.Errorf("what two people are to allow has %d bytes, more than %d", n, config.LargestDeciding)
	}
	return nil
}

// take takes a configuration as the first of which each change takes two people, where it says so
// and none was before.
func (o *Opened) take(ctx context.Context, log *slog.Logger) error {
	p, err := proposal(o.Settings)
	if o.Deciding.ByTwo {
		err = errors.Join(err, fits(p))
	}
	if err != nil {
		return err
	}
	_, err = journal.Do(ctx, o.Writer(), journal.Act[installed.Rows](installed.Take{Proposal: p}))
	switch {
	case errors.Is(err, journal.Unchanged):
		return nil
	case err == nil:
		log.WarnContext(ctx, "from now on two people allow each change of the configuration: this one is the first", slog.String("digest", o.Deciding.Digest.String()))
	}
	return err
}

// ask asks two people to allow what a file says, unless it is asked already, and returns where they do;
// nowhere when nodes go by it, or need not ask.
func (o *Opened) ask(ctx context.Context, file config.Settings) (at string, err error) {
	p, err := proposal(file)
	if err = errors.Join(err, fits(p)); err != nil {
		return "", err
	}
	number, err := o.changes(o.Writer()).Find(ctx, p)
	if err != nil || number == 0 {
		return "", err
	}
	return fmt.Sprintf("%s%s (entry %d)", o.Origin, installation.ConfigurationPath, number), nil
}

// Propose asks two people to allow what a configuration says, and returns what came of it. What
// this program would not run by is not asked for. No node goes by it before they did.
func Propose(ctx context.Context, file string) (string, error) {
	s, err := config.Read(file)
	if err != nil {
		return "", err
	}
	o, err := openToPropose(ctx, s)
	if err != nil {
		return "", err
	}
	defer o.Close()
	at, err := o.ask(ctx, s)
	switch {
	case err != nil:
		return "", err
	case at == "":
		is, err := o.changes(o.Writer()).Installed(ctx)
		if err != nil {
			return "", err
		}
		if !is.ByTwo {
			return "nothing is asked: a change of the configuration does not take two people here", nil
		}
		return "nothing is asked: this is what two people allowed", nil
	}
	return fmt.Sprintf("configuration %s waits for two people at %s", s.Deciding.Digest, at), nil
}

// openToPropose is Open, for a configuration that need not be allowed, beside one that this program
// need not understand: with a later release, which asks for further keys, what nodes go by can no longer
// be read.
func openToPropose(ctx context.Context, s config.Settings) (*Opened, error) {
	o, err := OpenConcealed(ctx, s)
	if err != nil {
		return nil, err
	}
	if err = o.DB.Conceal(ctx, s.Pseudonyms); err == nil {
		err = o.DB.Hold(ctx, s.Pseudonym.Mark())
	}
	if err == nil {
		err = o.DB.Seal(ctx, s.Seals)
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// refusal says that a node does not go by a file, and where that is allowed.
func refusal(file ledger.Digest, at string, err error) error {
	if err != nil {
		return fmt.Errorf("two people have not allowed this configuration (%s), and it could not be asked for: %w", file, err)
	}
	return fmt.Errorf("two people have not allowed this configuration (%s): it waits for them at %s", file, at)
}
