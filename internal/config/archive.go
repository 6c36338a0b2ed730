package config

import (
	"slices"

	"poterne/internal/archive"
	"poterne/internal/fault"
)

// archiveTable is for how long Poterne holds what it has of people itself, and where the keys of
// the archive are. It is written on the one node that keeps the archive, and the folder is in no
// backup of the database: whoever has both can read what is archived.
type archiveTable struct {
	Keys string             `toml:"keys" need:"keys = \"/var/lib/poterne-keys\", a folder that only this node can enter"`
	Rule []archiveRuleTable `toml:"rule" need:"[[archive.rule]] with of and erase: how long something is held of people"`
}

type archiveRuleTable struct {
	Of      string `toml:"of" need:"of = \"questions\", what is held of people: questions, contacts, facts, covers, aliases, told, proposals, lists, readings or names"`
	Archive int64  `toml:"archive"`
	Erase   int64  `toml:"erase" need:"erase = 24, how many months after its end it is erased"`
}

// archive reads how long people are kept.
func (c *config) archive(s *Settings, files secretFiles) {
	if c.Archive == nil {
		return
	}
	if c.Archive.Keys != "" {
		s.ArchiveKeys = files.path(c.Archive.Keys)
	}
	for i, t := range c.Archive.Rule {
		rule := archive.Rule{Of: archive.Category(t.Of), Archive: int(t.Archive), Erase: int(t.Erase)}
		path := index("archive.rule", i)
		if err := rule.Check(); err != nil && t.Of != "" && !files.wrong.About(path+".erase") && !files.wrong.About(path+".archive") {
			files.wrong.Add(path, "%s", fault.Public(err))
		}
		if slices.ContainsFunc(s.ArchiveRules, func(r archive.Rule) bool { return r.Of == rule.Of }) {
			files.wrong.Add(path+".of", "there are two rules for %s; write one", t.Of)
		}
		s.ArchiveRules = append(s.ArchiveRules, rule)
	}
}
