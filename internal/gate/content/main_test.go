package content_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has the properties looked at more often than rapid would: a case
// takes microseconds, and the rare combinations are the interesting ones.
func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "3000")
	flag.Parse() // what the command line says comes last
	os.Exit(m.Run())
}
