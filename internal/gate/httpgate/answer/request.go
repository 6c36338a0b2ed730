package answer

import (
	"fmt"

	"poterne/internal/register"
)

// Request says where a JSON request names people, so that they can be decided
// on before the application is asked. It is safe to share.
type Request struct{ start *state }

// CompileRequest checks where a JSON body names people; the paths begin with $.
// All complaints come at once.
func CompileRequest(people []Naming) (*Request, error) {
	var wrong complaints
	if len(people) == 0 {
		wrong.add("person", "say where the body names people, and in which scheme")
	}
	row := &rowKind{last: len(people)}
	patterns := make([]pattern, 0, len(people)+1)
	for i, naming := range people {
		at := fmt.Sprintf("person[%d]", i)
		if naming.Scheme == "" {
			wrong.add(at+".scheme", "say which identifiers these are, such as dossier")
		}
		if naming.Attribute != "" {
			wrong.add(at+".attribute", "only HTML has attributes; leave it out")
		}
		steps, err := parsePath(naming.Path, '$')
		if err != nil {
			wrong.add(fmt.Sprintf("%s.path: %q", at, naming.Path), err.Error())
		}
		patterns = append(patterns, pattern{
			steps: steps, relative: true, meaning: meaning{name: &namePlace{i, naming.Scheme}},
		})
	}
	if err := wrong.joined(); err != nil {
		return nil, err
	}
	start, err := compilePatterns(append(patterns, pattern{meaning: meaning{row: row}}))
	return &Request{start}, err
}

// Refs returns the people that a body names, in the order of the paths. A body
// that names nobody is no error; one that cannot be read whole is.
func (r *Request) Refs(body []byte) ([]register.Ref, error) {
	s, err := scan(r.start, nil, body) // nothing of it goes out
	if err != nil || len(s.refs) == 0 {
		return nil, err
	}
	if err := nameRows(s.rows, s.refs); err != nil {
		return nil, err
	}
	return s.rows[0].Refs, nil
}
