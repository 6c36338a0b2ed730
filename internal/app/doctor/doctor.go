// Package doctor looks at what a program needs around it: its clock, its disk, its files,
// the database, the provider, the applications, the witnesses and the sources. It
// changes nothing, and says of each what is wrong and what to do, never a secret.
package doctor

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/fault"
	"poterne/internal/typed"
)

// State is how something is.
type State string

// The states. Only what is wrong makes the answer no.
const (
	OK    State = "ok"
	Check State = "look"  // it works, and somebody should look at it
	Wrong State = "wrong" // somebody cannot work, or something protects less than it should
)

// Finding is what was found of one thing.
type Finding struct {
	State State  `json:"state"`
	About string `json:"about"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`
}

// examination is one look at everything.
type examination struct {
	config.Settings
	now      func() time.Time
	client   *http.Client // by a proxy, if this machine has one
	direct   *http.Client // to applications, as the gate goes
	heard    *hearing
	findings []Finding
}

func (x *examination) say(state State, about, found, do string) {
	x.findings = append(x.findings, Finding{state, about, found, do})
}

// patience is how long one look may take.
const patience = 5 * time.Second

// Look prints what is found around the program that a configuration is of. Its error says
// that something is wrong.
func Look(ctx context.Context, file string, inJSON bool, out io.Writer) error {
	findings := Examine(ctx, file, time.Now, http.DefaultTransport.(*http.Transport).Clone())
	wrong := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	lines := json.NewEncoder(out)
	for _, f := range findings {
		if f.State == Wrong {
			wrong++
		}
		if inJSON {
			if err := lines.Encode(f); err != nil {
				return err
			}
			continue
		}
		said := f.Found
		if f.Do != "" {
			said += ": " + f.Do
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.State, typed.Printed(f.About), typed.Printed(said))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	switch wrong {
	case 0:
		return nil
	case 1:
		return errors.New("1 thing is wrong")
	}
	return fmt.Errorf("%d things are wrong", wrong)
}

// Examine looks at everything, over the network by transport.
func Examine(ctx context.Context, file string, now func() time.Time, transport *http.Transport) []Finding {
	x := &examination{now: now, heard: &hearing{certificates: make(map[string]*x509.Certificate)}}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	straight := transport.Clone()
	straight.Proxy = nil
	x.client = &http.Client{Transport: listening{transport, x.heard}, Timeout: patience, CheckRedirect: stay}
	x.direct = &http.Client{Transport: listening{straight, x.heard}, Timeout: patience, CheckRedirect: stay}
	defer transport.CloseIdleConnections()
	defer straight.CloseIdleConnections()
	var err error
	if x.Settings, err = config.Read(file); err != nil {
		x.complain(file, err)
		return x.findings
	}
	x.say(OK, "configuration", fmt.Sprintf("%s: nothing is missing", file), "")
	x.files(file)
	x.disk(usual)
	x.database(ctx)
	for _, issuer := range x.SignIn.Issuers() {
		x.provider(ctx, issuer)
	}
	x.applications(ctx)
	x.databases(ctx)
	x.clock()
	x.certificates()
	return x.findings
}

// complain says what is wrong with a configuration and the files that it names. What it
// leads to cannot be looked at before that is right.
func (x *examination) complain(file string, err error) {
	list, several := errors.AsType[fault.Complaints](err)
	if !several {
		x.say(Wrong, "configuration", err.Error(), "write it as poterne config example does")
		return
	}
	x.say(Wrong, "configuration", fmt.Sprintf("%s cannot be used", file), "put right what follows; the rest is looked at then")
	for _, one := range list {
		about := "configuration"
		if strings.HasPrefix(one.Path, "keys.") || strings.HasSuffix(one.Path, "_file") || one.Path == "public.key" || one.Path == "public.cert" {
			about = "files"
		}
		x.say(Wrong, about, strings.Trim(one.Where+": "+one.Path, ": "), one.Text)
	}
}

// database looks at what is kept, and whether this program may run on it.
func (x *examination) database(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	o, err := app.Look(ctx, x.Settings)
	if err != nil {
		x.say(Wrong, "database", err.Error(), "poterne migrate makes it or brings it up to date; look as the user that the program runs as")
		return
	}
	defer func() { _ = o.Close() }()
	kind := "SQLite, " + x.Database
	if x.Server != "" {
		kind = "PostgreSQL, in a role that cannot alter what was written"
	}
	if err := errors.Join(o.DB.Ping(ctx), o.DB.Admits(ctx, x.Pseudonyms), o.DB.Holds(ctx, x.Pseudonym.Mark()), o.DB.Seal(ctx, x.Seals)); err != nil {
		x.say(Wrong, "database", err.Error(), "give the program the keys that this ledger was written under")
		return
	}
	x.allowed(ctx, o)
	x.say(OK, "database", kind+"; its tables are this program's, and so are the keys", "")
	asked := x.now()
	if at, ok, err := o.DB.Clock(ctx); err != nil {
		x.say(Wrong, "clock", err.Error(), "look at the database")
	} else if ok {
		x.heard.clocks = append(x.heard.clocks, clock{"the database", at.Sub(asked.Add(x.now().Sub(asked) / 2)), x.now().Sub(asked) / 2})
	}
	x.ledger(ctx, o)
	x.witnesses(ctx, o)
	x.sources(ctx, o)
	x.roles(ctx, o)
	x.fields(ctx, o)
	x.programmes(ctx, o)
}
