package portaltest

import (
	"context"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/installed"
	"poterne/internal/ledger"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// Changes are the configurations that people of the site allow.
func (s *Site) Changes() installed.Changes {
	return installed.Changes{Writer: s.Gate.Journal, Rows: store.NewInstalled(s.DB), Now: s.Now}
}

// stageChanges are those of a stage.
type stageChanges struct{ *Stage }

// Installed implements installation.Changes.
func (s stageChanges) Installed(context.Context) (installed.Change, error) {
	return s.Goes, s.Broken
}

// Waiting implements installation.Changes.
func (s stageChanges) Waiting(context.Context) ([]installed.Change, error) {
	return slices.Clone(s.Changed), s.Broken
}

// Sign implements installation.Changes.
func (s stageChanges) Sign(_ context.Context, a installed.Sign) error {
	i := slices.IndexFunc(s.Changed, func(c installed.Change) bool { return c.Number == a.Number })
	if i >= 0 {
		s.Changed[i].By, s.Changed[i].Because, s.Changed[i].Signed = a.By, a.Because, Now
	}
	return s.Broken
}

// Allow implements installation.Changes.
func (s stageChanges) Allow(_ context.Context, number ledger.Number, by roster.AccountID) error {
	if !slices.ContainsFunc(s.Changed, func(c installed.Change) bool { return c.Number == number && c.By != by }) {
		return &fault.Error{Kind: fault.Refused, Public: "another person allows it"}
	}
	return s.Drop(context.Background(), number, by)
}

// Drop implements installation.Changes.
func (s stageChanges) Drop(_ context.Context, number ledger.Number, _ roster.AccountID) error {
	s.Changed = slices.DeleteFunc(s.Changed, func(c installed.Change) bool { return c.Number == number })
	return s.Broken
}

// stageDifferences reads a text as lines of a key, what it is and what it would be, between tabs.
func stageDifferences(_, would string) (list []installation.Difference, err error) {
	for line := range strings.Lines(would) {
		parts := append(strings.Split(strings.TrimSpace(line), "\t"), "", "")
		list = append(list, installation.Difference{Key: parts[0], Is: parts[1], Would: parts[2]})
	}
	return list, nil
}
