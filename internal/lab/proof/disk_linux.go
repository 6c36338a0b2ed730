package proof

import "golang.org/x/sys/unix"

// limitFiles takes the room from a running process: no file that it writes may grow beyond
// so many bytes any more, as on a disk without room.
func limitFiles(pid int, bytes uint64) error {
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		return err
	}
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: before.Max}, nil)
}
