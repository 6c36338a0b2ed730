package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// opened opens a file to read, or the standard input for -.
func opened(file string, on *streams) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(on.In), nil
	}
	return os.Open(file)
}

// readAll reads files one after the other.
func readAll(files []string) ([][]byte, error) {
	all := make([][]byte, len(files))
	for i, file := range files {
		var err error
		if all[i], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// streamNew writes a file that must not be there yet, for its owner only. One that is
// not whole does not stay.
func streamNew(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	if err = write(buffered); err == nil {
		err = errors.Join(buffered.Flush(), file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// writeWhole writes a file, if one is asked for.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}

// replaceFile puts text in place of what a file has: all of it or nothing, whenever
// the machine stops.
func replaceFile(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // readable by its owner only
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// isFile reports whether what is printed stays on a disk.
func isFile(out io.Writer) bool {
	if p, ok := out.(interface{ Unwrap() io.Writer }); ok {
		out = p.Unwrap()
	}
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	about, err := file.Stat()
	return err == nil && about.Mode().IsRegular()
}
