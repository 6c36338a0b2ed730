package lookup

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"poterne/internal/register"
)

// Plan is how many canaries a register needs, and how many identifiers to reserve.
type Plan struct {
	People      float64 // files that the register has
	Identifiers float64 // that can be written
	Share       float64 // of the files that should be live canaries
}

const (
	// usualOneIn keeps those few who have a reserved identifier already, and the time
	// that looking for identifiers takes, both small.
	usualOneIn = 1_000_000
	// margin is how many identifiers are reserved for each that is used, at least.
	margin = 2
	// triesPerSecond is what one core looks through.
	triesPerSecond = 1e6
)

// Sensible reports whether such a register can be.
func (p Plan) Sensible() bool {
	return p.People >= 1 && p.Identifiers >= p.People && p.Share > 0 && p.Share <= 0.01
}

// Write prints the plan.
func (p Plan) Write(out io.Writer) error {
	files := math.Ceil(p.People * p.Share / register.LiveShare)
	oneIn := math.Min(usualOneIn, math.Floor(p.Identifiers/(margin*files)))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "live canaries\t%.0f\tone file in %.0f; a thief who picks at random meets one after %.0f people on average\n", p.People*p.Share, 1/p.Share, 1/p.Share)
	fmt.Fprintf(table, "files to make\t%.0f\tthree in four of them are live in any month\n", files)
	if oneIn >= 100 {
		fmt.Fprintf(table, "one_in\t%.0f\t%.0f identifiers are reserved; one slip of the pen in %.0f meets a live one\n", oneIn, p.Identifiers/oneIn, oneIn/register.LiveShare)
		fmt.Fprintf(table, "people who have one\t%.1f\tto be expected; poterne canaries check finds them, give them another identifier first\n", p.People/oneIn)
		fmt.Fprintf(table, "identifiers to try\t%.1g\tthat nobody has, for poterne canaries export; about %s on one core\n", files*oneIn, (time.Duration(files*oneIn/triesPerSecond) * time.Second).String())
	} else {
		fmt.Fprintf(table, "one_in\tnone\ttoo few identifiers are free: let the register's office skip reserved ones, as below\n")
	}
	fmt.Fprintf(table, "or, issued\t%.0f\tas one_in, where the office asks poterne canaries check before it gives an identifier, and gives those that are reserved to canaries\n", register.LiveShare/p.Share)
	return table.Flush()
}
