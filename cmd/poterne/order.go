package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"poterne/internal/app"
	"poterne/internal/containment"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

type orderCommands struct {
	Place  orderPlace  `cmd:"" help:"Freeze, suspend or close. It holds at the next decision of every node."`
	Lift   orderLift   `cmd:"" help:"Take an order out of force. What a colleague placed takes two people."`
	Reopen orderReopen `cmd:"" help:"Take the next step from what is closed: read by one organisation, by all, then as before. Two people."`
	Tick   orderTick   `cmd:"" help:"Tick a line of the checklist that a step waits for."`
	List   orderList   `cmd:"" help:"List the orders in force."`
}

type orderPlace struct {
	database
	actor
	Act     string        `arg:"" enum:"freeze,reduce,suspend,close,bypass" help:"freeze stops new people without a reason, reduce leaves a service, an organisation or everything to be read, suspend an account, organisation or role, close a network, function, service or everything; bypass, while a source is silent, shows everybody their own caseload and nobody else."`
	Reach   string        `arg:"" enum:"account,organisation,role,network,function,service,everything,source" help:"account, organisation, role, network, function, service or everything; source of a bypass."`
	Target  string        `arg:"" optional:"" help:"Which one; \"other\" for every network that has no name; exports, searches, changes or \"SERVICE METHOD PATTERN\" of a function; none for everything."`
	Because string        `required:"" help:"Why, for the desk and the file of the incident."`
	Message string        `help:"What whoever it stops reads, in French."`
	English string        `name:"message-en" help:"And in English; each is shown where the other is missing."`
	Lineage bool          `help:"With an account, every account that it proposed, and those that they did."`
	For     time.Duration `help:"How long; until lifted when left out. A bypass lasts 12h at most."`

	Approver roster.AccountID `name:"approved-by" help:"Of a bypass: the account of who approves it, another person. Without, it is asked for only."`
}

var effects = map[string]order.Effect{"freeze": order.Frozen, "reduce": order.Reduced, "suspend": order.Suspended, "close": order.Closed}

// Run places the order and prints its number.
func (p *orderPlace) Run(ctx context.Context, on *streams) error {
	return p.with(ctx, on, func(o *app.Opened) error {
		if p.Act == "bypass" {
			return on.say(o.Bypass(ctx, containment.AskBypass{Source: p.Target, For: p.For, By: roster.AccountID(p.As), Approver: p.Approver, Because: p.Because}))
		}
		now := time.Now()
		placing := order.Order{
			Effect: effects[p.Act], Reach: order.Reach(p.Reach), Target: p.Target, Placed: now,
			By: p.As, Because: p.Because, Message: order.Message{French: p.Message, English: p.English},
		}
		if p.For != 0 {
			placing.Ends = now.Add(p.For)
		}
		if err := cmp.Or(placing.Check(), typed.Check("an order", placing.Because)); err != nil {
			return usageError(err.Error())
		}
		if err := o.Reaches(ctx, placing); err != nil {
			return err
		}
		all, err := o.Place(ctx, placing, p.Lineage)
		if err != nil {
			return fmt.Errorf("the order is not placed: %w", err)
		}
		for _, placed := range all {
			fmt.Fprintf(on.Out, "order %s is in force%s\n", placed.ID, against(placed, p.Lineage))
		}
		return nil
	})
}

// against names the account of one of many orders.
func against(o order.Order, many bool) string {
	if !many {
		return ""
	}
	return " on " + typed.Printed(o.Target)
}

type orderLift struct {
	database
	actor
	ID       order.ID         `arg:"" help:"The order's number."`
	Approver roster.AccountID `name:"approved-by" help:"The account of a second person, of the desk as the first: not needed of what you placed yourself a moment ago."`
	Because  string           `required:"" help:"Why; it is written in the ledger."`
}

// Run lifts one order.
func (l *orderLift) Run(ctx context.Context, on *streams) error {
	return l.with(ctx, on, func(o *app.Opened) error {
		if err := typed.Check("the lifting of an order", l.Because); err != nil {
			return usageError(err.Error())
		}
		return on.say(o.Lift(ctx, l.ID, roster.AccountID(l.As), l.Approver, l.Because))
	})
}

type orderReopen struct {
	database
	actor
	ID       order.ID              `arg:"" help:"The order's number."`
	First    roster.OrganisationID `help:"The organisation whose people read first."`
	Approver roster.AccountID      `name:"approved-by" required:"" help:"The account of a second person of the desk."`
	Because  string                `required:"" help:"Why; it is written in the ledger."`
}

// Run takes the next step.
func (r *orderReopen) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		return on.say(o.Reopen(ctx, r.ID, r.First, roster.AccountID(r.As), r.Approver, r.Because))
	})
}

type orderTick struct {
	database
	actor
	ID      order.ID     `arg:"" help:"The order's number."`
	Line    ledger.State `arg:"" enum:"cause-found,accounts-held,partners-told,nothing-new" help:"cause-found, accounts-held, partners-told or nothing-new."`
	Because string       `required:"" help:"How you know; it is written in the ledger."`
}

// Run ticks one line of the checklist.
func (t *orderTick) Run(ctx context.Context, on *streams) error {
	return t.with(ctx, on, func(o *app.Opened) error {
		s := containment.Service{Writer: o.Writer()}
		err := s.Tick(ctx, containment.Tick{ID: t.ID, What: t.Line, By: roster.AccountID(t.As), Because: t.Because})
		return on.say(fmt.Sprintf("%s is ticked, for order %s", t.Line, t.ID), err)
	})
}

// say prints what was done, or says that nothing was.
func (on *streams) say(done string, err error) error {
	if err != nil {
		return fmt.Errorf("nothing is changed: %w", err)
	}
	fmt.Fprintln(on.Out, done)
	return nil
}

type orderList struct{ database }

// Run lists what is placed and not lifted, oldest first.
func (l *orderList) Run(ctx context.Context, on *streams) error {
	return l.with(ctx, on, func(o *app.Opened) error {
		orders, err := o.Orders.InForce(ctx)
		if err != nil {
			return err
		}
		if len(orders) == 0 {
			fmt.Fprintln(on.Out, "no order is in force")
			return nil
		}
		table := tabwriter.NewWriter(on.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ORDER\tEFFECT\tREACH\tTARGET\tSINCE\tUNTIL\tBY\tBECAUSE")
		for _, p := range orders {
			until := "lifted"
			if !p.Ends.IsZero() {
				until = stamp(p.Ends)
			}
			row(table, p.ID, p.Effect, p.Reach, p.Target, stamp(p.Placed), until, p.By, p.Because)
		}
		return table.Flush()
	})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
