package app

import (
	"maps"
	"slices"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/portal"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/store"
)

// installation is the room that says what this node's configuration puts in force.
func (p *Program) installation(o *Opened, shell *portal.Shell) portal.Room {
	c := installation.Configured{
		Digest: o.Digest, Deciding: o.Deciding.Digest, Read: o.Now(), Rules: o.Rules, Providers: []string{o.SignIn.Issuer}, Sources: slices.Sorted(maps.Keys(o.Settings.Sources)),
		Witnesses: len(o.Witnessing.Witnesses), Quorum: o.Witnessing.Need,
	}
	for _, other := range o.SignIn.Others {
		c.Providers = append(c.Providers, other.Issuer)
	}
	also := func(does installation.Does, name string) {
		c.Others = append(c.Others, installation.Other{Does: does, Name: name})
	}
	for _, one := range o.Provisioning {
		also(installation.Proposes, one.Name)
	}
	for _, one := range o.Transmitters {
		also(installation.Signals, one.Name)
	}
	for _, one := range o.Receivers {
		also(installation.IsTold, one.Name)
	}
	if o.SIEM != nil {
		also(installation.Collects, "OCSF")
	}
	for _, address := range o.Alerts.Mail {
		also(installation.Alerted, address)
	}
	if o.Alerts.URL != "" {
		also(installation.Alerted, o.Alerts.URL)
	}
	if o.Mail != nil {
		also(installation.Delivers, o.Mail.Host)
	}
	if o.Platform.Valid() || len(o.RecordStore) > 0 {
		also(installation.Teaches, "JWS, xAPI")
	}
	return installation.New(shell, installation.Deps{
		Configured: c, Gate: p.Gate, Roster: o.Roster, Sources: store.NewFacts(o.DB), Quota: o.Quota, Sessions: p.door,
		Requests: accounts.Organisations{Writer: p.Journal, Rows: store.NewOrganisationRequests(o.DB), EndAll: p.door.EndAll, Now: o.Now},
		Changes:  o.changes(p.Journal), Differences: differences,
	})
}

// differences is what differs between two configurations, as the room shows it.
func differences(is, would string) ([]installation.Difference, error) {
	list, err := config.Differences(is, would)
	shown := make([]installation.Difference, len(list))
	for i, one := range list {
		shown[i] = installation.Difference(one)
	}
	return shown, err
}
