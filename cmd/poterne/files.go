package main

import (
	"errors"
	"io"
	"os"
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
