package config

import (
	"maps"
	"slices"

	"poterne/internal/i18n"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// roleTable is a role of people who read files. Its id stands in the ledger, and never changes;
// what it may be shown stands by its id under [allowance], and how it is watched under [watch].
// Without such tables the roles are roster.Readers. What people call it may be left out of
// these four only.
type roleTable struct {
	ID      string `toml:"id" need:"id = \"adviser\", a name of its own that never changes"`
	French  string `toml:"name_fr"`
	English string `toml:"name_en"`
}

// readers are the roles that are declared, as they are listed.
func (c *config) readers() (readers []roster.Role) {
	if c.Role == nil {
		return slices.Clone(roster.Readers)
	}
	for _, r := range c.Role {
		if roster.CheckRole(r.ID) == nil {
			readers = append(readers, roster.Role(r.ID))
		}
	}
	return readers
}

// roles reads who there is to be shown people, what each may be shown, and how each is watched.
// What names a role that is not declared is complained about, and so is a role for which
// nothing is said: neither is taken for another.
func (c *config) roles(s *Settings, wrong *document) {
	named := make(map[string]string) // by what people call them, in a language
	s.RoleNames = make(map[roster.Role]map[i18n.Language]string)
	for i, r := range c.Role {
		path, role := index("role", i), roster.Role(r.ID)
		if r.ID == "" {
			continue // complained of already
		}
		if err := roster.CheckRole(r.ID); err != nil {
			wrong.Add(path+".id", "%v", err)
		}
		if _, taken := s.RoleNames[role]; taken {
			wrong.Add(path+".id", "this role is declared twice")
		}
		if slices.Contains(notRoles, r.ID) {
			wrong.Add(path+".id", "%q has another meaning under [allowance]; write another id", r.ID)
		}
		names := make(map[i18n.Language]string)
		for in, name := range map[i18n.Language]string{i18n.French: r.French, i18n.English: r.English} {
			key := path + ".name_" + string(in)
			switch like := string(in) + " " + roster.Alike(name); {
			case name == "" && slices.Contains(roster.Readers, role):
				continue
			case name == "":
				wrong.Add(key, "missing; write %s = \"…\", what people call the role", "name_"+in)
			case len(name) > 60:
				wrong.Add(key, "longer than 60 characters")
			case slices.ContainsFunc(roster.Given(nil), func(own roster.Role) bool { return roster.Alike(in.Say("role."+string(own))) == roster.Alike(name) }):
				wrong.Add(key, "%q is what a role of Poterne's own is called; write another name", name)
			case named[like] != "":
				wrong.Add(key, "the role %s has this name; write another", named[like])
			default:
				named[like] = r.ID
			}
			names[in] = name
		}
		s.RoleNames[role] = names
	}
	readers := c.readers()
	s.Rules.Readers = readers
	for _, role := range append(slices.Clip(readers), roster.Programme) {
		a, allowed := c.Allowance.ByRole[string(role)]
		w, watched := c.Watch.ByRole[string(role)]
		if role == roster.Programme && !watched {
			w, watched = usualProgramme, true
		}
		if !allowed && role != roster.Programme {
			wrong.Add("allowance."+string(role), "missing; write %s = { hour = 3, month = 20 }, how many people without a reason whoever has this role may open", role)
		}
		if !watched && c.Watch.ByRole != nil { // without the table, one complaint is enough
			usual, ours := policy.Watches[role]
			if !ours {
				usual = policy.Watches[roster.Adviser]
			}
			wrong.Add("watch."+string(role), "missing; write %s = { forgiven = %v, line = %v, pace = %d, wall = %d }", role, usual.Forgiven.People(), usual.Line.People(), usual.Pace, usual.Wall)
		}
		s.Rules.Allowances[role] = a.compile(wrong, "allowance."+string(role), 0, mostOfAccount)
		if watched {
			s.Rules.Watches[role] = w.compile(wrong, "watch."+string(role))
		}
	}
	known(wrong, "allowance", c.Allowance.ByRole, readers)
	known(wrong, "watch", c.Watch.ByRole, readers)
}

// notRoles are the keys of [allowance] that mean no role.
var notRoles = keysOf[allowancesTable]()

// known complains about what names a role that is not declared.
func known[T any](wrong *document, path string, byRole map[string]T, readers []roster.Role) {
	for _, name := range slices.Sorted(maps.Keys(byRole)) {
		if all := append(slices.Clip(readers), roster.Programme); !slices.Contains(all, roster.Role(name)) {
			wrong.Add(join(path, name), "not a key that is known here, nor the id of a [[role]]; those are %v", all)
		}
	}
}
