package config

import (
	"strings"
	"time"

	"poterne/internal/grants"
	"poterne/internal/intake"
	"poterne/internal/reason"
)

// sourceTable is a system that tells facts, by file or, with a token, by push: only
// of its kinds, and only such as hold for no more than longest, from their beginning
// or from when they are told. Tickets have a life of their own, which is longest
// where it is not written: a call 15m, a desk-ticket 30m, an appointment 168h, a
// message 336h. Whoever has the token can explain any opening in these ways.
type sourceTable struct {
	Name        string         `toml:"name" need:"name = \"agenda\""`
	Kinds       []string       `toml:"kinds" need:"kinds = [\"call\"], what it may tell: caseload, appointment, call, desk-ticket, message, enrolment, cover or protected"`
	Longest     *time.Duration `toml:"longest"`
	SilentAfter time.Duration  `toml:"silent_after" need:"silent_after = \"24h\", after which the desk shows it as silent"`
	TokenFile   string         `toml:"token_file"`
}

// ownSources are names of facts that Poterne says itself: one of another system under the same name
// would replace them, or be replaced.
var ownSources = map[string]string{
	intake.ByHand: "managers assign in the portal", grants.Archive: "two people open in the archive", intake.ByIncident: "the messages about an incident are sent by",
	intake.Restored: "an audit puts back",
}

func (c *config) sources(s *Settings, files secretFiles) {
	s.Silence, s.Tokens, s.Sources = map[string]time.Duration{}, map[string]intake.Token{}, map[string]intake.Source{}
	for i, source := range c.Source {
		path := index("source", i)
		if _, twice := s.Silence[source.Name]; twice {
			files.wrong.Add(path+".name", "this source is declared twice")
		}
		identifier(files.wrong, path+".name", source.Name)
		if what, ours := ownSources[source.Name]; ours {
			files.wrong.Add(path+".name", "%q is what %s; choose another name", source.Name, what)
		}
		if source.SilentAfter < 0 {
			files.wrong.Add(path+".silent_after", "not a time to wait; write one such as \"24h\"")
		}
		s.Silence[source.Name] = source.SilentAfter
		s.Sources[source.Name] = source.compile(files.wrong, path)
		if source.TokenFile == "" {
			continue
		}
		s.Tokens[source.Name] = readSecret(files, path+".token_file", source.TokenFile, parseToken)
	}
}

// compile says what the source may tell.
func (source sourceTable) compile(wrong *document, path string) intake.Source {
	may := make(intake.Source, len(source.Kinds))
	if len(source.Kinds) == 0 && !wrong.About(path+".kinds") {
		wrong.Add(path+".kinds", "a source tells something; write kinds = [\"call\"], or what it is")
	}
	written := source.Longest != nil && !wrong.About(path+".longest")
	if written && *source.Longest <= 0 {
		wrong.Add(path+".longest", "not a time that a fact can hold; write one such as \"15m\"")
	}
	var lifeless []string
	for i, name := range source.Kinds {
		kind, err := reason.ParseFactKind(name)
		if name == reason.Cover.String() {
			kind, err = reason.Cover, nil
		}
		if err != nil {
			wrong.Add(index(path+".kinds", i), "%q is not a kind of fact; write caseload, appointment, call, desk-ticket, message, enrolment, cover, protected, closed or archived", name)
			continue
		}
		if _, twice := may[kind]; twice {
			wrong.Add(index(path+".kinds", i), "this kind is written twice; write it once")
		}
		life, ticket := kind.Life()
		if written {
			life = *source.Longest
		} else if !ticket && !kind.Apart() {
			lifeless = append(lifeless, name)
		}
		may[kind] = life
	}
	if len(lifeless) > 0 && source.Longest == nil {
		wrong.Add(path+".longest", "missing; write longest = \"2160h\": nothing else says how long %s may hold", strings.Join(lifeless, ", "))
	}
	return may
}
