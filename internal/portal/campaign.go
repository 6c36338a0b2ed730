package portal

import (
	"net/http"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Campaigns is what is known of accounts that share something.
type Campaigns interface {
	// Picture returns how things stand now.
	Picture() campaign.Picture
	// Alarms returns the alarms of a moment ago.
	Alarms() []campaign.Alarm
}

// campaignsPage answers whoever watches: do accounts act together?
type campaignsPage struct {
	page
	Behind       bool // the ledger is not read to its end yet
	Alarms       []alarmState
	Thefts       []theftState
	Narrowed     []measureState
	Surges       []surgeState
	Compares     bool // there are weeks enough to compare an hour with
	KnowsLineage bool
}

// alarmState is an alarm, as the desk shows it.
type alarmState struct {
	campaign.Alarm
	Sentence string
	What     string // what is shared, by the name people know
	First    []accountName
	More     int            // accounts that are not among the first
	Narrowed []measureState // in force on what is shared
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

// accountsNamed is how many accounts of an alarm are named, the heaviest.
const accountsNamed = 12

func (rooms *Rooms) campaigns(v *visit) error {
	if err := rooms.reading(v, ledger.Entry{State: ledger.CampaignRead}); err != nil {
		return err
	}
	naming, err := rooms.naming(v)
	if err != nil {
		return err
	}
	picture, measures := rooms.Campaigns.Picture(), rooms.measures(v, naming)
	shown := campaignsPage{
		page: rooms.page(v, "desk", "campaign.title"), Behind: picture.UpTo+behindBy < rooms.Journal.Next(),
		Compares: picture.Compares, KnowsLineage: picture.KnowsLineage,
	}
	for _, m := range measures {
		if m.Effect == order.Narrowed {
			shown.Narrowed = append(shown.Narrowed, m)
		}
	}
	for _, a := range picture.Alarms {
		shown.Alarms = append(shown.Alarms, naming.alarm(a, measures))
	}
	for _, t := range picture.Thefts {
		shown.Thefts = append(shown.Thefts, theftState{naming.named(t.Account), t.At, v.speaker.language.Sentence(t)})
	}
	for _, s := range picture.Surges {
		shown.Surges = append(shown.Surges, surgeState{s.From, v.speaker.must("campaign.surge",
			"role", v.speaker.must("role."+string(s.Role)), "people", v.speaker.several("n.people", s.People),
			"usual", v.speaker.number(s.Usual), "weeks", v.speaker.number(s.Weeks))})
	}
	rooms.show(v, http.StatusOK, "campaigns.html", shown)
	return nil
}

// behindBy is how many entries the picture may be behind and still be called whole:
// they are taken in as they are written, this reading among them.
const behindBy = 1000

func (n namer) named(id roster.AccountID) accountName {
	return accountName{id, n.account(id), n.organisation(n.accounts[id].Organisation)}
}

// alarm says an alarm to somebody who watches.
func (n namer) alarm(a campaign.Alarm, measures []measureState) alarmState {
	state := alarmState{Alarm: a, Sentence: n.speaker.language.Sentence(a), What: n.shared(a.Bond), More: max(0, len(a.Accounts)-accountsNamed)}
	for _, id := range a.Accounts[:len(a.Accounts)-state.More] {
		state.First = append(state.First, n.named(id))
	}
	for _, m := range measures {
		if a.Shared == campaign.Organisation && m.Reach == order.Organisation && m.Target == a.Name {
			state.Narrowed = append(state.Narrowed, m)
		}
	}
	return state
}

// shared is what accounts share, by the name people know.
func (n namer) shared(b campaign.Bond) string {
	name := b.Name
	switch b.Shared {
	case campaign.Organisation:
		name = n.organisation(roster.OrganisationID(b.Name))
	case campaign.Proposer:
		name = n.account(roster.AccountID(b.Name))
	case campaign.Device:
		name = name[:min(len(name), 8)] // enough to tell one from another
	case campaign.Rhythm:
		span, err := n.speaker.lasting(b.Interval())
		if err != nil {
			panic(err) // the words are part of the program
		}
		name = span
	}
	return n.speaker.must("campaign.by-"+string(b.Shared), "name", name)
}
