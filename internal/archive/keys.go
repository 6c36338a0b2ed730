package archive

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

// Keys are the keys of periods, in a folder of their own that only the node which keeps the
// archive can read: a file for each month at whose end something is erased. The folder MUST NOT
// be in the database's backup. Destroying a file erases what its key wraps, wherever copies are.
type Keys struct{ folder *os.Root }

const keyBytes = 32

// OpenKeys opens a folder that nobody but its owner may enter.
func OpenKeys(folder string) (*Keys, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("the folder of the archive's keys: %w", err)
	}
	keys := &Keys{root}
	if err := keys.private(); err != nil {
		return nil, errors.Join(err, keys.Close())
	}
	return keys, nil
}

// private fails when others may enter the folder, now.
func (k *Keys) private() error {
	at, err := k.folder.Stat(".")
	switch folder := k.folder.Name(); {
	case err != nil:
		return fmt.Errorf("the folder of the archive's keys: %w", err)
	case at.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may enter %s, which holds the archive's keys: chmod 700 %s", folder, folder)
	}
	return nil
}

// Close closes the folder.
func (k *Keys) Close() error { return k.folder.Close() }

const suffix = ".key"

func file(period ledger.Month) string { return period.String() + suffix }

// Of returns the key of a period; fault.Absent when it was destroyed, or never made.
func (k *Keys) Of(period ledger.Month) ([]byte, error) {
	key, err := k.folder.ReadFile(file(period))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, erased(period)
	case err != nil:
		return nil, fmt.Errorf("reading a key of the archive: %w", err)
	case len(key) != keyBytes:
		return nil, fmt.Errorf("the archive's key of %s was damaged", period)
	case [keyBytes]byte(key) == [keyBytes]byte{}: // its file was overwritten, and not removed yet
		return nil, erased(period)
	}
	return key, nil
}

func erased(period ledger.Month) error {
	return fault.Errorf(fault.Absent, "there is no key of %s: what it wrapped is erased", period)
}

// Make returns the key of a period, and makes it when there is none. It is durable before
// anything is wrapped by it. The period MUST NOT be over: a key that was destroyed never
// comes back.
func (k *Keys) Make(period, now ledger.Month) ([]byte, error) {
	if period < now {
		return nil, fmt.Errorf("nothing is archived until %s, which is over", period)
	}
	key, err := k.Of(period)
	if !fault.Is(err, fault.Absent) {
		return key, err
	}
	key = make([]byte, keyBytes)
	_, _ = rand.Read(key) // it never fails
	part := file(period) + ".part"
	err = errors.Join(k.write(part, key, os.O_CREATE|os.O_TRUNC), k.folder.Link(part, file(period)), k.folder.Remove(part), k.sync())
	if err != nil {
		return nil, fmt.Errorf("keeping a key of the archive: %w", err)
	}
	return key, nil
}

// Destroy overwrites the key of a period and removes it. One that is not there is destroyed.
func (k *Keys) Destroy(period ledger.Month) error {
	err := k.write(file(period), make([]byte, keyBytes), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err = errors.Join(err, k.folder.Remove(file(period)), k.sync()); err != nil {
		return fmt.Errorf("destroying the archive's key of %s: %w", period, err)
	}
	return nil
}

// write writes a file from its beginning, and has it on disk when it returns.
func (k *Keys) write(name string, text []byte, flag int) error {
	f, err := k.folder.OpenFile(name, os.O_WRONLY|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// sync has the folder itself on disk.
func (k *Keys) sync() error {
	f, err := k.folder.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Periods returns the periods that have a key, in order.
func (k *Keys) Periods() (periods []ledger.Month, err error) {
	files, err := fs.ReadDir(k.folder.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("reading which keys the archive has: %w", err)
	}
	for _, f := range files {
		name, is := strings.CutSuffix(f.Name(), suffix)
		if !is {
			continue
		}
		period, err := ledger.ParseMonth(name)
		if err != nil {
			return nil, fmt.Errorf("%s is no key of the archive", f.Name())
		}
		periods = append(periods, period)
	}
	slices.Sort(periods)
	return periods, nil
}
