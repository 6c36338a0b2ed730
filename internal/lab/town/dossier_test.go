package town

import (
	"slices"
	"testing"
)

func TestTooManyFoundAreNobodyShown(t *testing.T) {
	r, err := NewRegister("test", 100)
	if err != nil {
		t.Fatal(err)
	}
	d := &dossier{application: &application{Site: Site{Register: r}}}
	ten := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	if page := d.rows(listPage{}, ten); len(page.People) != 10 || page.TooMany {
		t.Errorf("ten found show %d, too many: %v", len(page.People), page.TooMany)
	}
	if page := d.rows(listPage{}, slices.Concat(ten, []int{10})); len(page.People) > 0 || !page.TooMany || page.Total != 11 {
		t.Errorf("eleven found show %d, too many: %v", len(page.People), page.TooMany)
	}
}
