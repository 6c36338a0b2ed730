package siem

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
)

// schema is the version of OCSF that events are written in.
const schema = "1.8.0"

// The classes of OCSF that entries are told as.
const (
	accountChange     = 3001
	authentication    = 3002
	userAccess        = 3005
	datastoreActivity = 6005
	detectionFinding  = 2004
	incidentFinding   = 2005
)

// Activities of those classes.
const (
	other = 99

	created, updated, closed = 1, 2, 3 // of a finding

	accountCreate, accountEnable, accountDisable, accountDelete = 1, 2, 5, 6
	accountLock, factorEnable, factorDisable, accountUnlock     = 9, 10, 11, 12

	logon, logoff = 1, 2

	assignPrivileges, revokePrivileges = 1, 2

	read, update, query, write, create, erase = 1, 2, 4, 5, 6, 7 // of a datastore
)

const (
	informational, medium, high, critical = 1, 3, 4, 5 // severities
	success, failure                      = 1, 2       // statuses
)

// Event is one entry of the ledger in the words of OCSF. It names no person of the register,
// by no pseudonym either: whoever may know looks the entry up by its number.
type Event struct {
	ActivityID   int    `json:"activity_id"`
	ActivityName string `json:"activity_name"` // what the ledger calls it
	CategoryUID  int    `json:"category_uid"`
	ClassUID     int    `json:"class_uid"`
	TypeUID      int    `json:"type_uid"`
	SeverityID   int    `json:"severity_id"`
	StatusID     int    `json:"status_id"`
	StatusDetail string `json:"status_detail,omitempty"` // on what ground
	Time         int64  `json:"time"`                    // in milliseconds
	Message      string `json:"message,omitempty"`       // what a person wrote
	Metadata     meta   `json:"metadata"`

	Actor       *actor    `json:"actor,omitempty"`
	SrcEndpoint *endpoint `json:"src_endpoint,omitempty"`
	Database    *database `json:"database,omitempty"`
	TypeID      int       `json:"type_id,omitempty"` // of the datastore
	User        *user     `json:"user,omitempty"`
	Service     *service  `json:"service,omitempty"`
	Privileges  []string  `json:"privileges,omitempty"`
	Finding     *finding  `json:"finding_info,omitempty"`
	Findings    []finding `json:"finding_info_list,omitempty"`
	Assignee    *user     `json:"assignee,omitempty"`
}

type (
	meta struct {
		Version     string  `json:"version"`
		UID         string  `json:"uid"`      // the number of the entry
		Sequence    int64   `json:"sequence"` // likewise
		Product     product `json:"product"`
		LogName     string  `json:"log_name"`
		Correlation string  `json:"correlation_uid,omitempty"` // the entry that brought it about, or the first of the same passage
	}
	product struct {
		Name   string `json:"name"`
		Vendor string `json:"vendor_name"`
	}
	actor struct {
		User    *user    `json:"user,omitempty"`
		Session *session `json:"session,omitempty"`
	}
	user struct {
		UID  string        `json:"uid"`
		Org  *organization `json:"org,omitempty"`
		Name string        `json:"name,omitempty"`
	}
	organization struct {
		UID string `json:"uid"`
	}
	session struct {
		UID string `json:"uid"`
	}
	endpoint struct {
		Name string `json:"name"` // the class of network
		UID  string `json:"uid,omitempty"`
	}
	database struct {
		Name   string `json:"name"`
		TypeID int    `json:"type_id"`
	}
	service struct {
		Name string `json:"name"`
	}
	finding struct {
		UID   string `json:"uid"`
		Title string `json:"title"`
	}
)

