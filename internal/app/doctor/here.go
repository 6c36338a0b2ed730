package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// files looks at who has what the configuration names: reading it has looked at the modes.
func (x *examination) files(file string) {
	if os.Geteuid() == 0 {
		x.say(Check, "files", "this is root, who may read everything", "look as the user that the program runs as: sudo -u poterne poterne doctor")
	}
	for _, path := range []string{x.SealFile, x.EpochFile} {
		if x.Database != "" && path != "" && filepath.Dir(path) == filepath.Dir(x.Database) {
			x.say(Check, "files", path+" lies beside the database", "whoever copies that folder has both: keep keys in another, out of the database's backups")
		}
	}
	looked := slices.Concat([]string{file}, x.Files, []string{filepath.Dir(x.SealFile)})
	for _, included := range x.Files { // whoever writes the folder adds a file that is included
		looked = append(looked, filepath.Dir(included))
	}
	slices.Sort(looked)
	for _, path := range slices.Compact(looked) {
		switch about, err := os.Stat(path); {
		case err != nil:
			x.say(Wrong, "files", err.Error(), "look at who may go through the folders above it")
		case about.Mode().Perm()&0o022 != 0:
			x.say(Wrong, "files", path+" may be written by others than its owner", "run chmod go-w on it: whoever writes it chooses the keys and what is guarded")
		}
	}
	if !slices.ContainsFunc(x.findings, func(f Finding) bool { return f.About == "files" }) {
		x.say(OK, "files", "keys and secrets are their owner's only", "")
	}
}

// limits are what a disk should have, and how long it may take: the first is worth a look,
// the second wrong.
type limits struct {
	littleRoom, noRoom   uint64
	slowFlush, tooSlowly time.Duration
}

var usual = limits{5 << 30, 256 << 20, 20 * time.Millisecond, 500 * time.Millisecond}

// flushes is how often it is tried.
const flushes = 9

// disk looks at the room where SQLite lies, and at how long it takes until something is
// written there: everybody who is shown anything waits for that.
func (x *examination) disk(may limits) {
	if x.Database == "" {
		return // the database's own machine has it
	}
	folder := filepath.Dir(x.Database)
	free, err := room(folder)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		x.say(Check, "disk", "it cannot be measured on this system", "look at its room yourself")
		return
	case err != nil:
		x.say(Wrong, "disk", err.Error(), "make the folder, and give it to the user that the program runs as")
		return
	}
	x.judge("disk", fmt.Sprintf("%.1f GiB are free in %s", float64(free)/(1<<30), folder), free < may.littleRoom, free < may.noRoom,
		"make room: without it nothing is written and nobody is shown anything")
	took, err := flush(folder)
	if err != nil {
		x.say(Check, "flush", fmt.Sprintf("how long a flush takes cannot be measured in %s: %v", folder, err), "look as the user that the program runs as; it needs a file system of this machine")
		return
	}
	x.judge("flush", fmt.Sprintf("%s until something is on the disk (the middle of %d)", took.Round(10*time.Microsecond), flushes), took > may.slowFlush, took > may.tooSlowly,
		"everybody waits for it: take a disk of this machine that keeps what it was told")
}

// judge says how something is that may be worth a look, or wrong.
func (x *examination) judge(about, found string, worth, wrong bool, do string) {
	switch {
	case wrong:
		x.say(Wrong, about, found, do)
	case worth:
		x.say(Check, about, found, do)
	default:
		x.say(OK, about, found, "")
	}
}

// flush is how long it takes until a page is on the disk, in a file that has no name.
func flush(folder string) (time.Duration, error) {
	file, err := nameless(folder)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	took := make([]time.Duration, flushes)
	page := make([]byte, 4096)
	for i := range took {
		began := time.Now()
		if _, err := file.Write(page); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[flushes/2], nil
}
