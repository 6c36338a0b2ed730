package main

import "poterne/internal/lab/sizing"

type sizeCommand struct {
	Accounts int     `required:"" placeholder:"N" help:"How many accounts consult."`
	Openings float64 `default:"38" help:"How many people one is shown on a working day, rows of lists included."`
	Months   int     `default:"12" help:"How long entries are kept."`
}

// Run prints what guarding so many takes. It reads no configuration.
func (s *sizeCommand) Run(on *streams) error {
	body := sizing.Body{Accounts: s.Accounts, Openings: s.Openings, Months: s.Months}
	if !body.Sensible() {
		return usage("write --accounts from 1 to 10000000, --openings up to 10000, and --months from 1 to 120")
	}
	return body.Write(on.Out)
}
