package register

import "math/bits"

// Fields is a set of field categories: what of a person an answer shows. The
// bits are written in the ledger for ever, so a category never changes its bit. Categories says
// what each bit means.
type Fields uint32

// The categories of this register, one bit each. An operator may declare others, which use the
// same bits: no rule asks for one of these, but for the class of what is declared.
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
)

// MostCategories is how many categories there can be: package meter keeps what an account was
// shown of a person in as many bits.
const MostCategories = 24

// AllFields is every category that there can be.
const AllFields Fields = 1<<MostCategories - 1

// Has reports whether every category of other is in the set.
func (f Fields) Has(other Fields) bool { return f&other == other }

// Count is the number of categories in the set.
func (f Fields) Count() int { return bits.OnesCount32(uint32(f)) }
