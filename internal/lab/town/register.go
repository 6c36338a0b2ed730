package town

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
)

const (
	// Demo is how many people the demonstration has.
	Demo = 100_000
	// National is how many files the French register had in 2024.
	National = 43_000_000

	// indexedUpTo is the largest register that is searched by name. The index of
	// a larger one would take longer to build than its search is worth here.
	indexedUpTo = 2_000_000

	// largest is where the e-mail's permutation ends.
	largest = 1 << 30

	// basin is how many people, the first of any register, live in and around
	// Valbourg: enough for the caseloads of its staff.
	basin = 24_000
)

// The identifiers by which the applications name people, as schemes of
// register.Ref. The dossier number is the register's own.
const (
	SchemeDossier = "dossier"
	SchemeFT      = "ft"
	SchemeMail    = "mail"
)

// asOf is the day on which the register stands still.
var asOf = day(2026, time.September, 1)

// Register is people by index, from 0 to its size. It stores none of them, but for where those
// are reached who have changed it; it is safe to share.
type Register struct {
	seed    uint64
	size    int
	tables  *tables
	dossier permutation // 36 bits: 11 digits
	ft      permutation // 40 bits: 8 characters
	mail    permutation // 30 bits: 6 characters
	index   func() map[civilKey][]int32
	reached *reached

	reserved func(dossier string) bool
}

// NewRegister returns the register of that seed and size. The seed also keys its
// identifiers: who does not know it cannot tell which numbers are taken.
func NewRegister(seed string, size int) (*Register, error) {
	if size < 1 || size > largest {
		return nil, fmt.Errorf("a register has 1 to %d people, not %d", largest, size)
	}
	secret := sha256.Sum256([]byte("poterne/town/v1\x00" + seed))
	r := &Register{
		seed:    binary.BigEndian.Uint64(secret[:]),
		size:    size,
		tables:  loadTables(),
		dossier: newPermutation(secret, SchemeDossier, 18),
		ft:      newPermutation(secret, SchemeFT, 20),
		mail:    newPermutation(secret, SchemeMail, 15),

		reserved: func(string) bool { return false },
		reached:  &reached{by: make(map[int]reach)},
	}
	r.index = sync.OnceValue(r.indexed)
	return r, nil
}

// Reserving returns the same register, whose office has agreed never to give a
// person a number that reserved picks out: when a number's turn comes that is
// reserved, it goes to a canary, somebody who exists for the guard alone. A
// canary's file is made as everybody's is; that nobody in the town has to do with
// them is all there is to it.
func (r *Register) Reserving(reserved func(dossier string) bool) *Register {
	reserving := *r
	reserving.reserved = reserved
	return &reserving
}

// IsCanary reports whether person i exists for the guard alone. No page asks.
func (r *Register) IsCanary(i int) bool { return r.reserved(r.Dossier(i)) }

// Invent computes a person who is in no register, as people in one are, and lives
// anywhere. Their identifiers name nobody.
func Invent(seed string) (Person, error) {
	r, err := NewRegister("invented\x00"+seed, basin+1)
	if err != nil {
		return Person{}, err
	}
	return r.Person(basin), nil // the first who does not live around Valbourg
}

// Size is the number of people in the register.
func (r *Register) Size() int { return r.size }

// Identifier is how the applications that use scheme name person i.
func (r *Register) Identifier(scheme string, i int) string {
	switch scheme {
	case SchemeDossier:
		return r.Dossier(i)
	case SchemeFT:
		return r.FT(i)
	case SchemeMail:
		return r.Mail(i)
	default:
		return ""
	}
}

// Lookup returns whom an identifier of one of the schemes names, if anybody.
func (r *Register) Lookup(scheme, identifier string) (int, bool) {
	switch scheme {
	case SchemeDossier:
		return r.ByDossier(identifier)
	case SchemeFT:
		return r.ByFT(identifier)
	case SchemeMail:
		return r.ByMail(identifier)
	default:
		return 0, false
	}
}

// checkLetters has a prime number of letters, so that one wrong digit or two
// exchanged ones give another letter.
const checkLetters = "ABCDEFGHJKLMNPQRSTUVWXY"

// Dossier is person i's dossier number: eleven digits and a check letter.
func (r *Register) Dossier(i int) string {
	n := r.dossier.forward(uint64(i))
	return fmt.Sprintf("%011d%c", n, checkLetters[n%uint64(len(checkLetters))])
}

// ByDossier returns whose dossier number it is. Almost every number is nobody's.
func (r *Register) ByDossier(number string) (int, bool) {
	number = strings.ToUpper(strings.TrimSpace(number))
	if len(number) != 12 {
		return 0, false
	}
	n, err := strconv.ParseUint(number[:11], 10, 64)
	if err != nil || n >= 1<<36 || number[11] != checkLetters[n%uint64(len(checkLetters))] {
		return 0, false
	}
	return r.within(r.dossier.back(n))
}

