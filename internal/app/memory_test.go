package app

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestTheMemoryLimitIsThatOfTheCgroup(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for sentence, test := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"nothing is said":      {fstest.MapFS{}, math.MaxInt64},
		"another version":      {fstest.MapFS{"proc/self/cgroup": file("4:memory:/a\n"), "sys/fs/cgroup/a/memory.max": file("1000\n")}, math.MaxInt64},
		"a container":          {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1000\n")}, 800},
		"no bound":             {fstest.MapFS{"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/memory.max": file("max\n")}, math.MaxInt64},
		"a service in a slice": {fstest.MapFS{"proc/self/cgroup": file("0::/a.slice/b.service\n"), "sys/fs/cgroup/a.slice/memory.max": file("500\n"), "sys/fs/cgroup/a.slice/b.service/memory.max": file("1000\n")}, 400},
	} {
		if got := memoryLimit(test.files); got != test.want {
			t.Errorf("%s: %d, want %d", sentence, got, test.want)
		}
	}
}
