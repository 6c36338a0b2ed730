package order_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/order"
)

var now = time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)

// Promise: ACT-3
func TestACT_3_AnOrderReachesWhomItNamesAndNobodyElse(t *testing.T) {
	for name, test := range map[string]struct {
		order order.Order
		want  bool
	}{
		"this account":         {order.Order{Reach: order.Account, Target: "pauline"}, true},
		"another account":      {order.Order{Reach: order.Account, Target: "karim"}, false},
		"its organisation":     {order.Order{Reach: order.Organisation, Target: "mlv"}, true},
		"another organisation": {order.Order{Reach: order.Organisation, Target: "cap"}, false},
		"this service":         {order.Order{Reach: order.Service, Target: "dossier"}, true},
		"another service":      {order.Order{Reach: order.Service, Target: "kairos"}, false},
		"its role":             {order.Order{Reach: order.Role, Target: "adviser"}, true},
		"another role":         {order.Order{Reach: order.Role, Target: "desk"}, false},
		"what it does":         {order.Order{Reach: order.Function, Target: order.Exports}, true},
		"what others do":       {order.Order{Reach: order.Function, Target: order.Searches}, false},
		"its route":            {order.Order{Reach: order.Function, Target: "dossier GET /export"}, true},
		"another's route":      {order.Order{Reach: order.Function, Target: "kairos GET /export"}, false},
		"everything":           {order.Order{Reach: order.Everything}, true},
		"an unknown reach":     {order.Order{Reach: "newer", Target: "x"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.order.Reaches(order.Use{Account: "pauline", Organisation: "mlv", Role: "adviser", Service: "dossier", Route: "GET /export", Function: order.Exports}); got != test.want {
				t.Errorf("reaches = %v, want %v", got, test.want)
			}
		})
	}
}

func TestTheHeaviestOrderInForceIsFound(t *testing.T) {
	freeze := order.Order{ID: "f", Effect: order.Frozen, Reach: order.Account, Target: "pauline"}
	suspend := order.Order{ID: "s", Effect: order.Suspended, Reach: order.Organisation, Target: "mlv"}
	over := order.Order{ID: "o", Effect: order.Closed, Reach: order.Everything, Ends: now}
	for name, test := range map[string]struct {
		orders order.Set
		want   order.ID
	}{
		"no order":            {nil, ""},
		"a freeze":            {order.Set{freeze}, "f"},
		"both":                {order.Set{freeze, suspend}, "s"},
		"both, other way":     {order.Set{suspend, freeze}, "s"},
		"one that just ended": {order.Set{over, freeze}, "f"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := test.orders.Against(order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"}, now)
			if got.ID != test.want {
				t.Errorf("found %q, want %q", got.ID, test.want)
			}
		})
	}
}

func TestMoreOrdersNeverOpenADoor(t *testing.T) {
	weight := map[order.Effect]int{"": 0, order.Frozen: 1, order.Suspended: 2, order.Closed: 2}
	one := rapid.Custom(func(t *rapid.T) order.Order {
		return order.Order{
			Effect: rapid.SampledFrom([]order.Effect{order.Frozen, order.Suspended, order.Closed}).Draw(t, "effect"),
			Reach:  rapid.SampledFrom([]order.Reach{order.Account, order.Organisation, order.Service, order.Everything}).Draw(t, "reach"),
			Target: rapid.SampledFrom([]string{"pauline", "mlv", "dossier", "other"}).Draw(t, "target"),
			Ends:   rapid.SampledFrom([]time.Time{{}, now, now.Add(time.Hour)}).Draw(t, "ends"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		orders := order.Set(rapid.SliceOf(one).Draw(t, "orders"))
		before, _ := orders.Against(order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"}, now)
		after, _ := append(orders, one.Draw(t, "more")).Against(order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"}, now)
		if weight[after.Effect] < weight[before.Effect] {
			t.Fatalf("%q became %q", before.Effect, after.Effect)
		}
	})
}

func TestAnOrderThatMakesNoSenseIsNotPlaced(t *testing.T) {
	good := order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir", Placed: now}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*order.Order){
		"no such reach":             func(o *order.Order) { o.Reach = "galaxy" },
		"an account cannot close":   func(o *order.Order) { o.Effect = order.Closed },
		"no target":                 func(o *order.Order) { o.Target = "" },
		"everything with a target":  func(o *order.Order) { o.Reach, o.Effect = order.Everything, order.Closed },
		"nobody places it":          func(o *order.Order) { o.By = "" },
		"it ends before it begins":  func(o *order.Order) { o.Ends = now },
		"a service is not frozen":   func(o *order.Order) { o.Reach, o.Effect = order.Service, order.Frozen },
		"everything not suspended":  func(o *order.Order) { o.Reach, o.Target = order.Everything, "" },
		"an effect nobody declared": func(o *order.Order) { o.Effect = "slowed" },
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			change(&bad)
			if bad.Check() == nil {
				t.Error("must be refused")
			}
		})
	}
}

func TestAnOrderOutlastsOnlyTheSameThatEndsSooner(t *testing.T) {
	narrowed := order.Order{Effect: order.Narrowed, Reach: order.Organisation, Target: "mlv", Ends: now, By: "poterne"}
	change := func(change func(*order.Order)) order.Order {
		o := narrowed
		change(&o)
		return o
	}
	for name, test := range map[string]struct {
		order order.Order
		want  bool
	}{
		"the same":                  {narrowed, true},
		"one that ends later":       {change(func(o *order.Order) { o.Ends = now.Add(time.Hour) }), true},
		"one that never ends":       {change(func(o *order.Order) { o.Ends = time.Time{} }), true},
		"one that ends sooner":      {change(func(o *order.Order) { o.Ends = now.Add(-time.Hour) }), false},
		"another effect":            {change(func(o *order.Order) { o.Effect = order.Frozen }), false},
		"another target":            {change(func(o *order.Order) { o.Target = "cap" }), false},
		"another reach":             {change(func(o *order.Order) { o.Reach = order.Account }), false},
		"one that a person ordered": {change(func(o *order.Order) { o.By = "samir" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.order.Outlasts(narrowed); got != test.want {
				t.Errorf("outlasts = %v, want %v", got, test.want)
			}
		})
	}
	if narrowed.Outlasts(change(func(o *order.Order) { o.Ends = time.Time{} })) {
		t.Error("what ends outlasts what never ends")
	}
}
