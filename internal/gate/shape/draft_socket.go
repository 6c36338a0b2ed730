package shape

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"poterne/internal/register"
)

// What ranks a part of a row that is called an id, and one that says whose.
const (
	byLink     = 2
	byID       = 5
	byPersonID = 6
)

// draftSocket writes a WebSocket, of which some messages were seen: those that are declared already, which are not, are
// beside them.
func draftSocket(b *strings.Builder, shapes []Shape, first Shape, known register.Categories, scheme string) {
	names, ok := first.begin(b, scheme)
	if !ok {
		return
	}
	engine := slices.ContainsFunc(shapes, func(s Shape) bool { return s.Path == first.Path && s.IsEngine() })
	query := first.Query
	for _, s := range shapes {
		if s.Path == first.Path && s.Socket == Handshake {
			query = join(&first, query, s.Query)
		}
	}
	if engine {
		own := slices.DeleteFunc(slices.Clone(engineQuery), func(name string) bool {
			return slices.ContainsFunc(query, func(p Part) bool { return p.Path == name && p.tellsOf() })
		})
		query = slices.DeleteFunc(query, func(p Part) bool { return slices.Contains(own, p.Path) })
		fmt.Fprintf(b, "# These are parameters of Engine.IO, by which socket.io is carried: its version, by which means, a time, and a session that the application made up:\n# query = %s\n", list(own))
	}
	first.named(b, known, "query", query, false)
	fmt.Fprintf(b, "# A page opens a WebSocket here. What each side says is refused, and noted, until it is declared.\n[service.route.websocket]\n")
	tag, numbered := "", false
	var prefixes []string
	if engine {
		tag, prefixes = eventTag, slices.Clone(enginePrefixes)
	}
	for _, s := range shapes {
		if s.Path == first.Path && len(s.Tag) > len(tag) {
			tag = s.Tag
		}
		if s.Path == first.Path && s.Socket == Asks {
			numbered = true
		}
		if s.Path == first.Path && s.Prefix != "" && s.Socket != Asks && s.Socket != Answers && len(s.Body)+len(s.Parts) > 0 && !slices.Contains(prefixes, s.Prefix) {
			prefixes = append(prefixes, s.Prefix)
		}
	}
	if slices.Sort(prefixes); len(prefixes) > 0 {
		fmt.Fprintf(b, "prefixes = %s\n", list(prefixes))
	}
	if numbered {
		fmt.Fprintf(b, "numbered = { %s = %q }\n", eventPrefix, answerPrefix)
	}
	switch tags := strings.Fields(tag); len(tags) {
	case 0:
		fmt.Fprintf(b, "# type = \"$.type\": the member that tells messages apart, where there are several\n")
	case 1:
		fmt.Fprintf(b, "type = %q\n", tag)
	default:
		fmt.Fprintf(b, "type = %s\n", list(tags))
	}
	if engine {
		fmt.Fprintf(b, "polling = true # as long as there is no WebSocket\n# Packets of Engine.IO and socket.io that carry nothing:\n# words = %s\n", list(engineWords))
	}
	for _, s := range shapes {
		if s.Path != first.Path || s.Socket == Handshake || s.Socket == "" {
			continue
		}
		side := s.Socket
		if side == Asks || side == Answers {
			side = Takes
		}
		table := fmt.Sprintf("service.route.websocket.%s.%s", side, key(cmp.Or(s.Type, "message")))
		if s.Prefix != "" {
			table = fmt.Sprintf("service.route.websocket.%s.%q", side, strings.TrimSpace(s.Prefix+" "+s.Type))
		}
		if s.Socket == Answers {
			table += ".answer"
		}
		if s.Prefix != "" && len(s.Parts)+len(s.Body) == 0 && !s.More {
			fmt.Fprintf(b, "# %s: %q alone, seen %d×: what says nothing of anybody stands under words\n", s.Socket, s.Prefix, s.Times)
			continue
		}
		if engine && s.Socket == Sends && s.Type == "" && (s.Prefix == "0" || s.Prefix == "40") {
			s.opening(b, table)
			continue
		}
		if strings.Contains(s.Type, Placeholder) || strings.ContainsAny(strings.ReplaceAll(s.Type, ", ", ""), ". /:[]") {
			fmt.Fprintf(b, "# %s: a type that is no plain word, seen %d×: %d parts\n", s.Socket, s.Times, len(s.Parts)+len(s.Body))
			continue
		}
		var own strings.Builder
		switch s.Socket {
		case Takes, Asks:
			fmt.Fprintf(&own, "# what a page says, refused %d×: whom it names stands under request, and what it changes under written\n[%s]\n", s.Times, table)
			if s.Socket == Asks {
				fmt.Fprintf(&own, "answer = {} # it is seen once this is declared\n")
			}
			s.named(&own, known, "members", without(s.Body, tag), false)
			fmt.Fprintf(&own, "# reads = true, if it changes nothing\n")
		default:
			fmt.Fprintf(&own, "# what the application says, refused %d×\n", s.Times)
			d := rowsDraft{b: &own, known: known, scheme: scheme, format: "json", media: "application/json", about: names}
			if s.Socket == Sends {
				s.Parts = without(s.Parts, tag)
			}
			rows := s.rows("json")
			for _, row := range slices.Sorted(maps.Keys(rows)) {
				d.row(row, rows[row])
			}
			if alone := "it goes out with its type alone"; !d.wrote {
				if s.Socket == Answers {
					alone = "only an empty list may come"
				}
				fmt.Fprintf(&own, "# Nothing in it looks like a person's. Without plain = […], %s:\n[%s]\n", alone, table)
			}
		}
		b.WriteString(strings.ReplaceAll(own.String(), "service.route.json", table))
	}
	fmt.Fprintln(b)
}

