package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"poterne/internal/fault"
)

func TestAnErrorKeepsItsKindThroughWrapping(t *testing.T) {
	sorted := &fault.Error{Kind: fault.Refused, Public: "no habilitation", Err: errors.New("detail")}
	err := fmt.Errorf("asking: %w", sorted)
	if got := fault.KindOf(err); got != fault.Refused {
		t.Errorf("kind = %v, want refused", got)
	}
	if got := fault.Public(err); got != "no habilitation" {
		t.Errorf("public = %q", got)
	}
}

func TestWhatNobodySortedIsBrokenAndSaysNothing(t *testing.T) {
	err := errors.New("row 12 of Durand")
	if fault.KindOf(err) != fault.Broken || fault.Public(err) != "" {
		t.Errorf("an unsorted error must be broken and silent, got %v %q", fault.KindOf(err), fault.Public(err))
	}
}
