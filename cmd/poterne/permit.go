package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"

	"poterne/internal/app"
	"poterne/internal/gate/httpgate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/roster"
)

type permitCommands struct {
	Open permitOpen `cmd:"" help:"Allow an account an export, which is off otherwise."`
}

type permitOpen struct {
	database
	Account  string `required:"" help:"Who may export."`
	Service  string `required:"" help:"From which service."`
	Route    string `required:"" help:"Which declared route, with its method, such as \"GET /export\"."`
	People   int    `required:"" help:"How many people in all; whoever is exported again is one more."`
	Until    moment `required:"" help:"When it ends, such as 2026-11-21; within 28 days."`
	List     string `required:"" type:"existingfile" help:"A CSV of the identifiers it is about. Its SHA-256 goes into the ledger; take its people in with poterne facts import, since an export holds nobody without a reason."`
	Purpose  string `required:"" help:"What it is for; it is written in the ledger and names nobody."`
	By       string `required:"" help:"The account of who opens it."`
	Approver string `name:"approved-by" required:"" help:"The account of who approves: another person. One of the two is of the security desk."`
}

// Run opens the permit, in place of one for the same export.
func (p *permitOpen) Run(ctx context.Context, on *streams) error {
	list, err := os.ReadFile(p.List)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return usage("%s is empty; a permit is about the people in its list", p.List)
	}
	return p.with(ctx, func(o *app.Opened) error {
		if !exports(o.Services, roster.ServiceID(p.Service), p.Route) {
			return usage("service %q has no route %q with export = true in %s", p.Service, p.Route, p.Config)
		}
		if _, _, err := o.Roster.Account(ctx, roster.AccountID(p.Account)); err != nil {
			return fmt.Errorf("account %q: %w", p.Account, err)
		}
		permit := grants.ExportPermit{
			By: roster.AccountID(p.By), Approver: roster.AccountID(p.Approver), Of: roster.AccountID(p.Account),
			Service: roster.ServiceID(p.Service), Route: p.Route, People: p.People, Until: p.Until.Time,
			Purpose: p.Purpose, List: sha256.Sum256(list),
		}
		if _, err := journal.Do(ctx, o.Writer(), permit); err != nil {
			return fmt.Errorf("no permit is opened: %w", err)
		}
		fmt.Fprintf(on.Out, "%s may export %d people by %s of %s until %s\n", p.Account, p.People, p.Route, p.Service, stamp(p.Until.Time))
		return nil
	})
}

// exports reports whether a route is a declared export of a service.
func exports(services []httpgate.Service, id roster.ServiceID, route string) bool {
	return slices.ContainsFunc(services, func(service httpgate.Service) bool {
		return service.ID == id && slices.ContainsFunc(service.Routes, func(r httpgate.Route) bool {
			return r.Export && "GET "+r.Path == route
		})
	})
}
