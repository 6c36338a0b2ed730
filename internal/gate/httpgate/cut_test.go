package httpgate_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// trio is three nodes on one PostgreSQL, each with its door, before an application whose
// lists are long.
type trio struct {
	tb     testing.TB
	nodes  [3]*storetest.Node
	fronts [3]*httptest.Server
}

const (
	listed   = 100
	padding  = 16384 // of each person's name, so that no list lies whole between two programs
	reached  = 56    // clients whose answers the order reaches
	unharmed = 8     // and others
)

func newTrio(tb testing.TB) *trio {
	tb.Helper()
	connection := storetest.StartPostgreSQL(tb).Database(tb)
	var long bytes.Buffer
	long.WriteByte('[')
	for n := range listed {
		if n > 0 {
			long.WriteByte(',')
		}
		fmt.Fprintf(&long, `{"id":"p%d","name":%q,"phone":""}`, n, strings.Repeat("x", padding))
	}
	long.WriteByte(']')
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(long.Bytes())
	}))
	tb.Cleanup(application.Close)
	upstream, _ := url.Parse(application.URL)
	key, _ := register.NewKey(bytes.Repeat([]byte{7}, register.KeyBytes))
	t := &trio{tb: tb}
	everybody := meter.Allowance{Short: meter.People(1e5), Long: meter.People(1e5)}
	wide := policy.Rules{Purposes: rules.Purposes, Allowances: map[roster.Role]meter.Allowance{roster.Adviser: everybody, roster.Training: everybody}, Signed: policy.Signed}
	for i := range t.nodes {
		s, err := store.OpenPostgreSQL(tb.Context(), connection)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = s.Close() })
		if i == 0 {
			from, until := time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 1, 0)
			list := accounts.List{
				Organisations: []roster.Organisation{{ID: "mlv", SIRET: "90000000000017", Name: "M"}, {ID: "ofh", SIRET: "90000000000025", Name: "O"}, {ID: "garde", SIRET: "90000000000033", Name: "G"}},
				Accounts: []roster.Account{
					{ID: "pauline", Organisation: "mlv", Role: roster.Adviser, Name: "P", Identity: roster.Identity{Subject: "p"}, Opened: from},
					{ID: "lucas", Organisation: "ofh", Role: roster.Training, Name: "L", Identity: roster.Identity{Subject: "l"}, Opened: from},
					{ID: "samir", Organisation: "garde", Role: roster.Security, Name: "S", Identity: roster.Identity{Subject: "s"}, Opened: from},
				},
				Habilitations: []roster.Habilitation{
					{Account: "pauline", Service: "dossier", Purpose: "accompany", From: from, Until: until},
					{Account: "lucas", Service: "kairos", Purpose: "train", From: from, Until: until},
				},
			}
			if err := storetest.TakeRosterBy(tb, storetest.Outside(s), list); err != nil {
				tb.Fatal(err)
			}
		}
		node, err := storetest.OpenNode(tb.Context(), store.NewLedger(s), store.NewFacts(s), wide, time.Now)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
		ended := make(chan error, 1)
		go func() { ended <- node.Run(ctx) }()
		tb.Cleanup(func() { stop(); <-ended })
		signs, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		signer, err := httpgate.NewSigner(signs, "https://poterne.example", store.NewRoster(s), time.Now)
		if err != nil {
			tb.Fatal(err)
		}
		service := func(id roster.ServiceID, purpose roster.Purpose) httpgate.Service {
			return httpgate.Service{
				ID: id, Name: string(id), Prefix: "/" + string(id), Upstream: upstream, Largest: 8 << 20, Timeout: time.Minute,
				Routes: []httpgate.Route{{Path: "/list", Kind: httpgate.People, Purpose: purpose, Answers: []httpgate.Answer{{Layout: manyFiles}}}},
			}
		}
		proxy, err := httpgate.New([]httpgate.Service{service("dossier", "accompany"), service("kairos", "train")}, httpgate.Deps{
			Gate: node, Directory: gate.NewDirectory(key, schemes, store.NewAliases(s)), Schemes: schemes, Pages: pages{}, Assertions: signer, Insecure: true,
			Networks: httpgate.Networks{Classes: []httpgate.Network{{Name: "agency", Ranges: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
			Who: func(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
				who := roster.AccountID(r.Header.Get("Test-Account"))
				return signin.Session{ID: "s1", Account: who, Organisation: map[roster.AccountID]roster.OrganisationID{"pauline": "mlv", "lucas": "ofh"}[who]}, nil
			},
			Observe: func(roster.ServiceID, httpgate.Outcome, time.Duration) {},
		})
		if err != nil {
			tb.Fatal(err)
		}
		front := httptest.NewUnstartedServer(proxy)
		front.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10) // so that little is under way already
			return ctx
		}
		front.Start()
		tb.Cleanup(front.Close)
		t.nodes[i], t.fronts[i] = node, front
	}
	return t
}

