package notice

import (
	"time"

	"poterne/internal/register"
)

// Facts is what a program knows of an incident without asking anybody. Times are UTC.
type Facts struct {
	Reference string    `json:"reference"` // of the file: see Reference
	Before    string    `json:"before"`    // the number that the authority gave the notice before this one; empty of the first
	Written   time.Time `json:"written"`   // when the document was made
	Exercise  bool      `json:"exercise"`  // nothing happened: the document goes to nobody

	Controller Controller `json:"controller"`
	Involved   []string   `json:"involved"` // the organisations of the accounts, by name

	Aware    time.Time `json:"aware"`
	From     string    `json:"awareFrom"` // who told the body, as the file has it
	Counted  bool      `json:"counted"`   // what follows was counted in the ledger
	Begun    time.Time `json:"begun"`     // of the first disclosure
	Ended    time.Time `json:"ended"`     // and of the last
	GoingOn  bool      `json:"goingOn"`   // an account of the file could still show somebody new
	People   int       `json:"people"`    // distinct
	WithNone int       `json:"withoutReason"`
	Records  int       `json:"records"` // how often one of them was shown
	Data     []Data    `json:"data"`

	Accounts    []string  `json:"accounts"` // by their names in the ledger
	Orders      []Order   `json:"orders"`
	Authorities []Sending `json:"authorities"` // what was sent before
	Entries     uint64    `json:"entries"`     // the count holds for the entries before this one
	List        string    `json:"list"`        // SHA-256 of the list of people, in hexadecimal; empty when it was not sealed
}

// Controller is who answers for the register. Each is empty when the configuration does
// not say it.
type Controller struct {
	Name           string `json:"name"`
	SIREN          string `json:"siren"`
	Sector         string `json:"sector"`
	Headcount      string `json:"headcount"`
	Address        string `json:"address"`
	Country        string `json:"country"`
	Representative string `json:"representative"`
	Contact        string `json:"contact"`
	Officer        string `json:"officer"`  // the data-protection officer
	Helpline       string `json:"helpline"` // whom people telephone
	Counter        string `json:"counter"`  // or visit
}

// Data is how many people were shown one category of fields of.
type Data struct {
	Category register.Fields `json:"-"`
	Name     string          `json:"category"`
	People   int             `json:"people"`
}

// Order is an order that was placed against an account of the incident.
type Order struct {
	At     time.Time `json:"at"`
	Effect string    `json:"effect"`
	Reach  string    `json:"reach"`
	Target string    `json:"target"`
	Entry  uint64    `json:"entry"`
}

// Sending is a notice that was sent.
type Sending struct {
	Form    Form      `json:"form"`
	Stage   Stage     `json:"stage"`
	At      time.Time `json:"at"`
	Receipt string    `json:"receipt"` // the number that the authority gave it; may be empty
}

// late reports whether the notice is written later than it was due.
func (f Facts) late() bool { return !f.Aware.IsZero() && f.Written.Sub(f.Aware) > Deadline }

// field is what the configuration says for a field; false of a field that it does not answer.
func (c Controller) field(key string) (said string, is bool) {
	said, is = map[string]string{
		"organisation": c.Name, "siren": c.SIREN, "sector": c.Sector, "headcount": c.Headcount, "address": c.Address, "country": c.Country,
		"representative": c.Representative, "contact": c.Contact, "officer": c.Officer,
	}[key]
	return said, is
}

// known reports whether the facts answer a field.
func (f Facts) known(key string) bool {
	if said, is := f.Controller.field(key); is {
		return said != ""
	}
	switch key {
	case "stage", "going-on":
		return true
	case "reference":
		return f.Reference != ""
	case "involved":
		return len(f.Involved) > 0
	case "begun", "ended":
		return f.Counted && !f.Begun.IsZero()
	case "aware":
		return !f.Aware.IsZero()
	case "aware-from":
		return f.From != ""
	case "data", "records", "people", "evidence":
		return f.Counted
	case "orders":
		return len(f.Orders) > 0
	case "accounts":
		return len(f.Accounts) > 0
	case "authorities":
		return len(f.Authorities) > 0
	default:
		return false
	}
}
