package portaltest

import (
	"poterne/internal/gate/shape"
)

// stageShapes is what was refused because nobody declared it, where anything happened.
type stageShapes struct{ s *Stage }

// Seen implements desk.Undeclared.
func (s stageShapes) Seen() []shape.Seen {
	if len(s.s.Written) == 0 {
		return nil
	}
	parts, _ := shape.Read("application/json", []byte(`[{"id":1,"name":"Elsa Fourcade","mail":"elsa@boite.example"}]`))
	last := Now.Unix()
	statement := shape.ReadSQL("select id, surname, born from person where adviser = 'A-4711'")
	columns, _ := shape.Columns([]string{"id", "surname", "born"}, []uint32{23, 25, 1082})
	return []shape.Seen{{Service: "dossier", Shapes: []shape.Shape{
		{Method: "GET", Path: "/users/{}/letters", Why: "not-declared", Answer: "application/json", Parts: parts, Times: 12, Last: last},
		{Method: "POST", Path: "/notes", Why: "undeclared-field", Times: 1, Last: last - 3600},
	}}, {Service: "reports", Shapes: []shape.Shape{
		{Method: shape.SQL, Path: statement.Verb, Document: statement.Kept, Query: statement.Parameters, Parts: columns, Why: "not-declared", Times: 3, Last: last - 60},
	}}}
}
