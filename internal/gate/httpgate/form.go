package httpgate

import (
	"fmt"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// checkForms complains of what a page shows of a category in a field of a form, when
// a change takes a field of that name and does not say that it writes the category:
// whoever may not see it could write over it.
func (s *service) checkForms(c *fault.Complaints) {
	var saves []*route
	for _, t := range s.declared {
		if t.savesForms() {
			saves = append(saves, t)
		}
	}
	if len(saves) == 0 {
		return
	}
	for _, shown := range s.declared {
		for i, a := range shown.all() {
			if a.Layout.Format != content.HTML {
				continue
			}
			for _, group := range a.Layout.People {
				for _, part := range group.Fields {
					names := part.ControlNames()
					if len(names) == 0 && part.IsControl() {
						c.Add(fmt.Sprintf("route[%d].answers[%d]", shown.place, i), "%q is a field of a form; say under which name it is sent, as in input[name=phone]@value", part.Path)
					}
					for _, save := range saves {
						save.checkField(c, s.Categories, names, part, shown.Path)
					}
				}
			}
		}
	}
}

// savesForms reports whether the route changes something of people by the fields of
// a form.
func (t *route) savesForms() bool {
	if t.Kind != People || t.Search != nil || t.onlyReads() {
		return false
	}
	for _, scheme := range t.form {
		if scheme == "" { // it names nobody
			return true
		}
	}
	return false
}

func (t *route) checkField(c *fault.Complaints, known register.Categories, names []string, shown content.Part, where string) {
	for _, name := range names {
		scheme, taken := t.form[name]
		if taken && scheme == "" && !(t.Writes | t.written[name]).Has(shown.Field) {
			c.Add(fmt.Sprintf("route[%d].form", t.place), "%s takes %q, which is %s on %s, and could be written over by somebody who may not see it; write written = { %s = [%q] }", t.name, name, known.Joined(shown.Field), where, known.Joined(shown.Field), name)
		}
	}
}
