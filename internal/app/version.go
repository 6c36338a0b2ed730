package app

import (
	_ "embed"
	"runtime/debug"
)

// Promises is what this program promises, and how the tests of each promise went on the
// commit it was built from. A release puts it in; a program that somebody built has none,
// and says so.
//
//go:embed promises.txt
var Promises string

// Version is what the program was built from, as Go wrote it into it: a build
// outside a repository has no commit.
func Version() string {
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return "poterne of unknown version"
	}
	said, commit, changed := "poterne "+built.Main.Version, "", ""
	for _, setting := range built.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = ", commit " + setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = " and changes"
		}
	}
	return said + commit + changed + ", " + built.GoVersion
}
