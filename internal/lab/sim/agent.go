package sim

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"poterne/internal/gate"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// people addresses the register without storing it.
type people struct {
	key      register.Key
	canaries register.Canaries
}

func newPeople() (people, error) {
	key, err := register.NewKey([]byte("a key for people who do not exist"))
	if err != nil {
		return people{}, err
	}
	canaries, err := key.Canaries("town", canariesIn)
	return people{key, canaries}, err
}

// isCanary reports whether somebody exists for the guard only. Nobody accompanies them.
func (p people) isCanary(person register.PersonID, at time.Time) bool {
	return !isFollowed(person) && p.canaries.Live(person, at)
}

func (p people) number(n uint64) register.PersonID {
	return p.key.Person(strconv.FormatUint(n%Size, 10))
}

// anybody draws somebody out of the whole register.
func (p people) anybody(rng *rand.Rand) register.PersonID { return p.number(rng.Uint64N(Size)) }

// nearby draws whom an agent comes across without a reason: a colleague's people,
// mostly.
func (p people) nearby(rng *rand.Rand) register.PersonID {
	person, colleagues := p.anybody(rng), rng.Float64() < doubtFollowed
	for isFollowed(person) != colleagues {
		person = p.anybody(rng)
	}
	return person
}

// followed draws somebody whom somebody accompanies.
func (p people) followed(rng *rand.Rand) register.PersonID {
	for {
		if person := p.anybody(rng); isFollowed(person) {
			return person
		}
	}
}

// isFollowed reports whether somebody somewhere accompanies the person. Pseudonyms
// are drawn evenly, so a byte of theirs is a lot.
func isFollowed(person register.PersonID) bool { return float64(person[15]) < 256*followed }

// agent is one member of staff, with everything other systems say about whom
// they have to do with.
type agent struct {
	asker  gate.Asker
	people people
	facts  map[register.PersonID][]reason.Fact
	made   int    // facts, to number them
	late   []told // facts that a system told after a moment
	device string // the agent's own
	fresh  bool   // did nothing before the replay begins
}

// newAgent hires somebody with a habilitation for what their role opens.
func newAgent(people people, account roster.AccountID, role roster.Role) *agent {
	use := useOf(role)
	return &agent{
		people: people, facts: make(map[register.PersonID][]reason.Fact), device: "device-of-" + string(account),
		asker: gate.Asker{
			Account: account, Organisation: "house-of-" + roster.OrganisationID(account), Role: role, Opened: Beginning.AddDate(-1, 0, 0),
			Habilitations: []roster.Habilitation{{
				Account: account, Service: use.service, Purpose: use.purpose,
				From: Beginning.AddDate(-1, 0, 0), Until: Beginning.AddDate(2, 0, 0),
			}},
		},
	}
}

// tell takes in what a system says of somebody around a moment. An enrolment is
// with the organisation, everything else with the account.
func (a *agent) tell(kind reason.FactKind, person register.PersonID, at time.Time) {
	fact := reason.Fact{Kind: kind, Person: person, From: at.Add(-live[kind].before), Until: at.Add(live[kind].after)}
	if kind == reason.Enrolment {
		fact.Organisation = a.asker.Organisation
	} else {
		fact.Account = a.asker.Account
	}
	a.add(fact)
}

// learns takes in what a system says of somebody around a moment, and says only so long
// after it.
func (a *agent) learns(kind reason.FactKind, person register.PersonID, at time.Time, after time.Duration) {
	a.late = append(a.late, told{at.Add(after), person})
	a.add(reason.Fact{Kind: kind, Account: a.asker.Account, Person: person, From: at.Add(after), Until: at.Add(after + live[kind].after)})
}

// told is that a system told of a person at a moment.
type told struct {
	at     time.Time
	person register.PersonID
}

// add takes in a fact as it is.
func (a *agent) add(fact reason.Fact) {
	a.made++
	fact.Source, fact.ID = "town", strconv.Itoa(a.made)
	a.facts[fact.Person] = append(a.facts[fact.Person], fact)
}

// accompany gives the agent n people, from the beginning.
func (a *agent) accompany(rng *rand.Rand, n int) []register.PersonID {
	kind := reason.Caseload
	if a.asker.Role == roster.Training {
		kind = reason.Enrolment
	}
	caseload := make([]register.PersonID, n)
	for i := range caseload {
		caseload[i] = a.people.anybody(rng)
		a.tell(kind, caseload[i], Beginning)
	}
	return caseload
}

// cover has a manager declare that the agent stands in for a colleague with this
// caseload.
func (a *agent) cover(absent roster.AccountID, caseload []register.PersonID, from, until time.Time) {
	a.asker.Covers = append(a.asker.Covers, reason.Duty{
		CoverDuty: reason.CoverDuty{
			Absent: absent, Substitute: a.asker.Account, DeclaredBy: "manager", From: from, Until: until,
			Source: "town", ID: fmt.Sprintf("cover-%d", len(a.asker.Covers)),
		},
		AbsentIn: a.asker.Organisation, DeclaredIn: a.asker.Organisation, Managed: true,
	})
	for _, person := range caseload {
		a.add(reason.Fact{Kind: reason.Caseload, Account: absent, Person: person, From: Beginning.AddDate(0, -1, 0), Until: Beginning.AddDate(1, 0, 0)})
	}
}

// stream is a source of chance of its own for each seed and name, so that what
// one agent draws changes nothing for another.
func stream(seed uint64, name string) *rand.Rand {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, hash.Sum64()))
}

// logNormal draws around a median.
func logNormal(rng *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*rng.NormFloat64())
}

// NegativeBinomial draws a count with this mean and variance over mean.
func NegativeBinomial(rng *rand.Rand, mean, dispersion float64) int {
	if dispersion > 1 {
		mean = gamma(rng, mean/(dispersion-1)) * (dispersion - 1)
	}
	return poisson(rng, mean)
}

// gamma draws from the gamma law of scale 1, by Marsaglia and Tsang.
func gamma(rng *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(rng, shape+1) * math.Pow(rng.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	for {
		x := rng.NormFloat64()
		v := math.Pow(1+x/math.Sqrt(9*d), 3)
		if v > 0 && math.Log(1-rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// poisson counts arrivals within mean, by Knuth.
func poisson(rng *rand.Rand, mean float64) (count int) {
	for left := mean + math.Log(1-rng.Float64()); left > 0; left += math.Log(1 - rng.Float64()) {
		count++
	}
	return count
}
