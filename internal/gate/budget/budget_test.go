package budget_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"poterne/internal/gate/budget"
)

// What is taken is given back to the byte, whatever was read, refused, dropped or made lighter in between.
func TestABudgetIsGivenBackWhole(t *testing.T) {
	const whole = 100
	b := budget.New(whole)
	left := func(when string, want int64) {
		t.Helper()
		if got := b.Left(); got != want {
			t.Fatalf("%s, %d bytes are left, want %d", when, got, want)
		}
	}
	one, other := b.Share(3), b.Share(3)
	in := budget.NewReader(strings.NewReader(strings.Repeat("x", 20)), &one)
	if read, err := io.ReadAll(in); err != nil || len(read) != 20 {
		t.Fatal(len(read), err)
	}
	left("after 20 bytes at 3", whole-60)
	if _, err := io.ReadAll(budget.NewReader(strings.NewReader(strings.Repeat("x", 14)), &other)); !errors.Is(err, budget.ErrTooMuch) {
		t.Errorf("14 bytes more are read where 13 have a place: %v", err)
	}
	left("after what was refused", whole-60)
	if err := one.Grow(19); err != nil {
		t.Error(err)
	}
	left("after fewer bytes than before", whole-60)
	one.Lighten(2)
	left("once lighter", whole-40)
	one.Lighten(3)
	left("once no lighter", whole-40)
	in.Drop()
	left("once dropped", whole)
	if err := one.Grow(10); err != nil {
		t.Error(err)
	}
	left("after what comes next", whole-20)
	one.GiveBack()
	one.GiveBack()
	other.GiveBack()
	left("at the end", whole)
	new(budget.Share).GiveBack()
}
