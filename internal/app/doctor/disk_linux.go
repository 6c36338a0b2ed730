package doctor

import (
	"os"

	"golang.org/x/sys/unix"
)

// room is how many bytes a program without privileges may still write in a folder.
func room(folder string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: folder, Err: err}
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}

// nameless opens a file in a folder that has no name in it: whatever happens, nothing stays.
func nameless(folder string) (*os.File, error) {
	fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), folder), nil
}
