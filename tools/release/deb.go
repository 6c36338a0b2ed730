package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"
)

// file is one of the package, at its path below the root.
type file struct {
	path string
	mode int64
	body []byte
}

// digest is what dpkg --verify compares; the archive as a whole is held by SHA256SUMS.
func digest(body []byte) [md5.Size]byte { return md5.Sum(body) }

// deb writes a package in Debian's format 2.0: an ar of a word, and of two archives.
func deb(when time.Time, control, files []file) []byte {
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, part := range []file{
		{"debian-binary", 0, []byte("2.0\n")}, {"control.tar.gz", 0, archive(when, control)}, {"data.tar.gz", 0, archive(when, files)},
	} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", part.path, when.Unix(), 0, 0, "100644", len(part.body))
		if out.Write(part.body); len(part.body)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// archive writes files and the folders they lie in, in the order of their names, all
// root's and of one time.
func archive(when time.Time, files []file) []byte {
	all := map[string]*file{"": nil}
	for i, f := range files {
		all[f.path] = &files[i]
		for dir := path.Dir(f.path); dir != "."; dir = path.Dir(dir) {
			all[dir] = nil
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		header := &tar.Header{Name: "./" + name, Mode: 0o755, ModTime: when, Format: tar.FormatGNU, Uname: "root", Gname: "root", Typeflag: tar.TypeDir}
		var body []byte
		if f := all[name]; f != nil {
			header.Typeflag, header.Mode, header.Size, body = tar.TypeReg, f.mode, int64(len(f.body)), f.body
		} else if name != "" {
			header.Name += "/"
		}
		if err := w.WriteHeader(header); err != nil {
			panic(err) // a buffer takes everything
		}
		_, _ = w.Write(body)
	}
	_ = w.Close()
	return zipped(out.Bytes())
}

// zipped packs without a name or a time.
func zipped(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}