// socketIO is the part of an address that an application which speaks socket.io has, unless it says another.
const socketIO = "socket.io"

// What Engine.IO and socket.io have of their own, in every application: see their protocols, 4 and 5.
var (
	engineQuery    = []string{"EIO", "transport", "t", "sid"}
	enginePrefixes = []string{"0", "40", "42"}
	engineWords    = []string{"1", "2", "3", "5", "6", "40", "41", "2probe", "3probe"}
	engineOpening  = []string{"$.sid", "$.upgrades", "$.pingInterval", "$.pingTimeout", "$.maxPayload"}
)

// An event of socket.io says its name at eventTag, and those of Feathers what of at eventTopic. eventPrefix stands before it, and
// before its number where it has one; answerPrefix before that of its answer.
const (
	eventTag     = "$[0]"
	eventTopic   = "$[1]"
	eventPrefix  = "42"
	answerPrefix = "43"
)

// IsEngine reports whether it is asked for as Engine.IO is.
func (s Shape) IsEngine() bool {
	has := func(name string) bool {
		return slices.ContainsFunc(s.Query, func(p Part) bool { return p.Path == name })
	}
	return has("EIO") && has("transport")
}

// tellsOf reports whether what was seen there says by itself that it is somebody's.
func (p Part) tellsOf() bool {
	return slices.ContainsFunc(telling, func(kind Kind) bool { return p.Kinds[kind] > 0 })
}

// opening writes how the packet may be read by which Engine.IO, or socket.io, begins.
func (s Shape) opening(b *strings.Builder, table string) {
	fmt.Fprintf(b, "# what the application says, refused %d×: a packet that opens a session\n[%s]\n", s.Times, table)
	var own []string
	for _, p := range s.Parts {
		if path := strings.TrimSuffix(p.Path, "[*]"); slices.Contains(engineOpening, path) && !p.tellsOf() {
			own = append(own, path)
		} else {
			fmt.Fprintf(b, "#   %s: %s; not of the protocol; look at it\n", p.Path, p.Evidence())
		}
	}
	if len(own) > 0 {
		fmt.Fprintf(b, "# What the protocol has there, if the session is a text that the application made up:\n# plain = %s\n", list(own))
	}
}

// without leaves places out, which have a blank between them.
func without(parts []Part, paths string) []Part {
	all := strings.Fields(paths)
	return slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return slices.Contains(all, p.Path) })
}
