package config

import (
	"reflect"
	"regexp"
	"strings"

	"poterne/internal/notice"
	"poterne/internal/typed"
)

// controllerTable is the body that answers for the register, as notices about incidents
// and messages to people name it. What is left out is named as missing there. officer is
// the data-protection officer; helpline and counter are whom people telephone, and where
// they may come: a message to them has no link.
type controllerTable struct {
	Name           string `toml:"name"`
	SIREN          string `toml:"siren"`
	Sector         string `toml:"sector"`
	Headcount      string `toml:"headcount"`
	Address        string `toml:"address"`
	Country        string `toml:"country"`
	Representative string `toml:"representative"`
	Contact        string `toml:"contact"`
	Officer        string `toml:"officer"`
	Helpline       string `toml:"helpline"`
	Counter        string `toml:"counter"`
}

var sirens = regexp.MustCompile(`^[0-9]{9}$`)

// controller reads who answers for the register.
func (c *config) controller(s *Settings, wrong *document) {
	if c.Controller.SIREN != "" && !sirens.MatchString(c.Controller.SIREN) {
		wrong.Add("controller.siren", "a SIREN is nine figures, without spaces")
	}
	table := reflect.ValueOf(c.Controller)
	for i := range table.NumField() {
		key := table.Type().Field(i).Tag.Get("toml")
		for line := range strings.Lines(table.Field(i).String()) {
			if !typed.Readable(strings.TrimSuffix(line, "\n")) {
				wrong.Add("controller."+key, "it holds a character that cannot be read: type it anew")
			}
		}
	}
	s.Controller = notice.Controller(c.Controller)
}
