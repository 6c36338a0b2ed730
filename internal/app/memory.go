package app

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory lets the garbage collector work harder before the process meets the limit
// of its cgroup. GOMEMLIMIT goes before.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(os.DirFS("/")))
	}
}

// memoryLimit is four fifths of what a process may take by its cgroup (version 2) and
// those around it, since the pages of SQLite are not the garbage collector's. Where nothing
// bounds it there is no limit.
func memoryLimit(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		group, ours := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		for ours {
			text, _ := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.max"))
			if most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil { // not "max"
				limit = min(limit, most/5*4)
			}
			if group == "" {
				break
			}
			group = strings.TrimPrefix(path.Dir("/"+group), "/")
		}
	}
	return limit
}
