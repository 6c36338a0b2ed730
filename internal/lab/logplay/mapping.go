package logplay

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/config"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// Mapping says how a log is read. What it leaves out is guessed, and the report says
// what was.
type Mapping struct {
	Delimiter string   `toml:"delimiter"`    // of CSV: "," ";" or a tab
	Time      string   `toml:"time-format"`  // such as "DD/MM/YYYY hh:mm:ss", "unix" or "unix-ms"
	Zone      string   `toml:"zone"`         // of times that do not tell their own
	Role      string   `toml:"role"`         // of accounts whose role the log does not tell
	WarmUp    *int     `toml:"warm-up-days"` // at the beginning, which fill the windows and are not counted
	Systems   []string `toml:"systems"`      // accounts of programs: what they write and assign are facts, and they are not played
	Columns   Columns  `toml:"columns"`

	Roles   map[string]string `toml:"roles"`        // from the log's word to a role
	Kinds   map[string]string `toml:"reason-kinds"` // from the log's word to a kind of fact, or "none"
	Actions Actions           `toml:"actions"`
	Reasons Reasons           `toml:"reasons"`
}

// Columns names the columns of a CSV file, or the attributes of an XES event; "case:"
// stands before those of its trace.
type Columns struct {
	Account      string `toml:"account"`
	Person       string `toml:"person"`
	Time         string `toml:"time"`
	Organisation string `toml:"organisation"`
	Role         string `toml:"role"`
	Reason       string `toml:"reason"`
	Action       string `toml:"action"`
	Assignee     string `toml:"assignee"`
}

// Actions says what each word in the action's column is; any other opens a file.
type Actions struct {
	Writes  []string `toml:"writes"`
	Assigns []string `toml:"assigns"`
	Ignored []string `toml:"ignored"`
}

// Reasons says what counts as a reason. Zero switches a rule off.
type Reasons struct {
	History     *int `toml:"history-days"`       // the account opened the person for a reason, or wrote about them
	LiveItem    *int `toml:"live-item-days"`     // another account of the organisation wrote about the person, or an item was assigned
	JustArrived *int `toml:"just-arrived-hours"` // the organisation's first event about the person
	Assigned    *int `toml:"assigned-days"`      // the person was assigned to the account by another
}

