package content_test

import (
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// Promise: SCOPE-9
func TestSCOPE_9_NobodyHidesInARowOfXML(t *testing.T) {
	l := content.Layout{Format: content.XML, Plain: []string{"/list/page"}, People: []content.Group{
		{Row: "//person", Person: []content.Naming{{Scheme: "dossier", Path: "@id"}}, Fields: []content.Part{{Field: register.Name, Path: "name"}, {Field: register.Family, Path: "family"}}},
		{Row: "/list/child", Person: []content.Naming{{Scheme: "dossier", Path: "ref"}}, Fields: []content.Part{{Field: register.Name, Path: "."}}},
	}, Keep: []string{"wrap"}}
	all := func(int) (bool, register.Fields) { return true, register.AllFields }
	only := func(shown int) content.Keep {
		return func(row int) (bool, register.Fields) { return row == shown, register.AllFields }
	}
	for name, c := range map[string]struct {
		body  string
		rows  int
		keep  content.Keep
		has   string
		hasnt string
	}{
		"one in a plain part":              {`<list><page>1<person id="1"><name>A</name></person></page></list>`, 1, only(-1), "<page>1</page>", "A"},
		"one in another's field":           {`<list><person id="1"><name>A</name><family>x<person id="2"><name>B</name></person></family></person></list>`, 2, only(0), "x", "B"},
		"one in whom may not be shown":     {`<list><person id="1"><name>A</name><family><person id="2"><name>B</name></person></family></person></list>`, 2, only(1), "<list/>", "B"},
		"one in what nobody declared":      {`<list><wrap><person id="1"><name>A</name></person></wrap></list>`, 1, only(-1), "<list><wrap/></list>", "A"},
		"an identifier in a whole row":     {`<list><child><ref>7</ref>text</child></list>`, 1, all, "<child>text</child>", "7"},
		"a field of nobody's":              {`<list><name>A</name></list>`, 0, all, "<list/>", "A"},
		"text beside what is declared":     {`<list>A<person id="1">A<name>n</name>A</person>A</list>`, 1, all, "<name>n</name>", "A"},
		"a category that may not be shown": {`<list><person id="1"><name>A</name><family born="A">A</family></person></list>`, 1, func(int) (bool, register.Fields) { return true, register.Contact }, "<name/><family/>", "A"},
	} {
		r, err := readXML(t, l, c.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Rows()) != c.rows {
			t.Errorf("%s: %d rows", name, len(r.Rows()))
		}
		if got := releaseXML(t, r, c.keep); !strings.Contains(got, c.has) || strings.Contains(got, c.hasnt) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := readXML(t, l, `<list><other><person id="1"><name>A</name></person></other></list>`); err == nil {
		t.Error("a row is in an element whose name nobody declared")
	}
	both := l
	both.People = append(both.People, content.Group{Row: "/list/person", Person: []content.Naming{{Scheme: "mail", Path: "@mail"}}})
	if _, err := readXML(t, both, `<list><person id="1" mail="x"><name>A</name></person></list>`); err == nil {
		t.Error("a row is of two kinds")
	}
}
