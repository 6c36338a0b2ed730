package gate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Naming leads pseudonyms back to people of the register.
type Naming struct {
	People  int               // how many are asked for
	List    [sha256.Size]byte // SHA-256 of the list they are in
	Because string
}

// Name writes down that people are named again, before anybody is. Two people sign
// for it: managers or the security desk, and at least one of them is of the desk.
func Name(ctx context.Context, book Book, now func() time.Time, by, approver Asker, n Naming) error {
	switch {
	case n.People < 1 || n.List == [sha256.Size]byte{}:
		return &fault.Error{Kind: fault.Invalid, Public: "people are named from a list that has somebody in it"}
	}
	if err := typed.Check("the naming of people", n.Because); err != nil {
		return err
	}
	return once(ctx, book, now, func(t *turn) error {
		if err := t.mayName(by, approver); err != nil {
			return err
		}
		t.record(ledger.Entry{
			Kind: ledger.Named, Account: by.Account, Organisation: by.Organisation,
			Detail: fmt.Sprintf("approved by %s; %d people; list sha256:%x; %s", approver.Account, n.People, n.List, n.Because),
		})
		return nil
	})
}

func (t *turn) mayName(by, approver Asker) error {
	refused := func(format string, args ...any) error {
		return &fault.Error{Kind: fault.Refused, Public: fmt.Sprintf(format, args...)}
	}
	for _, one := range []Asker{by, approver} {
		if one.Account == "" || one.Role != roster.Security && one.Role != roster.Manager {
			return refused("%q is no manager and not of the security desk: two of these sign for naming people", one.Account)
		}
	}
	switch {
	case by.Account == approver.Account:
		return refused("one person signs and another approves: %q cannot do both", by.Account)
	case by.Role != roster.Security && approver.Role != roster.Security:
		return refused("of those who sign for naming people, one is of the security desk")
	}
	return t.unstopped(by, approver)
}

// unstopped refuses signers against whom an order is in force. An order against
// everybody is against nobody here: signatures are wanted in the middle of an
// incident.
func (t *turn) unstopped(signers ...Asker) error {
	orders, err := t.head.Orders()
	if err != nil {
		return fmt.Errorf("reading the orders in force: %w", err)
	}
	orders = slices.DeleteFunc(orders, func(o order.Order) bool { return o.Reach != order.Account && o.Reach != order.Organisation })
	for _, one := range signers {
		if o, stopped := orders.Against(one.Account, one.Organisation, "", t.now); stopped {
			return &fault.Error{Kind: fault.Refused, Public: fmt.Sprintf("%q cannot sign while order %s is in force", one.Account, o.ID)}
		}
	}
	return nil
}