// slowReader is a client that reads a long list, slowly.
type slowReader struct {
	bytes int64
	last  time.Time // when its last byte came
	err   error
}

// read reads a list: a part, and the rest from when goOn is closed.
func (t *trio) read(front int, account roster.AccountID, path, from string, first func(), goOn <-chan struct{}) *slowReader {
	r := new(slowReader)
	defer first()
	dialer := net.Dialer{}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			_ = c.(*net.TCPConn).SetReadBuffer(8 << 10)
		}
		return c, err
	}}}
	request, err := http.NewRequestWithContext(t.tb.Context(), http.MethodGet, t.fronts[front].URL+path, nil)
	if err != nil {
		t.tb.Fatal(err)
	}
	request.Header.Set("Test-Account", string(account))
	request.Header.Set("X-Forwarded-For", from)
	answer, err := client.Do(request)
	if r.err = err; err != nil {
		return r
	}
	defer answer.Body.Close()
	part := make([]byte, 16<<10)
	for {
		n, err := io.ReadFull(answer.Body, part)
		if n > 0 {
			r.bytes, r.last = r.bytes+int64(n), time.Now()
			first()
			<-goOn
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && r.bytes != answer.ContentLength {
				r.err = err
			}
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// reaches are the orders of each reach that stop pauline's lists and not lucas's.
var reaches = map[string]order.Order{
	"account":      {Effect: order.Suspended, Reach: order.Account, Target: "pauline"},
	"organisation": {Effect: order.Suspended, Reach: order.Organisation, Target: "mlv"},
	"role":         {Effect: order.Suspended, Reach: order.Role, Target: "adviser"},
	"network":      {Effect: order.Closed, Reach: order.Network, Target: order.Elsewhere},
	"function":     {Effect: order.Closed, Reach: order.Function, Target: "dossier GET /list"},
	"service":      {Effect: order.Closed, Reach: order.Service, Target: "dossier"},
}

// cut has 64 clients read on three nodes, places an order on one of them, and returns how
// long after it began each last byte came of those it reaches.
func (t *trio) cut(o order.Order) (after []time.Duration) {
	t.tb.Helper()
	type done struct {
		*slowReader
		spared bool
	}
	all, goOn := make(chan done, reached+unharmed), make(chan struct{})
	var begun sync.WaitGroup
	for i := range reached + unharmed {
		begun.Add(1)
		spared := i%8 == 7
		account, path, from := roster.AccountID("pauline"), "/dossier/list", "203.0.113.9"
		if spared {
			account, path, from = "lucas", "/kairos/list", "10.0.0.9"
		}
		go func() { all <- done{t.read(i%3, account, path, from, sync.OnceFunc(begun.Done), goOn), spared} }()
	}
	begun.Wait() // each is being read
	o.By, o.Because = "samir", "vol"
	begins := time.Now()
	close(goOn)
	placed, err := (containment.Service{Writer: t.nodes[0].Journal}).Place(t.tb.Context(), o)
	if err != nil {
		t.tb.Fatal(err)
	}
	for range reached + unharmed {
		r := <-all
		switch {
		case r.spared && r.err != nil:
			t.tb.Errorf("an answer that the order does not reach was cut: %v", r.err)
		case r.spared:
		case r.err == nil:
			t.tb.Errorf("%s: an answer was read to its end, %v after the order", o.Reach, r.last.Sub(begins))
		default:
			after = append(after, max(0, r.last.Sub(begins)))
		}
	}
	if err := t.nodes[0].Lift(t.tb.Context(), placed.ID, "samir", "exercice"); err != nil {
		t.tb.Fatal(err)
	}
	slices.Sort(after)
	return after
}

// Promise: ACT-5
func TestACT_5_AnOrderOfEachReachCutsTheListsThatAreBeingReadOnEveryNode(t *testing.T) {
	trio := newTrio(t)
	for name, o := range reaches {
		t.Run(name, func(t *testing.T) {
			trio.tb = t
			after := trio.cut(o)
			if len(after) > 0 {
				t.Logf("%d answers cut; from the order to the last byte: p50 %v, p99 %v", len(after), after[len(after)/2], after[len(after)*99/100])
			}
		})
	}
}

// BenchmarkCut prints how long an order takes to the last byte of what it cuts.
func BenchmarkCut(b *testing.B) {
	trio := newTrio(b)
	for name, o := range reaches {
		b.Run(name, func(b *testing.B) {
			trio.tb = b
			var after []time.Duration
			for b.Loop() {
				after = append(after, trio.cut(o)...)
			}
			slices.Sort(after)
			b.ReportMetric(float64(after[len(after)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(after[len(after)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(len(after))/float64(b.N), "cut/op")
		})
	}
}
