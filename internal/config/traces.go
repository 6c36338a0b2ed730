package config

import (
	"net/url"

	"poterne/internal/signin"
	"poterne/internal/trace"
)

// tracesTable is who collects traces, as OTLP over HTTP in JSON, and which share of them is
// begun: all, when it is left out. Whoever reads them learns when each declared route was
// asked for and how long its parts took, and nobody's name.
type tracesTable struct {
	URL       string   `toml:"url" need:"url = \"http://127.0.0.1:4318/v1/traces\", where traces are collected"`
	TokenFile string   `toml:"token_file"` // a bearer's
	Share     *float64 `toml:"share"`
}

func (t *tracesTable) compile(s *Settings, files secretFiles) {
	if t == nil {
		return
	}
	address, err := url.Parse(t.URL)
	if t.URL != "" && (err != nil || address.Host == "" || !signin.Confidential(address)) {
		files.wrong.Add("traces.url", "traces would travel unprotected; write url = \"https://…\", or an address of this machine")
	}
	share := 1.0
	if t.Share != nil {
		share = *t.Share
	}
	if !(share > 0 && share <= 1) {
		files.wrong.Add("traces.share", "not a share; write one above 0 and up to 1, or leave the table out")
	}
	token := readSecret(files, "traces.token_file", t.TokenFile, parseSignalToken)
	s.Traces = trace.New(t.URL, token, share)
}
