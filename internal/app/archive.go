package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"poterne/internal/archive"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/store"
)

// archive keeps people no longer than the rules say; fault.Absent on a node that keeps no archive.
// Whoever opens it closes its keys.
func (o *Opened) archive(w journal.Writer, log *slog.Logger) (archive.Service, error) {
	if o.ArchiveKeys == "" {
		return archive.Service{}, fault.Errorf(fault.Absent, "this configuration keeps no archive: write [archive], with the folder of its keys")
	}
	keys, err := archive.OpenKeys(o.ArchiveKeys)
	if err != nil {
		return archive.Service{}, fmt.Errorf("opening the archive: %w", err)
	}
	return archive.Service{
		Writer: w, Holdings: store.NewArchive(o.DB), Calendar: o.Months, Keys: keys, Rules: o.ArchiveRules, Now: o.Now, Log: log,
	}, nil
}

// readings are asked for and approved in the portal, on any node.
func (o *Opened) readings(w journal.Writer) archive.Readings {
	return archive.Readings{Writer: w, Rows: store.NewArchive(o.DB), Person: o.Person, Now: o.Now}
}

// KeepPeople archives and erases what is due, beside a running program, and says what.
func (o *Opened) KeepPeople(ctx context.Context, dry bool, out io.Writer) error {
	people, err := o.archive(o.Writer(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	done, err := people.Run(ctx, dry)
	for _, line := range done {
		fmt.Fprintln(out, line)
	}
	if err == nil && len(done) == 0 {
		fmt.Fprintln(out, "nothing is due")
	}
	return errors.Join(err, people.Keys.Close())
}

// ReadArchive prints what the archive keeps of the person with an identifier, a record a line, as a
// request allows that two people agreed on.
func (o *Opened) ReadArchive(ctx context.Context, identifier string, reading archive.Reading, out io.Writer) (err error) {
	if reading.Person, err = o.Person(identifier); err != nil {
		return err
	}
	people, err := o.archive(o.Writer(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	records, err := people.Read(ctx, reading)
	for _, record := range records {
		fmt.Fprintln(out, string(record))
	}
	return errors.Join(err, people.Keys.Close())
}
