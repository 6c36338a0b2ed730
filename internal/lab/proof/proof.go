// Package proof shows what Poterne claims, on the machine where it is asked to: the real
// program in processes of its own, in front of an application of invented people, with
// everything in one folder and nothing beyond this machine.
package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"poterne/internal/app"
	"poterne/internal/i18n"
)

// Proof is what is shown, and where.
type Proof struct {
	Binary string // the program: what is proved of it is proved of this very file
	Dir    string // an empty folder
	Kills  int
	Out    io.Writer // where it says what it does
	In     i18n.Language

	site  *Site
	serve *Child
	app   *switching
	after *Aftermath
}

// Result is what came of a claim.
type Result struct {
	Claim Claim
	Took  time.Duration
	Notes []Note // what was seen, in figures
	Hand  []string
	Err   error // what does not hold; nil when it does
}

// Claim names something that is claimed: the catalogue says what (prove.NAME), and what is
// done to show it (prove.NAME-done).
type Claim string

// The claims, in the order in which they are shown.
const (
	Allowance Claim = "allowance"
	Exactly   Claim = "exactly"
	Kill      Claim = "kill"
	Disk      Claim = "disk"
	Order     Claim = "order"
	Tampering Claim = "tampering"
	Cost      Claim = "cost"
)

// Claims are all of them.
var Claims = []Claim{Allowance, Exactly, Kill, Disk, Order, Tampering, Cost}

// Note is one thing that was seen: a text of the catalogue (prove.KEY) and its figures.
type Note struct {
	Key    string
	Values []any
}

// Message implements i18n.Message.
func (n Note) Message() (key string, values []any) { return "prove." + n.Key, n.Values }

func note(key string, values ...any) Note { return Note{key, values} }

// switching is an application that can become another one.
type switching struct {
	*Server
	now atomic.Pointer[http.Handler]
}

func newSwitching(handler http.Handler) (*switching, error) {
	a := new(switching)
	a.to(handler)
	var err error
	a.Server, err = Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.now.Load()).ServeHTTP(w, r) }))
	return a, err
}

func (a *switching) to(handler http.Handler) { a.now.Store(&handler) }

// Run shows every claim, and says so as it goes. The error tells what kept it from being
// shown; a claim that does not hold is in its result.
func (p *Proof) Run(ctx context.Context) (results []Result, err error) {
	if err := p.setUp(ctx); err != nil {
		return nil, fmt.Errorf("setting up: %w", err)
	}
	defer func() { err = errors.Join(err, p.close()) }()
	shown := map[Claim]func(context.Context) ([]Note, error){
		Allowance: p.allowance, Exactly: p.exactly, Kill: p.kills, Disk: p.fullDisk, Order: p.order, Tampering: p.tampering, Cost: p.cost,
	}
	for i, claim := range Claims {
		fmt.Fprintf(p.Out, "\n%d/%d  %s\n     %s\n", i+1, len(Claims), p.In.Say("prove."+string(claim)), p.In.Say("prove."+string(claim)+"-done"))
		begun := time.Now()
		r := Result{Claim: claim, Hand: byHand[claim]}
		r.Notes, r.Err = shown[claim](ctx)
		r.Took = time.Since(begun)
		results = append(results, r)
		for _, n := range r.Notes {
			fmt.Fprintf(p.Out, "     %s\n", p.In.Sentence(n))
		}
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if r.Err != nil {
			fmt.Fprintf(p.Out, "  ✗  %s\n     %s\n", p.In.Say("prove.not"), strings.ReplaceAll(r.Err.Error(), "\n", "\n     "))
			continue
		}
		fmt.Fprintf(p.Out, "  ✓  %s (%.1f s)\n", p.In.Say("prove.holds"), r.Took.Seconds())
	}
	return results, nil
}

// byHand is how somebody does the same with the program and their own means.
var byHand = map[Claim][]string{
	Allowance: {"poterne demo --people 20000", "seq 200 | xargs -P 200 -I{} curl -s -b \"$COOKIES\" http://localhost:8080/dossier/files/{}", "poterne ledger shown-to --config FILE --as WHO --account ACCOUNT"},
	Exactly:   {"poterne ledger shown-to --config FILE --as WHO --account ACCOUNT --csv"},
	Kill:      {"kill -9 $(pidof poterne)", "poterne serve --config FILE", "poterne ledger verify --config FILE"},
	Disk:      {"prlimit --fsize=0 --pid $(pidof poterne)"},
	Order:     {"poterne order place --config FILE --as WHO --because WHY suspend account ACCOUNT"},
	Tampering: {"sqlite3 poterne.db", "poterne ledger verify --config FILE --checkpoint KEPT", "poterne audit --config FILE", "python3 tools/verify.py FOLDER checkpoint.pub KEPT"},
	Cost:      {"make bench BENCH=Passage", "poterne size --accounts N"},
}

// ErrNot is what Show ends with when a claim does not hold.
var ErrNot = errors.New("something that is claimed does not hold on this machine")

// Show shows every claim in a folder, new or temporary, and reports.
func Show(ctx context.Context, p Proof) (report Report, err error) {
	report = Report{Version: app.Version(), At: time.Now()}
	if p.Dir == "" {
		if p.Dir, err = os.MkdirTemp("", "poterne-prove-it-"); err != nil {
			return report, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.Dir)) }()
	} else if err := os.Mkdir(p.Dir, 0o700); err != nil {
		return report, err
	}
	report.Results, err = p.Run(ctx)
	report.Took = time.Since(report.At)
	if err == nil && report.failed() > 0 {
		err = ErrNot
	}
	return report, err
}

func (p *Proof) setUp(ctx context.Context) (err error) {
	if p.app, err = newSwitching(Crowd()); err != nil {
		return err
	}
	dir := p.folder("site")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if p.site, err = SetUp(ctx, dir, p.Binary, Application, Upstream, p.app.URL); err != nil {
		return err
	}
	file, err := p.site.Write("caseloads.csv", CrowdCaseloads())
	if err != nil {
		return err
	}
	if err := p.site.TakeFacts(ctx, "caseloads", file); err != nil {
		return err
	}
	p.after = NewAftermath(p.site.Key)
	fmt.Fprintf(p.Out, "%s\n", p.In.Say("prove.begins", "folder", p.Dir, "people", len(CrowdStaff)*CrowdOwn+CrowdSize))
	p.serve, err = p.site.Serve(ctx)
	return err
}

func (p *Proof) folder(name string) string { return filepath.Join(p.Dir, name) }

func (p *Proof) close() (err error) {
	if p.serve != nil {
		p.serve.Stop()
	}
	return errors.Join(p.site.Close(), p.app.Close())
}

// again starts the program anew, after it was ended.
func (p *Proof) again(ctx context.Context) (err error) {
	p.serve, err = p.site.Serve(ctx)
	return err
}

// check holds what was received against the ledger that is there now, and the ledger
// against its tree.
func (p *Proof) check(ctx context.Context, answers []Answer) error {
	_, err := p.site.Poterne(ctx, "ledger", "verify", "--config", p.site.Config)
	return errors.Join(p.after.Check(ctx, p.site, answers), err)
}
