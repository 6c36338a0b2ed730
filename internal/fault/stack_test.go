package fault_test

import (
	"strings"
	"testing"

	"poterne/internal/fault"
)

func falls(of string) { panic(of) }

func TestAStackSaysWhereAndNotOfWhom(t *testing.T) {
	defer func() {
		recover() // what it says is not the matter
		stack := fault.Stack()
		if !strings.Contains(stack[0], "fault_test.falls:") {
			t.Errorf("the first place is %q, not the function that panicked", stack[0])
		}
		for _, frame := range stack {
			if strings.ContainsAny(frame, "{}") || strings.Contains(frame, "0x") {
				t.Errorf("%q shows an argument", frame)
			}
		}
	}()
	falls("somebody")
}
