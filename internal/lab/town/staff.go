package town

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"time"

	"poterne/internal/roster"
)

// Agent is one member of staff, as their organisation knows them.
type Agent struct {
	ID           roster.AccountID
	Name         string
	Organisation roster.OrganisationID
	Role         roster.Role
	Mail         string
	Subject      string // how the identity provider names them
}

// Kind says by what another system knows that somebody will be, or was, received.
type Kind string

// The kinds of appointments, by role of the agent.
const (
	Meeting    Kind = "appointment" // in an adviser's diary
	DeskTicket Kind = "desk-ticket" // taken at the door
	Call       Kind = "call"        // put through by the telephone exchange
)

// Appointment is a person received by an agent.
type Appointment struct {
	Agent       roster.AccountID
	Person      int
	Kind        Kind
	From, Until time.Time
}

// Course is a training that people enrol for.
type Course struct {
	ID           string
	Title        string
	Organisation roster.OrganisationID
	Place        string
	Starts       time.Time
	Hours        int
	About        string
	Enrolled     []int // people, when the town begins
}

// Staff is who works with a register: organisations, agents, and whom each of
// them has to do with. It never changes and is safe to share; callers must not
// change the slices.
type Staff struct {
	register  *Register
	agents    []Agent
	byID      map[roster.AccountID]Agent
	caseloads map[roster.AccountID][]int
	courses   []Course
}

// NewStaff hires the staff of Valbourg and deals them the people around it.
func NewStaff(r *Register) *Staff {
	s := &Staff{register: r, byID: map[roster.AccountID]Agent{}, caseloads: map[roster.AccountID][]int{}}
	s.hire()
	followed := r.followedAround()
	s.deal(followed)
	s.enrol(followed)
	return s
}

// The organisations of Valbourg. Their SIRETs have a right key and a number that
// no company was given.
var organisations = []roster.Organisation{
	{ID: "mission-locale-valbourg", SIRET: siret(101, 1), Name: "Mission locale de Valbourg"},
	{ID: "cap-emploi-valbourg", SIRET: siret(102, 1), Name: "Cap emploi Valbourg"},
	{ID: "agence-valbourg-centre", SIRET: siret(103, 1), Name: "Agence Valbourg Centre"},
	{ID: "plateforme-valbourg", SIRET: siret(103, 2), Name: "Plateforme téléphonique de Valbourg"},
	{ID: "of-horizon", SIRET: siret(104, 1), Name: "Organisme de formation Horizon"},
	{ID: "of-tremplin", SIRET: siret(105, 1), Name: "Tremplin Formation"},
	{ID: "poste-de-securite", SIRET: siret(100, 1), Name: "Poste de sécurité du registre"},
}

// known are the characters of the demonstration; their colleagues are drawn.
var known = []Agent{
	{ID: "pauline.mercier", Name: "Pauline Mercier", Organisation: "mission-locale-valbourg", Role: roster.Adviser},
	{ID: "karim.benali", Name: "Karim Benali", Organisation: "cap-emploi-valbourg", Role: roster.Adviser},
	{ID: "odile.garnier", Name: "Odile Garnier", Organisation: "agence-valbourg-centre", Role: roster.Desk},
	{ID: "lucas.ferrand", Name: "Lucas Ferrand", Organisation: "of-horizon", Role: roster.Training},
	{ID: "helene.roux", Name: "Hélène Roux", Organisation: "mission-locale-valbourg", Role: roster.Manager},
	{ID: "samir.cohen", Name: "Samir Cohen", Organisation: "poste-de-securite", Role: roster.Security},
	{ID: "claire.aubry", Name: "Claire Aubry", Organisation: "poste-de-securite", Role: roster.Privacy},
	{ID: "ines.moreau", Name: "Inès Moreau", Organisation: "plateforme-valbourg", Role: roster.CallCentre},
}

// colleagues says how many more work where.
var colleagues = []struct {
	organisation roster.OrganisationID
	role         roster.Role
	count        int
}{
	{"mission-locale-valbourg", roster.Adviser, 9},
	{"cap-emploi-valbourg", roster.Adviser, 5},
	{"cap-emploi-valbourg", roster.Manager, 1},
	{"agence-valbourg-centre", roster.Adviser, 2},
	{"agence-valbourg-centre", roster.Desk, 5},
	{"agence-valbourg-centre", roster.Manager, 1},
	{"plateforme-valbourg", roster.CallCentre, 4},
	{"plateforme-valbourg", roster.Manager, 1},
	{"of-horizon", roster.Training, 1},
	{"of-horizon", roster.Manager, 1},
	{"of-tremplin", roster.Training, 2},
	{"of-tremplin", roster.Manager, 1},
	{"poste-de-securite", roster.Security, 1},
}

