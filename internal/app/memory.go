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
// of its cgroup, and less hard while the program is small. GOMEMLIMIT goes before.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(os.DirFS("/")))
	}
	const unchanged = -1
	if debug.SetMemoryLimit(unchanged) >= 32*ballastBytes {
		ballast = make([]byte, ballastBytes)
	}
}

// ballast is never written to, so that it takes no memory, and counts as alive: the collector comes
// each time as much again was made as is alive, which is every few hundred requests where that is
// little. It lets the process grow by its size twice at most before it is collected.
var ballast []byte //lint:ignore U1000 that it is reachable is all it is for

const ballastBytes = 32 << 20

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
