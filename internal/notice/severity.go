package notice

import "poterne/internal/register"

// Score is how grave an incident is for people by ENISA's method of 2013: SE = DPC × EI +
// CB. It proposes a level; a person decides.
type Score struct {
	Processing  int     // DPC: 1 simple data, 2 behaviour, 3 financial, 4 sensitive
	Identifying float64 // EI: how easily the data lead to a person, 0.25 to 1
	Breach      float64 // CB: confidentiality, integrity, availability, and malice
}

// Propose scores an incident in which these categories were shown to a thief: what was
// read was read by one who meant harm, and may be anywhere.
func Propose(shown register.Fields, known register.Categories) Score {
	s := Score{Processing: 1, Identifying: 0.5, Breach: 0.5 + 0.5}
	counts := func(classes ...register.Class) bool { return known.Counting(shown, classes...) != 0 }
	switch {
	case counts(register.Medical, register.Special, register.Offences):
		s.Processing = 4
	case counts(register.Financial):
		s.Processing = 3
	case counts(register.Life):
		s.Processing = 2
	}
	switch {
	case counts(register.NIRData, register.Document), counts(register.Identity) && counts(register.BirthData):
		s.Identifying = 1
	case counts(register.Identity, register.Contacts):
		s.Identifying = 0.75
	}
	return s
}

// Value is the score.
func (s Score) Value() float64 { return float64(s.Processing)*s.Identifying + s.Breach }

// Level is the severity that the score proposes, as the field severity has it: below 2
// negligible, below 3 limited, below 4 important, else maximal.
func (s Score) Level() string {
	switch value := s.Value(); {
	case value < 2:
		return "negligible"
	case value < 3:
		return "limited"
	case value < 4:
		return "important"
	default:
		return "maximal"
	}
}
