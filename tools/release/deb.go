package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// file is one of a package or an image, at its path below the root. One whose path ends
// in a slash is a folder.
type file struct {
	path  string
	mode  int64
	body  []byte
	owner int // root, if it is not said
}

// deb writes a package in Debian's format 2.0: an ar of a word, and of two archives.
func deb(when time.Time, control, files []file) []byte {
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, part := range []file{
		{path: "debian-binary", body: []byte("2.0\n")},
		{path: "control.tar.gz", body: zipped(archive(when, "./", control))},
		{path: "data.tar.gz", body: zipped(archive(when, "./", files))},
	} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", part.path, when.Unix(), 0, 0, "100644", len(part.body))
		if out.Write(part.body); len(part.body)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// archive writes files and the folders they lie in, in the order of their names and all of
// one time; folders are root's where nothing else is said.
func archive(when time.Time, root string, files []file) []byte {
	all := make(map[string]file)
	for _, f := range files {
		all[f.path] = f
		for dir := path.Dir(strings.TrimSuffix(f.path, "/")); dir != "."; dir = path.Dir(dir) {
			if _, said := all[dir+"/"]; !said {
				all[dir+"/"] = file{mode: 0o755}
			}
		}
	}
	if root != "" {
		all[""] = file{mode: 0o755}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		header := &tar.Header{Name: root + name, Mode: f.mode, ModTime: when, Format: tar.FormatGNU, Uid: f.owner, Gid: f.owner, Typeflag: tar.TypeDir}
		if f.owner == 0 {
			header.Uname, header.Gname = "root", "root"
		}
		if !strings.HasSuffix(header.Name, "/") {
			header.Typeflag, header.Size = tar.TypeReg, int64(len(f.body))
		}
		if err := w.WriteHeader(header); err != nil {
			panic(err) // a buffer takes everything
		}
		_, _ = w.Write(f.body)
	}
	_ = w.Close()
	return out.Bytes()
}

// zipped packs without a name or a time.
func zipped(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}
