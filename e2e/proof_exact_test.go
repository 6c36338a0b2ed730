package e2e

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// adviserHour is how many people without a reason the demonstration allows an
// adviser within an hour.
const adviserHour = 3

// Acceptance A5 of the spine: two hundred requests at once, of one account in ten
// browsers, disclose exactly the allowance; and a restart forgives nothing.
//
// Promises: METER-1, METER-3, LEDGER-1
func TestMETER_3_ParallelRequestsDiscloseExactlyTheAllowanceAndRestartsForgiveNothing(t *testing.T) {
	t.Parallel()
	const sessions, asked = 10, 200
	d := startDemo(t, t.TempDir())
	browsers := make([]*life.Browser, sessions)
	for i := range browsers {
		browsers[i] = d.browser("pauline.mercier")
	}

	received := make(map[int]bool)
	strangers := d.strangers(2*asked, "pauline.mercier")
	d.openAtOnce(browsers, strangers[:asked], received)
	// Whoever asks for so many at once may be frozen before the allowance is empty;
	// TestRUN_3_NodesBehindALoadBalancerAreOneGate observes that, and empties it.
	if charged := d.holds("pauline.mercier", received); charged == 0 || charged > adviserHour {
		t.Errorf("%d strangers are charged, the allowance is %d", charged, adviserHour)
	}

	d.kill()
	again := startDemoAt(t, d.dir, d.port) // the sessions go on
	again.openAtOnce(browsers, strangers[asked:], received)
	if charged := again.holds("pauline.mercier", received); charged > adviserHour {
		t.Errorf("after a restart, %d strangers are charged in all", charged)
	}

	mine := again.staff.Caseload("pauline.mercier")[0]
	if page := again.get(browsers[0], again.file(mine)); page.Status != http.StatusOK {
		t.Errorf("somebody of her caseload: status %d", page.Status)
	}
}

// A mail address tells whose file it is, and a refusal cannot have it from the
// request.
var anyMail = regexp.MustCompile(`[a-z0-9.-]+@(?:courriel|messagerie|postale|boite)\.example`)

// strangers returns people with whom the account has nothing to do.
func (d *demo) strangers(count int, account roster.AccountID) (people []int) {
	mine := d.staff.Caseload(account)
	for day := range 10 { // the demonstration takes the next working day
		for _, a := range d.staff.Appointments(account, time.Now().AddDate(0, 0, day-1)) {
			mine = append(mine[:len(mine):len(mine)], a.Person)
		}
	}
	for person := d.register.Size() - 1; len(people) < count; person-- {
		if !slices.Contains(mine, person) && !d.register.IsCanary(person) {
			people = append(people, person)
		}
	}
	return people
}

// openAtOnce opens everybody's file, all at the same time, and adds to received
// whoever came back in a body, whatever its status.
func (d *demo) openAtOnce(browsers []*life.Browser, people []int, received map[int]bool) {
	d.t.Helper()
	var mu sync.Mutex // guards received and statuses
	statuses := make(map[int]int)
	var asking sync.WaitGroup
	begin := make(chan struct{})
	for n, person := range people {
		asking.Go(func() {
			<-begin
			page, err := browsers[n%len(browsers)].Get(d.t.Context(), d.file(person))
			if err != nil {
				d.t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[page.Status]++
			for _, mail := range anyMail.FindAllString(string(page.Body), -1) {
				person, known := d.register.ByMail(mail)
				if !known {
					d.t.Errorf("%s is nobody's address", mail)
				}
				received[person] = true
			}
		})
	}
	close(begin)
	asking.Wait()
	if statuses[http.StatusOK]+statuses[http.StatusForbidden] != len(people) {
		d.t.Errorf("files were answered with %v", statuses)
	}
}

// holds holds the ledger against what an account has received: everybody is charged, once,
// and nobody else, unless the account was frozen while their file was on its way: that still
// stopped it. It returns how many are charged.
func (d *demo) holds(account roster.AccountID, received map[int]bool) (charged int) {
	d.t.Helper()
	key := pseudonymKey(d.t, d.dir)
	missing := make(map[register.PersonID]bool)
	for person := range received {
		missing[key.Person(d.register.Dossier(person))] = true
	}
	kept := 0 // charged and not received, before a freeze
	for _, e := range entries(d.t, filepath.Join(d.dir, "poterne.db"), 0) {
		switch {
		case e.Account == account && e.Disclosed() && !e.Reason.Explained():
			charged++
			if !missing[e.Person] {
				kept++
			}
			delete(missing, e.Person)
		case e.Kind == ledger.Placed && e.Why.Freezes():
			kept = 0
		}
	}
	if kept > 0 {
		d.t.Errorf("the ledger discloses %d strangers who were not received, and nothing stopped them", kept)
	}
	if len(missing) > 0 {
		d.t.Errorf("%d strangers were received, and no entry charges them", len(missing))
	}
	return charged
}
