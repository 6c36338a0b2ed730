package content

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/register"
)

// columns is a layout of records under a header line, each of one person.
type columns struct {
	group  *Group // nil when the file speaks of nobody
	plain  []string
	places []string // the columns that name people
}

func compileColumns(l Layout, wrong *fault.Complaints) columns {
	r := columns{plain: l.Plain}
	if len(l.People) > 1 {
		wrong.Add("people", "every record of a table is a row of one group; declare one group")
	}
	if len(l.People) > 0 {
		r.group = &l.People[0]
		if r.group.Row != "" {
			wrong.Add("people[0].row", "every record of a table is a row; leave it empty")
		}
		for i, naming := range r.group.Person {
			r.places = append(r.places, naming.Path)
			if naming.Path == "" {
				wrong.Add(fmt.Sprintf("people[0].person[%d].path", i), "write the name of a column")
			}
		}
		for i, part := range r.group.Fields {
			if part.Path == "" {
				wrong.Add(fmt.Sprintf("people[0].fields[%d].path", i), "write the name of a column")
			}
		}
	}
	if slices.Contains(l.Plain, "") {
		wrong.Add("plain", "write the name of a column")
	}
	return r
}

// column is one that may go out.
type column struct {
	index int
	needs register.Fields
}

// choose keeps the declared columns.
func (r columns) choose(header []string) (kept []column, err error) {
	sorted := slices.Sorted(slices.Values(header))
	if len(slices.Compact(sorted)) < len(header) {
		return nil, errors.New("two columns have the same name")
	}
	if r.group != nil && !slices.ContainsFunc(r.places, func(name string) bool { return slices.Contains(header, name) }) {
		return nil, errors.New("no column names people; are the header line, and the separator or the sheet, the declared ones?")
	}
	for i, name := range header {
		if needs := r.needs(name); needs != 0 || slices.Contains(r.plain, name) {
			kept = append(kept, column{i, needs})
		}
	}
	return kept, nil
}

func (r columns) needs(name string) (needs register.Fields) {
	if r.group == nil {
		return 0
	}
	for _, part := range r.group.Fields {
		if part.Path == name {
			needs |= part.Field
		}
	}
	return needs
}

// people reads every record after the header as a row. An empty cell names nobody, as
// there is no other way to leave one out.
func (r columns) people(header []string, records int, cell func(record, column int) string, kept []column) ([]Row, error) {
	rows := make([]Row, records)
	for i := range rows {
		for _, naming := range r.group.Person {
			at := slices.Index(header, naming.Path)
			if at < 0 || cell(i, at) == "" {
				continue
			}
			ref, err := reference(naming.Scheme, naming.Template, cell(i, at))
			if err != nil {
				return nil, fmt.Errorf("%w (record %d)", err, i+1)
			}
			rows[i].Refs = append(rows[i].Refs, ref)
		}
		if len(rows[i].Refs) == 0 {
			return nil, fmt.Errorf("%w (record %d)", errUnnamed, i+1)
		}
		for _, c := range kept {
			if strings.TrimSpace(cell(i, c.index)) != "" {
				rows[i].Fields |= c.needs
			}
		}
	}
	return rows, nil
}

// marking is a column that says the same in every row.
type marking struct{ column, text string }

func (m *marking) in(record int) string {
	if record == 0 {
		return m.column
	}
	return m.text
}