func (s *Staff) hire() {
	for _, a := range known {
		s.add(a)
	}
	d := s.register.aside("colleagues")
	for _, group := range colleagues {
		for hired := 0; hired < group.count; {
			surname := s.register.tables.surnameOf[s.register.tables.surnames.pick(d)]
			first := s.register.tables.firstName(pick(d, []Sex{Woman, Man}), 1965+d.below(35), d)
			id := roster.AccountID(first.folded + "." + surname.folded)
			if _, taken := s.byID[id]; taken {
				continue
			}
			s.add(Agent{ID: id, Name: first.text + " " + capitalised(surname.text), Organisation: group.organisation, Role: group.role})
			hired++
		}
	}
}

func (s *Staff) add(a Agent) {
	subject := sha256.Sum256([]byte("poterne/town/subject/v1\x00" + a.ID))
	a.Subject = hex.EncodeToString(subject[:16])
	a.Mail = string(a.ID) + "@" + string(a.Organisation) + ".example"
	s.agents = append(s.agents, a)
	s.byID[a.ID] = a
}

// The size of a caseload is log-normal: some advisers have three times the
// people of others.
const (
	meanCaseload = 150
	caseloadBend = 0.35
)

// deal gives each followed person of the basin to one adviser at most; in a
// register too small for all caseloads they shrink alike.
func (s *Staff) deal(followed []int) {
	d := s.register.aside("caseloads")
	followed = shuffled(d, followed)
	var advisers []Agent
	var sizes []float64
	sum := 0.0
	for _, a := range s.agents {
		if a.Role == roster.Adviser {
			normal := math.Sqrt(-2*math.Log(1-d.unit())) * math.Cos(2*math.Pi*d.unit())
			size := meanCaseload * math.Exp(caseloadBend*normal-caseloadBend*caseloadBend/2)
			advisers, sizes, sum = append(advisers, a), append(sizes, size), sum+size
		}
	}
	share := min(1, float64(len(followed))/sum)
	for n, a := range advisers {
		size := int(sizes[n] * share)
		s.caseloads[a.ID] = s.register.real(slices.Sorted(slices.Values(followed[:size])))
		followed = followed[size:]
	}
}

// perCourse is how many people a course begins with.
const perCourse = 12

func (s *Staff) enrol(followed []int) {
	followed = shuffled(s.register.aside("enrolments"), followed)
	for _, course := range catalogue {
		size := min(perCourse, len(followed)/len(catalogue))
		course.Enrolled, followed = s.register.real(followed[:size]), followed[size:]
		s.courses = append(s.courses, course)
	}
}

// Organisations lists the organisations, in a fixed order.
func (s *Staff) Organisations() []roster.Organisation { return organisations }

// Agents lists the agents, the characters of the demonstration first.
func (s *Staff) Agents() []Agent { return s.agents }

// Agent returns the agent called id.
func (s *Staff) Agent(id roster.AccountID) (Agent, bool) {
	a, ok := s.byID[id]
	return a, ok
}

// Caseload is whom an adviser accompanies; it is empty for other roles. Nobody is
// in two caseloads.
func (s *Staff) Caseload(id roster.AccountID) []int { return s.caseloads[id] }

// Stranger is the n-th person whom an adviser of the agency accompanies: the
// characters have nothing to do with them. In a town so small that there are fewer
// it is the last of them.
func (s *Staff) Stranger(n int) (person int) {
	for _, agent := range s.agents {
		if agent.Organisation != "agence-valbourg-centre" {
			continue
		}
		for _, person = range s.caseloads[agent.ID] {
			if n == 0 {
				return person
			}
			n--
		}
	}
	return person
}

// Courses is the training catalogue.
func (s *Staff) Courses() []Course { return s.courses }

// Enrolments is whom a training organisation trains.
func (s *Staff) Enrolments(organisation roster.OrganisationID) []int {
	var people []int
	for _, course := range s.courses {
		if course.Organisation == organisation {
			people = append(people, course.Enrolled...)
		}
	}
	return people
}

// Appointments is whom an agent receives on a day, by time, in the day's zone;
// nobody is received at the week-end. An adviser's come from their caseload, a
// desk's from around Valbourg, a call centre's from anywhere.
func (s *Staff) Appointments(id roster.AccountID, on time.Time) []Appointment {
	agent := s.byID[id]
	if on.Weekday() == time.Saturday || on.Weekday() == time.Sunday {
		return nil
	}
	d := s.register.aside("appointments " + string(id) + on.Format(time.DateOnly))
	switch agent.Role {
	case roster.Adviser:
		count := min(4+d.below(5), len(s.caseloads[id]))
		return received(agent, Meeting, on, shuffled(d, s.caseloads[id])[:count], 45*time.Minute)
	case roster.Desk:
		return received(agent, DeskTicket, on, s.register.real(s.register.some(d, 15+d.below(11), basin)), 15*time.Minute)
	case roster.CallCentre:
		return received(agent, Call, on, s.register.real(s.register.some(d, 25+d.below(16), s.register.size)), 10*time.Minute)
	default:
		return nil
	}
}