// FT is person i's France Travail identifier: eight characters.
func (r *Register) FT(i int) string { return spell(r.ft.forward(uint64(i)), 8) }

// ByFT returns whose France Travail identifier it is.
func (r *Register) ByFT(identifier string) (int, bool) {
	n, ok := unspell(strings.ToUpper(strings.TrimSpace(identifier)), 8)
	if !ok {
		return 0, false
	}
	return r.within(r.ft.back(n))
}

// Mail is person i's e-mail address, which nobody can write to.
func (r *Register) Mail(i int) string { return r.mailOf(i, r.civil(i)) }

func (r *Register) mailOf(i int, c civil) string {
	return c.first.folded + "." + r.tables.surnameOf[c.surname].folded + "." +
		strings.ToLower(spell(r.mail.forward(uint64(i)), 6)) + "@" + mailHosts[c.host]
}

var mailHosts = [...]string{"courriel.example", "messagerie.example", "postale.example", "boite.example"}

// ByMail returns whose e-mail address it is; the whole address must be right.
func (r *Register) ByMail(address string) (int, bool) {
	address = strings.ToLower(strings.TrimSpace(address))
	local, _, _ := strings.Cut(address, "@")
	n, ok := unspell(strings.ToUpper(local[strings.LastIndexByte(local, '.')+1:]), 6)
	if !ok {
		return 0, false
	}
	i, ok := r.within(r.mail.back(n))
	return i, ok && r.Mail(i) == address
}

func (r *Register) within(n uint64) (int, bool) {
	if n >= uint64(r.size) {
		return 0, false
	}
	return int(n), true
}

// spelling leaves out the letters that are taken for digits.
const spelling = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func spell(n uint64, length int) string {
	text := make([]byte, length)
	for i := length - 1; i >= 0; i-- {
		text[i] = spelling[n&31]
		n >>= 5
	}
	return string(text)
}

func unspell(text string, length int) (n uint64, ok bool) {
	if len(text) != length {
		return 0, false
	}
	for i := range length {
		at := strings.IndexByte(spelling, text[i])
		if at < 0 {
			return 0, false
		}
		n = n<<5 | uint64(at)
	}
	return n, true
}

// civilKey is what a search by name must have right.
type civilKey struct {
	surname int32 // its number in the table
	birth   int32 // days since 1 January 1970
}

// ErrNotIndexed is the answer to a search by name in a register too large to be
// indexed in memory; its people are still found by their identifiers.
var ErrNotIndexed = &fault.Error{
	Kind: fault.Unavailable, Public: "this register is too large to be searched by name: use an identifier",
	Err: errors.New("town: no index"),
}

// Search returns everybody who has exactly that surname and birth date, and that
// first name if one is given; accents, case and hyphens do not matter. The
// index is built by the first search.
func (r *Register) Search(surname string, birth time.Time, first string) ([]int, error) {
	if r.size > indexedUpTo {
		return nil, ErrNotIndexed
	}
	no, known := r.tables.surnameNo[fold(surname)]
	if !known {
		return nil, nil
	}
	var found []int
	first = fold(first)
	for _, i := range r.index()[civilKey{int32(no), days(birth)}] {
		if first == "" || r.civil(int(i)).first.folded == first {
			found = append(found, int(i))
		}
	}
	return found, nil
}

// LivingIn returns up to count people of a commune, or of any if none is named,
// from index from on, and the index to go on from, or 0 at the end. One call
// looks at a million people at most.
func (r *Register) LivingIn(commune string, from, count int) (people []int, next int) {
	commune = fold(commune)
	end := from
	for ; end < min(r.size, from+1_000_000); end++ {
		if len(people) == count {
			return people, end
		}
		if commune == "" || fold(r.commune(end, r.dice(end, facetHome)).Name) == commune {
			people = append(people, end)
		}
	}
	if end < r.size {
		return people, end
	}
	return people, 0
}

func (r *Register) indexed() map[civilKey][]int32 {
	index := make(map[civilKey][]int32, r.size)
	for i := range r.size {
		c := r.civil(i)
		key := civilKey{int32(r.tables.surnameNo[r.tables.surnameOf[c.surname].folded]), days(c.birth)} // LE ROUX and LEROUX are one
		index[key] = append(index[key], int32(i))
	}
	return index
}

func days(t time.Time) int32 { return int32(t.Unix() / 86400) }

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// nir spells an invented social-security number: its first digit is 9, which is
// never issued, and its key is right.
func nir(birth time.Time, place *Commune, order int) string {
	body := fmt.Sprintf("9%02d%02d%s%03d", birth.Year()%100, birth.Month(), place.Code, order)
	key, err := NIRKey(body)
	if err != nil {
		panic(fmt.Errorf("town: a commune's code: %w", err))
	}
	return fmt.Sprintf("%s%02d", body, key)
}
