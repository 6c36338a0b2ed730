package internal_test

import (
	"go/ast"
	"maps"
	"slices"
	"testing"
)

// callers are the files of the program that can reach another machine or start another
// program, with what of the configuration says which: docs/pilote/flux-sortants.md lists them.
var callers = map[string]string{
	"internal/gate/lines/lines.go":       "upstream of a service",
	"internal/gate/socket/line.go":       "the same, by a connection of lines.go",
	"internal/gate/pggate/conn.go":       "server of a service of sql",
	"internal/signin/provider.go":        "issuer of signin",
	"internal/signin/signin.go":          "the same",
	"internal/ledger/witness/witness.go": "address of a witness",
	"internal/ledger/witness/ask.go":     "the same",
	"internal/alert/alert.go":            "url of alerts",
	"internal/app/app.go":                "the same",
	"internal/trace/sink.go":             "url of traces",
	"internal/siem/sinks.go":             "syslog or url of siem",
	"internal/provision/poll.go":         "poll of a transmitter",
	"internal/ssf/ssf.go":                "url of a receiver",
	"internal/app/control.go":            "socket of control, the node of this machine, when poterne reload is run",
	"internal/app/signals.go":            "the same two",
	"internal/app/doctor/doctor.go":      "issuer, upstreams, witnesses, when poterne doctor is run",
	"internal/app/doctor/around.go":      "the same",
	"internal/app/opened.go":             "address of a witness",
	"internal/person/remote.go":          "register of person",
	"internal/mail/mail.go":              "host of mail",
	"internal/mail/relay.go":             "the same",
	"internal/config/keys.go":            "sign of keys, a program on this machine",
	"internal/store/dbms/on_postgres.go": "server of database",
	"internal/store/dbms/servers.go":     "the same",
	"internal/store/indexdb/postgres.go": "the same",
	"internal/store/dbms/on_sqlite.go":   "path of database, a file",
	"internal/store/indexdb/sqlite.go":   "the same",
}

// reaching is what a file uses to reach something outside the process.
var reaching = map[string][]string{
	"http":   {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Post", "PostForm", "Head"},
	"net":    {"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialUnix"},
	"tls":    {"Dial", "DialWithDialer", "Dialer", "Client"},
	"gomail": {"NewClient"},
	"sql":    {"Open", "OpenDB"},
	"stdlib": {"OpenDB", "GetConnector"},
	"pgx":    {"Connect", "ConnectConfig"},
	"pgconn": {"Connect", "ConnectConfig", "ConnectWithOptions"},
	"exec":   {"Command", "CommandContext"},
}

// The program calls out from a handful of files, each to what its configuration names.
func TestNothingElseCallsOut(t *testing.T) {
	found := make(map[string]bool)
	for _, s := range sources(t) {
		if s.supportsTests() || part(s.folder) == "lab" {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if name, ok := selector.X.(*ast.Ident); ok && slices.Contains(reaching[name.Name], selector.Sel.Name) {
				found[s.path] = true
			}
			return true
		})
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if callers[path] == "" {
			t.Errorf("%s calls out: say in this test, and in docs/pilote/flux-sortants.md, what of the configuration says whom", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(callers)) {
		if !found[path] {
			t.Errorf("%s calls nobody any more", path)
		}
	}
}
