package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"poterne/internal/journal"
	"poterne/internal/store"
)

// folder keeps results of a replay in files, under the name of its settings.
type folder struct{ root *os.Root }

// KeepIn keeps what a replay with these settings plays in a folder below path.
func KeepIn(path string, s Settings) (Keeper, error) {
	rules, err := json.Marshal(s.Rules)
	if err != nil {
		return nil, err
	}
	through := s.Book != nil
	name := sha256.Sum256(fmt.Appendf(rules, "%d agents, %d days, through a store: %t", s.Agents, s.Days, through))
	path = filepath.Join(path, hex.EncodeToString(name[:8]))
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	return folder{root}, err
}

// Load implements Keeper. What cannot be read is played again.
func (f folder) Load(name string, result any) bool {
	body, err := f.root.ReadFile(name + ".json")
	return err == nil && json.Unmarshal(body, result) == nil
}

// Save implements Keeper.
func (f folder) Save(name string, result any) error {
	body, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if err := f.root.WriteFile(name+".part", body, 0o644); err != nil {
		return err
	}
	return f.root.Rename(name+".part", name+".json")
}

// ScratchBook is an empty ledger in a folder of its own, which goes with it.
func ScratchBook(ctx context.Context) (journal.DB, func() error, error) {
	dir, err := os.MkdirTemp("", "poterne-replay-")
	if err != nil {
		return nil, nil, err
	}
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "poterne.db"))
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return store.NewLedger(db), func() error { return errors.Join(db.Close(), os.RemoveAll(dir)) }, nil
}