// ReadMapping reads a mapping's file, strictly, for these roles of people who read files; without
// a file, everything is guessed.
func ReadMapping(file string, roles []roster.Role) (m Mapping, err error) {
	if file == "" {
		return m, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return m, err
	}
	err = toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&m)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(strict.Errors) > 0 {
		line, _ := strict.Errors[0].Position()
		return m, fmt.Errorf("%s:%d: %s is not known; docs/replay-log.md lists what a mapping may say", file, line, strings.Join(strict.Errors[0].Key(), "."))
	}
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := at.Position()
		return m, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	if err == nil {
		_, err = m.compile(roles)
	}
	if wrong, ok := errors.AsType[*wrongKey](err); ok && config.LineOf(text, wrong.key) > 0 {
		return m, fmt.Errorf("%s:%d: %w", file, config.LineOf(text, wrong.key), err)
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// reading is a mapping as it is used.
type reading struct {
	Mapping
	zone    *time.Location
	role    roster.Role
	readers []roster.Role // that the configuration declares
	roles   map[string]roster.Role
	kinds   map[string]reason.FactKind
	actions map[string]deed
	rules   rules
	parse   func(string) (time.Time, error)
}

// rules are the Reasons, each with how long it explains.
type rules struct{ history, liveItem, justArrived, assigned time.Duration }

// What counts as a reason when the mapping does not say.
const (
	historyDays  = 28
	liveItemDays = 14
	assignedDays = 90
	most         = 3650 // days of any rule
)

const day = 24 * time.Hour

// wrongKey is what is wrong with a key of a mapping.
type wrongKey struct{ key, what string }

func (w *wrongKey) Error() string { return w.key + ": " + w.what }

func wrong(key, format string, values ...any) error {
	return &wrongKey{key, fmt.Errorf(format, values...).Error()}
}

// isSystem reports whether an account is a program's.
func (r *reading) isSystem(account roster.AccountID) bool {
	return slices.Contains(r.Systems, string(account))
}

// compile reads a mapping for these roles; an account whose role nothing tells is an adviser, or
// has the first of them.
func (m Mapping) compile(roles []roster.Role) (r *reading, err error) {
	r = &reading{Mapping: m, readers: roles, roles: make(map[string]roster.Role), kinds: make(map[string]reason.FactKind), actions: make(map[string]deed)}
	if r.zone, err = time.LoadLocation(m.Zone); err != nil {
		return nil, wrong("zone", "%q is not a time zone; write one such as \"Europe/Paris\"", m.Zone)
	}
	if m.Delimiter != "" && m.Delimiter != "," && m.Delimiter != ";" && m.Delimiter != "\t" {
		return nil, wrong("delimiter", `%q is none; write ",", ";" or "\t"`, m.Delimiter)
	}
	if r.role, err = r.reader(cmp.Or(m.Role, usual(roles))); err != nil {
		return nil, wrong("role", "%w", err)
	}
	for word, name := range m.Roles {
		if r.roles[word], err = r.reader(name); err != nil {
			return nil, wrong("roles."+word, "%w", err)
		}
	}
	for word, name := range m.Kinds {
		if name == "none" {
			r.kinds[word] = reason.None
			continue
		}
		kind, err := reason.ParseFactKind(name)
		if err != nil || kind == reason.Protected {
			return nil, wrong("reason-kinds."+word, "%q explains nothing; write appointment, call, desk-ticket, message, caseload, enrolment or none", name)
		}
		r.kinds[word] = kind
	}
	for does, words := range map[deed][]string{writes: m.Actions.Writes, assigns: m.Actions.Assigns, ignored: m.Actions.Ignored} {
		for _, word := range words {
			if _, twice := r.actions[word]; twice {
				return nil, wrong("actions", "%q stands in two lists; leave it in one", word)
			}
			r.actions[word] = does
		}
	}
	if m.WarmUp != nil && (*m.WarmUp < 0 || *m.WarmUp > most) {
		return nil, wrong("warm-up-days", "must be between 0 and %d", most)
	}
	for _, rule := range []struct {
		name          string
		said          *int
		otherwise, of int
		unit          time.Duration
		into          *time.Duration
	}{
		{"history-days", m.Reasons.History, historyDays, most, day, &r.rules.history},
		{"live-item-days", m.Reasons.LiveItem, liveItemDays, 14, day, &r.rules.liveItem},
		{"just-arrived-hours", m.Reasons.JustArrived, 0, 7 * 24, time.Hour, &r.rules.justArrived},
		{"assigned-days", m.Reasons.Assigned, assignedDays, most, day, &r.rules.assigned},
	} {
		n := rule.otherwise
		if rule.said != nil {
			n = *rule.said
		}
		if n < 0 || n > rule.of {
			return nil, wrong("reasons."+rule.name, "must be between 0 and %d", rule.of)
		}
		*rule.into = time.Duration(n) * rule.unit
	}
	if m.Time != "" {
		if r.parse, err = r.format(m.Time); err != nil {
			return nil, wrong("time-format", "%w", err)
		}
	}
	return r, nil
}

// usual is the role of an account whose role nothing tells.
func usual(roles []roster.Role) string {
	if slices.Contains(roles, roster.Adviser) || len(roles) == 0 {
		return string(roster.Adviser)
	}
	return string(roles[0])
}

// reader is a role whose accounts are shown people, by its id.
func (r *reading) reader(name string) (roster.Role, error) {
	role := roster.Role(name)
	if !slices.Contains(r.readers, role) {
		return "", fmt.Errorf("%q is no role that is shown people; write one of %v", name, r.readers)
	}
	return role, nil
}

// letters are the parts of a time's format, and how Go writes them.
var letters = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05", "zz", "Z07:00", "YY", "06")

// format returns what reads times of a format.
func (r *reading) format(format string) (func(string) (time.Time, error), error) {
	var unit time.Duration
	switch format {
	case "unix":
		unit = time.Second
	case "unix-ms":
		unit = time.Millisecond
	}
	if unit > 0 {
		return func(text string) (time.Time, error) {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 || n > int64(lastTime.Sub(time.Unix(0, 0))/unit) {
				return time.Time{}, errors.New("not a number of seconds or milliseconds since 1970")
			}
			return time.Unix(0, 0).Add(time.Duration(n) * unit).UTC(), nil
		}, nil
	}
	layout := letters.Replace(format)
	for _, part := range []string{"06", "01", "02", "15", "04"} {
		if !strings.Contains(layout, part) {
			return nil, fmt.Errorf("%q does not tell the day and the minute; write one such as \"DD/MM/YYYY hh:mm:ss\", \"YYYY-MM-DDThh:mm:sszz\", \"unix\" or \"unix-ms\"", format)
		}
	}
	return func(text string) (time.Time, error) { return time.ParseInLocation(layout, text, r.zone) }, nil
}

// formats are those that are tried when the mapping names none. Seconds may have
// decimals.
var formats = []string{
	"YYYY-MM-DDThh:mm:sszz", "YYYY-MM-DD hh:mm:sszz", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm",
	"YYYY/MM/DD hh:mm:ss", "DD/MM/YYYY hh:mm:ss", "DD/MM/YYYY hh:mm", "DD.MM.YYYY hh:mm:ss", "DD.MM.YYYY hh:mm", "DD-MM-YYYY hh:mm:ss",
}

// Moments that a log may hold; others are misread.
var (
	firstTime = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// time reads a time, and guesses the format at the first one.
func (r *reading) time(text string) (time.Time, error) {
	if r.parse == nil {
		tried := formats
		switch {
		case digits(text) && len(text) == 13:
			tried = []string{"unix-ms"}
		case digits(text):
			tried = []string{"unix"}
		}
		for _, format := range tried {
			parse, err := r.format(format)
			if err != nil {
				return time.Time{}, err
			}
			if at, err := parse(text); err == nil && !at.Before(firstTime) && at.Before(lastTime) {
				r.Mapping.Time, r.parse = format, parse
				break
			}
		}
	}
	if r.parse == nil {
		return time.Time{}, fmt.Errorf("%s is not a time that is known; write its format in the mapping, such as time-format = \"DD/MM/YYYY hh:mm:ss\"", quoted(text))
	}
	at, err := r.parse(text)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%s is not a time of the format %q; write time-format in the mapping, or correct the line", quoted(text), r.Mapping.Time)
	case at.Before(firstTime) || !at.Before(lastTime):
		return time.Time{}, fmt.Errorf("%s lies before 1990 or after 2199; write time-format in the mapping, or correct the line", quoted(text))
	}
	return at.UTC().Truncate(time.Microsecond), nil
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// quoted is a part of a log in an error: not all of it, and nothing that moves a
// terminal's cursor.
func quoted(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return strconv.Quote(text)
}

// headers are names that columns have, in order of preference.
var headers = map[column][]string{
	account:      {"account", "account_id", "user", "user_id", "userid", "username", "login", "agent", "agent_id", "compte", "utilisateur", "identifiant_agent", "employee", "actor", "org:resource", "resource"},
	person:       {"person", "person_id", "personne", "patient", "patient_id", "client", "client_id", "customer", "customer_id", "beneficiary", "beneficiaire", "usager", "dossier", "file", "file_id", "subject", "case", "case_id", "caseid", "case:concept:name"},
	moment:       {"time", "timestamp", "time:timestamp", "datetime", "date_time", "at", "horodatage", "date_heure", "access_time", "event_time", "date"},
	organisation: {"organisation", "organization", "organisation_id", "agency", "agence", "structure", "site", "org:group", "org"},
	role:         {"role", "rôle", "profil", "profile", "org:role"},
	why:          {"reason", "reason_kind", "motif", "purpose"},
	action:       {"action", "activity", "operation", "event", "event_type", "type", "acte", "lifecycle:transition", "concept:name"},
	assignee:     {"assignee", "assigned_to", "attribue_a"},
}

// Words that say what an action is, when the mapping does not.
var words = []struct {
	does deed
	has  []string
}{
	{ignored, []string{"login", "logout", "logoff", "connexion", "sign-in", "signin", "abort", "withdraw", "skip"}},
	{assigns, []string{"assign", "attrib", "affect", "schedule"}},
	{writes, []string{"writ", "updat", "creat", "edit", "modif", "sav", "insert", "delet", "put", "patch", "saisi", "enreg", "ajout", "suppr", "complete"}},
}

// deed says what an action is, and whether it was guessed.
func (r *reading) deed(word string) deed {
	if does, known := r.actions[word]; known {
		return does
	}
	if len(r.Actions.Writes)+len(r.Actions.Assigns)+len(r.Actions.Ignored) > 0 {
		return opens
	}
	folded := strings.ToLower(word)
	for _, one := range words {
		if slices.ContainsFunc(one.has, func(part string) bool { return strings.Contains(folded, part) }) {
			return one.does
		}
	}
	return opens
}
