package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"poterne/internal/app"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/order"
	"poterne/internal/typed"
)

type orderCommands struct {
	Place orderPlace `cmd:"" help:"Freeze, suspend or close. It holds at the next decision of every node."`
	Lift  orderLift  `cmd:"" help:"Take an order out of force."`
	List  orderList  `cmd:"" help:"List the orders in force."`
}

type orderPlace struct {
	database
	actor
	Act     string        `arg:"" enum:"freeze,suspend,close" help:"freeze stops new people without a reason, suspend an account or organisation, close a service or everything."`
	Reach   string        `arg:"" enum:"account,organisation,role,function,service,everything" help:"account, organisation, role, function, service or everything."`
	Target  string        `arg:"" optional:"" help:"Which one; exports, searches, changes or \"SERVICE METHOD PATTERN\" of a function; none for everything."`
	Because string        `required:"" help:"Why, for the desk and the file of the incident."`
	Message string        `help:"What whoever it stops reads."`
	Lineage bool          `help:"With an account, every account that it proposed, and those that they did."`
	For     time.Duration `help:"How long; until lifted when left out."`
}

var effects = map[string]order.Effect{"freeze": order.Frozen, "suspend": order.Suspended, "close": order.Closed}

// Run places the order and prints its number.
func (p *orderPlace) Run(ctx context.Context, on *streams) error {
	return p.with(ctx, func(o *app.Opened) error {
		now := time.Now()
		placing := order.Order{
			Effect: effects[p.Act], Reach: order.Reach(p.Reach), Target: p.Target, Placed: now,
			By: p.As, Because: p.Because, Message: p.Message,
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
	ID      string `arg:"" help:"The order's number."`
	Because string `required:"" help:"Why; it is written in the ledger."`
}

// Run lifts one order.
func (l *orderLift) Run(ctx context.Context, on *streams) error {
	return l.with(ctx, func(o *app.Opened) error {
		if err := typed.Check("the lifting of an order", l.Because); err != nil {
			return usageError(err.Error())
		}
		lift := containment.Lift{ID: order.ID(l.ID), By: l.As, Because: l.Because}
		err := containment.Service{Writer: o.Writer()}.Lift(ctx, lift)
		if fault.Is(err, fault.Absent) {
			return fmt.Errorf("nothing is lifted: %s", fault.Public(err))
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(on.Out, "order %s is lifted\n", l.ID)
		return nil
	})
}

type orderList struct{ database }

// Run lists what is placed and not lifted, oldest first.
func (l *orderList) Run(ctx context.Context, on *streams) error {
	return l.with(ctx, func(o *app.Opened) error {
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
