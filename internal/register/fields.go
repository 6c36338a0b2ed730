package register

import (
	"fmt"
	"math/bits"
	"strings"
)

// Fields is a set of field categories: what of a person an answer shows. The
// bits are written in the ledger for ever, so a category never changes its bit.
type Fields uint32

// The categories, one bit each.
const (
	Name       Fields = 1 << iota // surname, first names, used name
	Birth                         // date and place of birth
	NIR                           // social-security number
	Contact                       // telephone, e-mail, postal address
	Identifier                    // dossier number, France Travail identifier
	Status                        // registered, struck off, since when
	Employment                    // experience, skills, job sought
	Note                          // what advisers wrote
	Training                      // courses, enrolments, attendance
	Benefit                       // rights and payments
	Health                        // health, disability
	Family                        // household, dependants
	Agenda                        // appointments, calls
	Residence                     // commune and département, without the street
	fieldsEnd
)

// AllFields is every category there is.
const AllFields = fieldsEnd - 1

var fieldNames = [...]string{
	"name", "birth", "nir", "contact", "identifier", "status", "employment", "note",
	"training", "benefit", "health", "family", "agenda", "residence",
}

// ParseField returns the category called name.
func ParseField(name string) (Fields, error) {
	for i, known := range fieldNames {
		if name == known {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("%q is not a field category; write one of %s", name, strings.Join(fieldNames[:], ", "))
}

// Names lists the categories in the set, in the order of their bits.
func (f Fields) Names() []string {
	names := make([]string, 0, f.Count())
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (f Fields) String() string { return strings.Join(f.Names(), "+") }

// Has reports whether every category of other is in the set.
func (f Fields) Has(other Fields) bool { return f&other == other }

// Count is the number of categories in the set.
func (f Fields) Count() int { return bits.OnesCount32(uint32(f)) }
