package campaign

import (
	"fmt"
	"time"

	"poterne/internal/policy"
)

// Sentence says an alarm to whoever watches: what was counted, what is usual, and
// what the accounts share. It names nobody.
func (a Alarm) Sentence(in policy.Language) string {
	if in == policy.English {
		return fmt.Sprintf("%s, %s %s asked for %s without a reason, in all; %d would be usual for so many.",
			englishSpan(a.Days), counted(len(a.Accounts), "account", "accounts"), a.english(), counted(a.People, "person", "people"), a.Usual)
	}
	return fmt.Sprintf("%s, %s %s ont demandé à eux tous %s sans motif ; autant de comptes en demandent d’ordinaire %d.",
		frenchSpan(a.Days), counted(len(a.Accounts), "compte", "comptes"), a.french(), counted(a.People, "personne", "personnes"), a.Usual)
}

func (b Bond) french() string {
	switch b.Shared {
	case Organisation:
		return "de la même structure"
	case Proposer:
		return "proposés par le même responsable"
	case Device:
		return "sur le même appareil"
	case Network:
		return "depuis un même réseau peu courant"
	default:
		return "au même rythme"
	}
}

func (b Bond) english() string {
	switch b.Shared {
	case Organisation:
		return "of one organisation"
	case Proposer:
		return "proposed by one manager"
	case Device:
		return "on one device"
	case Network:
		return "on a network that few work from"
	default:
		return "in the same rhythm"
	}
}

func frenchSpan(days int) string {
	if days <= 1 {
		return "Aujourd’hui"
	}
	return fmt.Sprintf("En %d jours", days)
}

func englishSpan(days int) string {
	if days <= 1 {
		return "Today"
	}
	return fmt.Sprintf("In %d days", days)
}

func counted(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Sentence says why an account is held to be stolen. It names nobody.
func (t Theft) Sentence(in policy.Language) string {
	switch {
	case in == policy.English && t.Proof == Suspended:
		return "Suspended by a person."
	case in == policy.English:
		return "Frozen within an hour of another account that it shares something with."
	case t.Proof == Suspended:
		return "Suspendu par une personne."
	default:
		return "Gelé dans l’heure où l’a été un autre compte, avec lequel il partage quelque chose."
	}
}

// Interval is the interval of a rhythm.
func (b Bond) Interval() time.Duration {
	interval, _ := time.ParseDuration(b.Name) // zero for other bonds
	return interval
}