// received spreads people over the working hours, which begin at nine.
func received(agent Agent, kind Kind, on time.Time, people []int, each time.Duration) []Appointment {
	opening := time.Date(on.Year(), on.Month(), on.Day(), 9, 0, 0, 0, on.Location())
	list := make([]Appointment, len(people))
	for n, person := range people {
		from := opening.Add(time.Duration(n) * each)
		list[n] = Appointment{Agent: agent.ID, Person: person, Kind: kind, From: from, Until: from.Add(each)}
	}
	return list
}

// some draws count different people among the first of the register.
func (r *Register) some(d *dice, count, among int) []int {
	among = min(among, r.size)
	people := make([]int, 0, count)
	for len(people) < min(count, among) {
		if i := d.below(among); !slices.Contains(people, i) {
			people = append(people, i)
		}
	}
	return people
}

// real leaves out the canaries among people: they come to no desk and call nobody.
func (r *Register) real(people []int) []int {
	return slices.DeleteFunc(slices.Clone(people), r.IsCanary)
}

// followedAround lists the people around Valbourg who are followed now.
func (r *Register) followedAround() []int {
	var followed []int
	for i := range min(basin, r.size) {
		if status, _ := r.standing(i, r.civil(i).birth); status == Registered {
			followed = append(followed, i)
		}
	}
	return followed
}

// aside returns dice for something that is not a person.
func (r *Register) aside(about string) *dice {
	sum := sha256.Sum256([]byte(about))
	d := dice(r.seed)
	for _, b := range sum[:8] {
		d = dice(mix(uint64(d) ^ uint64(b)))
	}
	return &d
}

// siret spells an establishment's number, whose first nine and fourteen digits
// both satisfy Luhn's check. Numbers that begin with 000 were never given.
func siret(company, establishment int) string {
	siren := withCheck(digits(company, 8))
	return withCheck(siren + digits(establishment, 4))
}

func digits(n, length int) string {
	text := make([]byte, length)
	for i := length - 1; i >= 0; i-- {
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return string(text)
}

func withCheck(number string) string {
	sum := 0
	for i := range number {
		n := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			n = n*2/10 + n*2%10
		}
		sum += n
	}
	return number + digits((10-sum%10)%10, 1)
}

var catalogue = []Course{
	{ID: "caces-chariots", Title: "Conduire un chariot élévateur (R489)", Organisation: "of-horizon", Place: "Valbourg", Starts: day(2026, time.September, 14), Hours: 70, About: "Deux semaines, dont trois jours de pratique, et l’examen."},
	{ID: "preparateur-commandes", Title: "Préparateur de commandes", Organisation: "of-horizon", Place: "Valbourg", Starts: day(2026, time.October, 5), Hours: 210, About: "Le métier complet, avec un stage de deux semaines en entrepôt."},
	{ID: "agent-entretien", Title: "Agent d’entretien des locaux", Organisation: "of-horizon", Place: "Moulins", Starts: day(2026, time.October, 19), Hours: 140, About: "Gestes, produits et organisation, sans condition de diplôme."},
	{ID: "aide-domicile", Title: "Assistant de vie à domicile", Organisation: "of-horizon", Place: "Vichy", Starts: day(2026, time.November, 2), Hours: 420, About: "Prépare au titre professionnel, trois stages."},
	{ID: "remise-a-niveau", Title: "Remise à niveau : français et calcul", Organisation: "of-horizon", Place: "Valbourg", Starts: day(2026, time.September, 21), Hours: 120, About: "En petits groupes, entrées possibles chaque lundi."},
	{ID: "anglais-accueil", Title: "Anglais de l’accueil", Organisation: "of-tremplin", Place: "Vichy", Starts: day(2026, time.October, 12), Hours: 60, About: "Recevoir et renseigner en anglais, au comptoir et au téléphone."},
	{ID: "bureautique", Title: "Bureautique, les bases", Organisation: "of-tremplin", Place: "Valbourg", Starts: day(2026, time.September, 28), Hours: 56, About: "Écrire, calculer, envoyer : trois logiciels libres, un poste par personne."},
	{ID: "secretaire-medicale", Title: "Secrétaire médicale ou médical", Organisation: "of-tremplin", Place: "Montluçon", Starts: day(2026, time.November, 9), Hours: 560, About: "Prépare au titre professionnel, stage de huit semaines."},
	{ID: "creation-entreprise", Title: "Créer son entreprise", Organisation: "of-tremplin", Place: "Valbourg", Starts: day(2026, time.October, 26), Hours: 35, About: "De l’idée au plan de financement, avec un suivi de six mois."},
}