// EventOf tells one entry of the ledger. Every entry has one event.
func EventOf(e ledger.Entry) Event {
	number := strconv.FormatUint(uint64(e.Number), 10)
	v := Event{
		ActivityName: e.Kind.String(), SeverityID: informational, StatusID: success, Time: e.Time.UnixMilli(), Message: e.Note,
		Metadata: meta{Version: schema, UID: number, Sequence: int64(e.Number), Product: product{"Poterne", "Poterne"}, LogName: "ledger"},
		Actor:    &actor{User: userOf(e)},
	}
	if e.State != "" {
		v.ActivityName += " " + string(e.State)
	}
	switch {
	case e.Cause != 0:
		v.Metadata.Correlation = strconv.FormatUint(uint64(e.Cause), 10)
	case e.Receipt != e.Number:
		v.Metadata.Correlation = strconv.FormatUint(uint64(e.Receipt), 10)
	}
	if e.Session != "" {
		v.Actor.Session = &session{string(e.Session)}
	}
	switch e.Kind {
	case ledger.Consulted, ledger.Attempted:
		v.passage(e, read)
		if e.Kind == ledger.Attempted {
			v.StatusID = failure
		}
	case ledger.Changed:
		v.passage(e, update)
	case ledger.Placed, ledger.Lifted:
		v.order(e)
	case ledger.SignIn, ledger.Session, ledger.SignedOut, ledger.SteppedUp, ledger.Matched:
		v.signIn(e)
	case ledger.Filed:
		v.file(e)
	case ledger.Signalled:
		v.detect(number, v.ActivityName, medium)
	case ledger.BrokeGlass, ledger.Reconciled:
		v.detect(number, v.ActivityName, high)
	case ledger.Raised, ledger.Cosigned, ledger.ArchiveOpened, ledger.Permitted, ledger.Refunded, ledger.RightGiven:
		v.access(assignPrivileges, subject(e), e.Kind.String())
	case ledger.PermitEnded:
		v.access(revokePrivileges, subject(e), e.Kind.String())
	case ledger.Reopening, ledger.Ticked, ledger.TakenUp, ledger.PermitAsked, ledger.NIRAsked, ledger.RightAsked, ledger.ReadingAsked, ledger.HoldAsked, ledger.ReleaseAsked, ledger.Mandated:
		v.access(other, subject(e), named(e))
	case ledger.OrganisationAsked, ledger.OrganisationSet:
		v.access(other, subject(e), "organisation "+string(e.Organisation))
	case ledger.Assigned, ledger.Proposed, ledger.Approved, ledger.Declined, ledger.Accepted, ledger.Joined, ledger.Ended, ledger.Admitted,
		ledger.Reviewed, ledger.Lapsed, ledger.Certified, ledger.Enrolled, ledger.Unenrolled, ledger.Recovery, ledger.Diverged, ledger.Readmitted:
		v.class(accountChange, accountActivities[e.Kind])
		v.User = subject(e)
	default:
		v.ledger(e)
	}
	return v
}

// accountActivities are what each kind does to an account; other where OCSF has no word.
var accountActivities = map[ledger.Kind]int{
	ledger.Joined: accountCreate, ledger.Approved: accountEnable, ledger.Admitted: accountEnable, ledger.Ended: accountDelete, ledger.Lapsed: accountDisable,
	ledger.Diverged: accountDisable, ledger.Readmitted: accountEnable, ledger.Enrolled: factorEnable, ledger.Unenrolled: factorDisable,
	ledger.Assigned: other, ledger.Proposed: other, ledger.Declined: other, ledger.Accepted: other, ledger.Reviewed: other, ledger.Certified: other, ledger.Recovery: other,
}

// class sets what the event is, which its type repeats.
func (v *Event) class(class, activity int) {
	v.ClassUID, v.CategoryUID, v.ActivityID, v.TypeUID = class, class/1000, activity, class*100+activity
}

// passage tells of a person who was shown, or was not.
func (v *Event) passage(e ledger.Entry, activity int) {
	v.class(datastoreActivity, activity)
	v.datastore(string(e.Service), e.Network)
	v.StatusDetail = e.Why.String()
	if !e.Verdict.Shows() {
		v.StatusID = failure
	}
	switch {
	case e.Why == policy.CanaryOpened && !e.Observed:
		v.SeverityID = critical
	case e.Why.Freezes() && !e.Observed:
		v.SeverityID = high
	case !e.Verdict.Shows() || e.Unexplained():
		v.SeverityID = medium
	}
}

func (v *Event) datastore(name, network string) {
	if name == "" {
		name = "poterne"
	}
	if network == "" {
		network = "unknown"
	}
	v.TypeID = 1 // a database
	v.Database, v.SrcEndpoint = &database{name, other}, &endpoint{Name: network}
}

// order tells of an order. One that the rules place is something that they found.
func (v *Event) order(e ledger.Entry) {
	placed := e.Kind == ledger.Placed
	v.ActivityName += " " + string(e.Effect) + " " + string(e.Reach)
	switch {
	case placed && e.Account == journal.Itself:
		v.StatusDetail = e.Why.String()
		v.detect(v.Metadata.UID, string(e.Effect)+" "+string(e.Reach)+" "+e.Target+": "+e.Why.String(), high)
	case e.Reach == order.Account:
		activity := map[bool]int{true: accountDisable, false: accountEnable}[placed]
		if e.Effect == order.Frozen || e.Effect == order.Narrowed {
			activity = map[bool]int{true: accountLock, false: accountUnlock}[placed]
		}
		v.class(accountChange, activity)
		v.User = &user{UID: cmp.Or(e.Target, "nobody")}
	case placed != (e.Reach == order.Source):
		v.access(revokePrivileges, &user{UID: named(e), Name: named(e)}, string(e.Effect))
	default:
		v.access(assignPrivileges, &user{UID: named(e), Name: named(e)}, string(e.Effect))
	}
	if placed {
		v.SeverityID = high
	}
}

