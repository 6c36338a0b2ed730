package desk

import (
	"net/http"
	"net/url"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// campaigns is the page of what no single decision shows: accounts that act together, and
// accounts that stay just inside their limits for weeks.
type campaigns struct {
	base
	campaigns Campaigns
	usage     Usage
	arrivals  Arrivals
	journal   Journal
}

// campaignsPage answers the security desk: do accounts act together?
type campaignsPage struct {
	portal.Page
	Behind      bool // the ledger is not read to its end yet
	Alarms      []alarmState
	Top         int // what the end of the bars' scale stands for
	Thefts      []theftState
	Narrowed    []measureState
	Surges      []surgeState
	Noticed     []noticeState
	Arrived     []arrivalState
	MoreArrived int
	MoreNoticed int
	Compares    bool // there are weeks enough to compare an hour with
}

// alarmState is an alarm, as the desk shows it.
type alarmState struct {
	campaign.Alarm
	Sentence string
	What     string // what is shared, by the name people know
	First    []accountName
	More     int            // accounts that are not among the first
	Narrowed []measureState // in force on what is shared
	Freezing string         // where its accounts are frozen at once; empty of too many
	Bar      campaignBar
}

// campaignBar is how many people without a reason an alarm's accounts asked for, beside what
// would be usual, as lengths on the scale of all alarms.
type campaignBar struct{ People, Usual int }

// barWide is how long the scale of the bars is.
const barWide = 600

// drawBars draws the alarms as bars on one scale, and returns what its end stands for.
func drawBars(alarms []alarmState) (top int) {
	most := 0
	for _, a := range alarms {
		most = max(most, a.People, a.Usual)
	}
	for top = 10; top < most; top *= 2 {
	}
	for i, a := range alarms {
		alarms[i].Bar = campaignBar{People: max(2, a.People*barWide/top), Usual: a.Usual * barWide / top}
	}
	return top
}

// accountName is an account to go to.
type accountName struct {
	ID           roster.AccountID
	Name         string
	Organisation string
}

// theftState is an account held to be stolen, as the desk shows it.
type theftState struct {
	accountName
	At       time.Time
	Sentence string
}

// surgeState is an hour that stands out of the whole register.
type surgeState struct {
	From     time.Time
	Sentence string
}

// noticeState is an account that uses nearly all that it may, as the desk shows it.
type noticeState struct {
	accountName
	Role      string
	Sentence  string
	Sentences []string // of each limit
}

// arrivalState is many people told to be one account's, as the desk shows it.
type arrivalState struct {
	accountName
	Day      time.Time
	Sentence string
}

// noticesNamed is how many such accounts are named, those furthest beyond.
const noticesNamed = 50

// accountsNamed is how many accounts of an alarm are named, the heaviest.
const accountsNamed = 12

// page shows them.
func (c campaigns) page(v visit) error {
	if err := v.Record(ledger.Entry{State: ledger.CampaignRead}); err != nil {
		return err
	}
	picture, measures := c.campaigns.Picture(), c.measures(v)
	noticed, whole, err := c.usage.List(v.Context())
	if err != nil {
		return err
	}
	shown := campaignsPage{
		Page: v.Page(path, "campaign.title"), Behind: !whole || picture.UpTo+behindBy < c.journal.Next(),
		Compares: picture.Compares,
	}
	for _, m := range measures {
		if m.Effect == order.Narrowed {
			shown.Narrowed = append(shown.Narrowed, m)
		}
	}
	for _, a := range picture.Alarms {
		shown.Alarms = append(shown.Alarms, alarmOf(v.labels, a, measures))
	}
	shown.Top = drawBars(shown.Alarms)
	for _, t := range picture.Thefts {
		shown.Thefts = append(shown.Thefts, theftState{named(v.labels, t.Account), t.At, v.Speaker.Sentence(t)})
	}
	for _, s := range picture.Surges {
		shown.Surges = append(shown.Surges, surgeState{s.From, v.Speaker.Say("campaign.surge",
			"role", v.Speaker.Role(s.Role), "people", s.People,
			"usual", s.Usual, "weeks", s.Weeks)})
	}
	shown.MoreNoticed = max(0, len(noticed)-noticesNamed)
	for _, n := range noticed[:len(noticed)-shown.MoreNoticed] {
		state := noticeState{named(v.labels, n.Account), v.Speaker.Role(n.Role), v.Speaker.Sentence(n), nil}
		for _, u := range n.Uses {
			state.Sentences = append(state.Sentences, v.Speaker.Sentence(u))
		}
		shown.Noticed = append(shown.Noticed, state)
	}
	arrived := c.arrivals.List()
	shown.MoreArrived = max(0, len(arrived)-noticesNamed)
	for _, a := range arrived[:len(arrived)-shown.MoreArrived] {
		shown.Arrived = append(shown.Arrived, arrivalState{named(v.labels, a.Account), a.Day, v.Speaker.Sentence(a)})
	}
	c.pages.Show(v.Visit, http.StatusOK, "campaigns.html", shown)
	return nil
}

// behindBy is how many entries a picture may be behind and still be called whole:
// they are taken in as they are written, this reading among them.
const behindBy = 1000

func named(labels portal.Labels, id roster.AccountID) accountName {
	return accountName{id, labels.Account(id), labels.Organisation(labels.Accounts[id].Organisation)}
}

// alarmOf says an alarm to the security desk.
func alarmOf(labels portal.Labels, a campaign.Alarm, measures []measureState) alarmState {
	state := alarmState{Alarm: a, Sentence: labels.Speaker.Sentence(a), What: sharedBy(labels, a.Bond), More: max(0, len(a.Accounts)-accountsNamed)}
	for _, id := range a.Accounts[:len(a.Accounts)-state.More] {
		state.First = append(state.First, named(labels, id))
	}
	if n := len(a.Accounts); n > 0 && n <= mostCounted {
		form := url.Values{"reach": {string(order.Account)}, "effect": {string(order.Frozen)}, "target": {string(a.Accounts[0])}}
		for _, id := range a.Accounts[1:] {
			form.Add("also", string(id))
		}
		state.Freezing = path + "/orders/new?" + form.Encode()
	}
	for _, m := range measures {
		if a.Shared == campaign.Organisation && m.Reach == order.Organisation && m.Target == a.Name {
			state.Narrowed = append(state.Narrowed, m)
		}
	}
	return state
}

// sharedBy is what accounts share, by the name people know.
func sharedBy(labels portal.Labels, b campaign.Bond) string {
	name := b.Name
	switch b.Shared {
	case campaign.Organisation:
		name = labels.Organisation(roster.OrganisationID(b.Name))
	case campaign.Proposer:
		name = labels.Account(roster.AccountID(b.Name))
	case campaign.Device:
		name = name[:min(len(name), 8)] // enough to tell one from another
	case campaign.Rhythm:
		name = labels.Speaker.Span(b.Interval())
	}
	return labels.Speaker.Say("campaign.by-"+string(b.Shared), "name", name)
}
