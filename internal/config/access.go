package config

// accessTable is a file with a line for each request, for whoever keeps the machine: when, which
// declared route, how it ended, how long it took, and never who or about whom. Nothing is
// written when it is left out. "-" is standard output.
type accessTable struct {
	File string `toml:"file" need:"file = \"/var/log/poterne/access.log\", or \"-\" for standard output"`
}

func (t *accessTable) compile(s *Settings, files secretFiles) {
	switch {
	case t == nil:
	case t.File == StandardOutput:
		s.AccessLog = StandardOutput
	default:
		s.AccessLog = files.path(t.File)
	}
}

// StandardOutput is the access log's file where it goes to standard output.
const StandardOutput = "-"