// named says whom an order reaches that is on no one account.
func named(e ledger.Entry) string {
	if text := strings.TrimSpace(string(e.Reach) + " " + e.Target); text != "" {
		return text
	}
	return "everything"
}

func (v *Event) access(activity int, of *user, privilege string) {
	v.class(userAccess, activity)
	v.User, v.Privileges = of, []string{cmp.Or(privilege, "any")}
}

func (v *Event) signIn(e ledger.Entry) {
	v.class(authentication, other)
	v.User, v.Service = userOf(e), &service{"poterne"}
	if e.Network != "" {
		v.SrcEndpoint = &endpoint{Name: e.Network, UID: e.Device}
	}
	switch e.Kind {
	case ledger.SignIn:
		v.class(authentication, logon)
		if e.State != ledger.Granted {
			v.StatusID, v.SeverityID, v.StatusDetail = failure, medium, string(e.State)
		}
	case ledger.Session, ledger.SignedOut:
		v.class(authentication, logoff)
		v.StatusDetail = string(e.State)
	case ledger.Matched: // of people of the register nothing is told
		v.class(authentication, logon)
		v.User = &user{UID: "person-of-the-register"}
		if v.Actor.User = v.User; e.State != ledger.OnePerson && e.State != ledger.Represents {
			v.StatusID = failure
		}
	}
}

func (v *Event) detect(uid, title string, severity int) {
	v.class(detectionFinding, created)
	v.Actor = nil                          // OCSF has none here
	v.StatusID, v.SeverityID = 1, severity // new
	v.Finding = &finding{uid, title}
}

func (v *Event) file(e ledger.Entry) {
	activity, status, file := updated, 2, e.Cause // in progress
	if e.From != 0 {
		file = e.From
	}
	switch e.State {
	case incident.Opened:
		activity, status, file = created, 1, e.Number
	case incident.Closed, incident.MergedInto, incident.Escalated:
		activity, status = closed, 5
	}
	v.class(incidentFinding, activity)
	v.Actor = nil
	v.StatusID, v.SeverityID, v.Assignee = status, high, userOf(e)
	title := "incident "
	if e.Target == incident.AnExercise {
		title, v.SeverityID = "exercise, no incident: file ", informational
	}
	if e.Target == incident.AnExercise && e.State == incident.Opened && e.Count > 0 { // a theft may be called an exercise
		title, v.SeverityID = "exercise, whose accounts are stopped: file ", high
	}
	v.Findings = []finding{{fmt.Sprint(file), title + fmt.Sprint(file)}}
}

// ledger tells of what was done to the ledger, or to what other systems told.
func (v *Event) ledger(e ledger.Entry) {
	activity := map[ledger.Kind]int{
		ledger.Opened: create, ledger.Imported: write, ledger.Read: query, ledger.Named: read, ledger.Dropped: erase,
		ledger.Questioned: write, ledger.Answered: write, ledger.Retained: update, ledger.Held: update, ledger.Released: update,
		ledger.Configured: update, ledger.ConfigurationSet: update, ledger.Glossed: update,
	}[e.Kind]
	if activity == 0 {
		activity = other // an entry of a newer program
	}
	v.class(datastoreActivity, activity)
	v.datastore("ledger", e.Network)
	if e.Kind == ledger.Named || e.Kind == ledger.Dropped {
		v.SeverityID = medium
	}
}

// userOf is who acts.
func userOf(e ledger.Entry) *user {
	u := &user{UID: string(e.Account)}
	if u.UID == "" {
		u.UID = "nobody"
	}
	if e.Organisation != "" {
		u.Org = &organization{string(e.Organisation)}
	}
	return u
}

// subject is the account that an act is about.
func subject(e ledger.Entry) *user {
	switch {
	case e.Subject != "":
		return &user{UID: string(e.Subject)}
	case e.Kind == ledger.Assigned:
		return &user{UID: named(e)}
	default:
		return userOf(e)
	}
}
