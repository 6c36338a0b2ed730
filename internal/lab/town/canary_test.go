package town_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"poterne/internal/lab/town"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// reserving is the town's register with one file in a hundred a canary's.
func reserving(t testing.TB, size int) *town.Register {
	t.Helper()
	key, err := register.NewKey(bytes.Repeat([]byte("k"), register.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	canaries, err := key.Canaries("town", 100)
	if err != nil {
		t.Fatal(err)
	}
	return people(t, size).Reserving(func(dossier string) bool { return canaries.Reserved(key.Person(dossier)) })
}

// Promise: WATCH-3
func TestWATCH_3_NobodyInTheTownHasToDoWithACanary(t *testing.T) {
	r := reserving(t, town.Demo)
	staff := town.NewStaff(r)
	met := make(map[int]string)
	for _, agent := range staff.Agents() {
		for _, i := range staff.Caseload(agent.ID) {
			met[i] = "in a caseload"
		}
		for d := range 28 {
			for _, a := range staff.Appointments(agent.ID, monday.AddDate(0, 0, d)) {
				met[a.Person] = "received"
			}
		}
	}
	for _, o := range staff.Organisations() {
		for _, i := range staff.Enrolments(o.ID) {
			met[i] = "enrolled"
		}
	}
	there := 0
	for i := range r.Size() {
		if r.IsCanary(i) {
			there++
			if how, met := met[i]; met {
				t.Errorf("canary %d is %s", i, how)
			}
		}
	}
	if there < town.Demo/150 || len(met) < 5000 {
		t.Errorf("%d canaries, and %d people whom somebody has to do with: too few to tell", there, len(met))
	}
}

func TestSomebodyAccompaniesStrangersAndNoCharacterDoes(t *testing.T) {
	r := reserving(t, 20_000)
	staff, met := town.NewStaff(r), map[int]bool{}
	for n := range 100 {
		person := staff.Stranger(n)
		met[person] = true
		var accompanied []roster.AccountID
		for _, agent := range staff.Agents() {
			if slices.Contains(staff.Caseload(agent.ID), person) {
				accompanied = append(accompanied, agent.ID)
			}
		}
		if r.IsCanary(person) || len(accompanied) != 1 || accompanied[0] == "pauline.mercier" || accompanied[0] == "karim.benali" {
			t.Fatalf("stranger %d is accompanied by %v", n, accompanied)
		}
	}
	if len(met) != 100 {
		t.Errorf("a hundred strangers are %d people", len(met))
	}
	if got := town.NewStaff(people(t, 1)).Stranger(5); got != 0 {
		t.Errorf("the only person there is is %d", got)
	}
}

// Promise: WATCH-3
func TestWATCH_3_ACanarysFileIsMadeAsEverybodys(t *testing.T) {
	with, without := reserving(t, 20_000), people(t, 20_000)
	for i := range 20_000 {
		if spelled(with.Person(i)) != spelled(without.Person(i)) {
			t.Fatalf("that there are canaries changes person %d", i)
		}
	}
}

// observed is what a patient thief can write down of one person: numbers that can
// be ordered, and words that cannot.
type observed struct {
	numbers map[string]float64
	words   map[string]string
}

// spy opens people's files in Dossier as fast as it can, looks for them by name and
// writes down whatever the pages show.
type spy struct {
	t                *testing.T
	register         *town.Register
	pages            http.Handler
	surnames, firsts map[string]float64 // how many people are called so
}

func newSpy(t *testing.T, r *town.Register) *spy {
	verify := func(string) (town.Caller, error) {
		return town.Caller{Account: "odile.garnier", Role: roster.Desk, Name: "Odile Garnier"}, nil
	}
	kept, err := town.OpenDatabases(t.Context(), t.TempDir(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	pages, err := town.NewDossier(t.Context(), town.Site{Register: r, Staff: town.NewStaff(r), Who: verify, Now: time.Now, Kept: kept.Dossier})
	if err != nil {
		t.Fatal(err)
	}
	s := &spy{t: t, register: r, pages: pages, surnames: map[string]float64{}, firsts: map[string]float64{}}
	for i := range r.Size() {
		p := r.Person(i)
		s.surnames[p.Surname]++
		s.firsts[p.First]++
	}
	return s
}

func (s *spy) get(path string) (body []byte, took time.Duration) {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	answer := httptest.NewRecorder()
	began := time.Now()
	s.pages.ServeHTTP(answer, request)
	took = time.Since(began)
	if answer.Code != http.StatusOK {
		s.t.Fatalf("a page answers %d", answer.Code)
	}
	return answer.Body.Bytes(), took
}

// look opens person i's file and looks for them by name.
func (s *spy) look(i int) observed {
	person := s.register.Person(i)
	body, _ := s.get("/files/" + person.Dossier)
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	field := func(name string) string { return text(one(s.t, root, "[data-field="+name+"]")) }
	date := func(selector string) time.Time {
		at, err := time.Parse(time.DateOnly, attr(one(s.t, root, selector+" time"), "datetime"))
		if err != nil {
			s.t.Fatal(err)
		}
		return at
	}
	birth, since := date("[data-field=birth]"), date("[data-field=since]")
	nir, mail, dossier := strings.ReplaceAll(field("nir"), " ", ""), field("mail"), field("dossier")
	number, _ := strconv.ParseFloat(dossier[:11], 64)
	street, _, _ := strings.Cut(field("address"), " ")
	house, _ := strconv.ParseFloat(street, 64)
	order, _ := strconv.ParseFloat(nir[10:13], 64)
	experience, _ := strconv.ParseFloat(strings.Fields(field("experience"))[0], 64)
	o := observed{
		numbers: map[string]float64{
			"place in the register": float64(i), "dossier number": number, "order in the NIR": order, "house": house,
			"how common the surname": s.surnames[person.Surname], "how common the first name": s.firsts[person.First],
			"length of the name": float64(len(field("name"))), "length of the address": float64(len(mail)),
			"born": float64(birth.Unix()), "day of birth": float64(birth.YearDay()), "registered": float64(since.Unix()),
			"experience": experience, "length of the file": float64(len(body)),
		},
		words: map[string]string{
			"end of the number": dossier[9:10], "letter of the number": dossier[11:], "beginning of the identifier": field("ft")[:1],
			"end of the identifier": field("ft")[7:], "month of birth": birth.Month().String(), "first of a month": fmt.Sprint(birth.Day() == 1),
			"NIR agrees":   fmt.Sprint(nir[1:3] == birth.Format("06"), nir[3:5] == birth.Format("01"), town.ValidNIR(nir)),
			"born at home": fmt.Sprint(strings.HasPrefix(field("commune"), person.Birthplace.Name)), "département": person.Commune.Department()[:1],
			"telephone": field("phone")[:8], "end of the telephone": field("phone")[13:], "post office": strings.TrimLeft(mail, "abcdefghijklmnopqrstuvwxyz0123456789.-_"),
			"shape of the page": shape(root),
			"status":            field("status"), "job": field("sought")[len(field("sought"))-6:], "day since": since.Weekday().String(),
		},
	}
	notes := all(root, "li.note")
	o.numbers["notes"], o.numbers["last written to"] = float64(len(notes)), 0
	for n, note := range notes {
		at, _ := time.Parse(time.DateOnly, attr(one(s.t, note, "time"), "datetime"))
		if n == 0 {
			o.numbers["last written to"] = float64(at.Unix())
		}
		_, by, _ := strings.Cut(text(one(s.t, note, ".by")), ", ")
		o.words["author of a note"], o.numbers["length of a note"] = by, float64(len(text(note)))
	}
	found, _ := s.get("/search?" + url.Values{"surname": {person.Surname}, "birth": {birth.Format(time.DateOnly)}}.Encode())
	o.numbers["found with others"] = float64(bytes.Count(found, []byte(`class="person"`)))
	if o.numbers["found with others"] < 1 {
		s.t.Fatalf("somebody is not found by name and birth date")
	}
	return o
}

// shape is the elements and attributes of a file, whatever they say. There are as
// many notes as there are.
func shape(n *html.Node) string {
	if n.Type == html.ElementNode && slices.Contains(classes(n), "notes") {
		return ""
	}
	said := n.Data
	if n.Type == html.TextNode {
		said = ""
	}
	for _, a := range n.Attr {
		said += " " + a.Key
	}
	for child := range n.ChildNodes() {
		said += shape(child)
	}
	return said
}

func classes(n *html.Node) []string { return strings.Fields(attr(n, "class")) }

// clock notes how long each person's file takes: the quickest of several times,
// taken in turns, so that what else the machine does falls on all of them.
func (s *spy) clock(people map[int]*observed) {
	quickest := make(map[int]time.Duration)
	for range 7 {
		for _, i := range slices.Sorted(maps.Keys(people)) {
			_, took := s.get("/files/" + s.register.Dossier(i))
			if before, again := quickest[i]; !again || took < before {
				quickest[i] = took
			}
		}
	}
	for i, took := range quickest {
		people[i].numbers["time"] = float64(took)
	}
}

// certainty is how unlikely a difference must be to tell: one honest comparison in
// a million would.
const certainty = 1e-6

// tells lists what tells the canaries from the others.
func tells(canaries, others []observed) (by []string) {
	for name := range canaries[0].numbers {
		if kolmogorov(numbers(canaries, name), numbers(others, name)) < certainty {
			by = append(by, name)
		}
	}
	for name := range canaries[0].words {
		if chiSquare(words(canaries, name), words(others, name)) < certainty {
			by = append(by, name)
		}
	}
	slices.Sort(by)
	return by
}

func numbers(people []observed, name string) (sorted []float64) {
	for _, o := range people {
		if n, there := o.numbers[name]; there {
			sorted = append(sorted, n)
		}
	}
	sort.Float64s(sorted)
	return sorted
}

func words(people []observed, name string) map[string]float64 {
	count := make(map[string]float64)
	for _, o := range people {
		if word, there := o.words[name]; there {
			count[word]++
		}
	}
	return count
}

// kolmogorov is the chance that two samples of one distribution differ as much as
// these, by Kolmogorov and Smirnov.
func kolmogorov(one, other []float64) float64 {
	largest, i, j := 0.0, 0, 0
	for i < len(one) && j < len(other) {
		at := min(one[i], other[j])
		for i < len(one) && one[i] == at {
			i++
		}
		for j < len(other) && other[j] == at {
			j++
		}
		largest = max(largest, math.Abs(float64(i)/float64(len(one))-float64(j)/float64(len(other))))
	}
	n := float64(len(one)) * float64(len(other)) / float64(len(one)+len(other))
	return min(1, 2*math.Exp(-2*n*largest*largest))
}

// chiSquare is the chance that two samples of one distribution differ as much as
// these, by Pearson, with Wilson and Hilferty's approximation. Rare words are
// taken together.
func chiSquare(one, other map[string]float64) float64 {
	type pair struct{ one, other float64 }
	var cells []pair
	var sum, rare pair
	all := maps.Clone(one)
	for word, n := range other {
		all[word] += n
	}
	for word, n := range all {
		sum.one, sum.other = sum.one+one[word], sum.other+other[word]
		if n < 50 {
			rare.one, rare.other = rare.one+one[word], rare.other+other[word]
			continue
		}
		cells = append(cells, pair{one[word], other[word]})
	}
	if rare.one+rare.other >= 50 {
		cells = append(cells, rare)
	}
	if len(cells) < 2 {
		return 1
	}
	statistic, share := 0.0, sum.one/(sum.one+sum.other)
	for _, c := range cells {
		expected, unexpected := share*(c.one+c.other), (1-share)*(c.one+c.other)
		statistic += (c.one-expected)*(c.one-expected)/expected + (c.other-unexpected)*(c.other-unexpected)/unexpected
	}
	free := float64(len(cells) - 1)
	z := (math.Cbrt(statistic/free) - (1 - 2/(9*free))) / math.Sqrt(2/(9*free))
	return math.Erfc(z/math.Sqrt2) / 2
}

// Promise: WATCH-3
func TestWATCH_3_NothingThatThePagesShowTellsACanary(t *testing.T) {
	const size = 40_000
	r := reserving(t, size)
	s := newSpy(t, r)
	canaries, others := make(map[int]*observed), make(map[int]*observed)
	both := make(map[int]*observed)
	for i := range r.Size() {
		there := others
		if r.IsCanary(i) {
			there = canaries
		} else if i%50 != 0 { // every fiftieth will do
			continue
		}
		o := s.look(i)
		there[i], both[i] = &o, &o
	}
	s.clock(both)
	values := func(people map[int]*observed) (list []observed) {
		for _, i := range slices.Sorted(maps.Keys(people)) {
			list = append(list, *people[i])
		}
		return list
	}
	birds, rest := values(canaries), values(others)
	t.Logf("%d canaries and %d others, by %d features", len(birds), len(rest), len(birds[0].numbers)+len(birds[0].words))
	if by := tells(birds, rest); len(by) > 0 {
		t.Errorf("a canary can be told by %v", by)
	}

	// The same look finds out canaries that somebody made badly, every second of them.
	for bad, spoil := range map[string]func(observed){
		"first of a month":          func(o observed) { o.words["first of a month"] = "true" },
		"how common the surname":    func(o observed) { o.numbers["how common the surname"] = 1 },
		"last written to":           func(o observed) { o.numbers["last written to"] = 0 },
		"registered":                func(o observed) { o.numbers["registered"] -= 10 * 365 * 86400 },
		"dossier number":            func(o observed) { o.numbers["dossier number"] = 1e10 + o.numbers["dossier number"]/100 },
		"place in the register":     func(o observed) { o.numbers["place in the register"] = size },
		"telephone":                 func(o observed) { o.words["telephone"] = "01 99 00" },
		"author of a note":          func(o observed) { o.words["author of a note"] = "Poste de garde" },
		"job":                       func(o observed) { o.words["job"] = "M1607" },
		"length of the file":        func(o observed) { o.numbers["length of the file"] += 1000 },
		"shape of the page":         func(o observed) { o.words["shape of the page"] += " data-guard" },
		"found with others":         func(o observed) { o.numbers["found with others"] += 3 },
		"how common the first name": func(o observed) { o.numbers["how common the first name"] *= 4 },
	} {
		badly := make([]observed, len(birds))
		for n, o := range birds {
			badly[n] = observed{maps.Clone(o.numbers), maps.Clone(o.words)}
			if n%2 == 0 {
				spoil(badly[n])
			}
		}
		if by := tells(badly, rest); !slices.Equal(by, []string{bad}) {
			t.Errorf("a bad %q is found out by %v", bad, by)
		}
	}
	slow := make([]observed, len(birds))
	for n, o := range birds {
		slow[n] = observed{maps.Clone(o.numbers), o.words}
		slow[n].numbers["time"] *= 1.15
	}
	if by := tells(slow, rest); !slices.Equal(by, []string{"time"}) {
		t.Errorf("canaries that take a seventh longer are found out by %v", by)
	}
}

// Promise: SCOPE-4
func TestSCOPE_4_TheTownsSearchIsForOneKnownPerson(t *testing.T) {
	p := newPlace(t)
	who := p.register.Person(17)
	birth := who.Birth.Format(time.DateOnly)
	for name, asked := range map[string]url.Values{
		"a beginning and a star":  {"surname": {who.Surname[:4] + "*"}, "birth": {birth}},
		"a star":                  {"surname": {"*"}, "birth": {birth}},
		"a per cent sign":         {"surname": {"%"}, "birth": {birth}},
		"no letter at all":        {"surname": {"--"}, "birth": {birth}},
		"half a first name":       {"surname": {who.Surname}, "birth": {birth}, "first": {who.First[:2]}},
		"a number with a star":    {"dossier": {who.Dossier[:8] + "*"}},
		"only the digits":         {"dossier": {who.Dossier[:11]}},
		"the number of a commune": {"dossier": {who.Commune.Code}},
	} {
		if root := p.page(p.ask("odile.garnier", "dossier", "GET", "/search?"+asked.Encode(), nil), 200); len(all(root, "tr.person")) > 0 {
			t.Errorf("%s finds somebody", name)
		}
	}
	for name, asked := range map[string]url.Values{
		"a place": {"commune": {who.Commune.Name}}, "a surname alone": {"surname": {who.Surname}}, "a birth date alone": {"birth": {birth}},
		"a year": {"surname": {who.Surname}, "birth": {birth[:4]}}, "a first name and a date": {"first": {who.First}, "birth": {birth}},
	} {
		root := p.page(p.ask("odile.garnier", "dossier", "GET", "/search?"+asked.Encode(), nil), 422)
		one(t, root, "#problem")
		if len(all(root, "tr.person")) > 0 {
			t.Errorf("%s finds somebody", name)
		}
	}
}
