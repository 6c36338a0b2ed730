package app

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/pggate"
	"poterne/internal/portal"
	"poterne/internal/portal/rooms/databases"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// serveSQL makes the door for SQL, if the configuration has one.
func (p *Program) serveSQL(o *Opened, present attendance, directory *gate.Directory, trail pggate.Trail, seen pggate.Shapes) (err error) {
	if o.SQL == nil {
		return nil
	}
	p.sql, err = pggate.New(o.SQL.Services, pggate.Deps{
		Gate: witnessed{p.metrics.settling(p.Gate), present}, Directory: directory, Schemes: o.Schemes, Who: signin.ConnectionsOf(p.door), Trail: trail, Shapes: seen, Canaries: o.Canaries,
		Network:     func(from string) string { return o.Networks.Of(&http.Request{RemoteAddr: from}) },
		Certificate: o.SQL.Certificate, Idle: o.SignIn.Idle, Holding: o.SQL.Holding, Expel: p.door.EndAll, Traces: o.Traces, Log: p.log, Now: o.Now,
		Observe: func(service roster.ServiceID, outcome pggate.Outcome, took time.Duration) {
			p.metrics.count(service, httpgate.Outcome(outcome), took)
		},
	})
	if err == nil {
		p.metrics.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "poterne_sql_connections", Help: "Connections to the door for SQL, those included that nobody has signed in on yet.",
		}, func() float64 { return float64(p.sql.Connections()) }))
	}
	return err
}

// answerSQL serves one connection of a client of PostgreSQL.
func (p *Program) answerSQL(raw net.Conn) {
	if p.sql == nil { // a configuration that was taken up since has no such door
		_ = raw.Close()
		return
	}
	p.sql.Answer(raw)
}

// shutSQL has each connection for SQL end once its statement is answered; when ctx ends they are
// cut.
func (p *Program) shutSQL(ctx context.Context) error {
	if p.sql == nil {
		return nil
	}
	return p.sql.Shutdown(ctx)
}

// databases is the room where passwords for the door are given.
func (p *Program) databases(o *Opened, shell *portal.Shell) portal.Room {
	deps := databases.Deps{Host: o.SQL.Host, Port: o.SQL.Port, Passwords: signin.ConnectionsOf(p.door), Gate: p.Gate, Roster: o.Roster}
	for _, service := range o.SQL.Services {
		one := databases.Database{ID: service.ID}
		for _, s := range service.Statements {
			one.Statements = append(one.Statements, databases.Statement{Name: s.Name, Purpose: s.Purpose})
		}
		deps.Databases = append(deps.Databases, one)
	}
	return databases.New(shell, deps)
}

// databases are the services behind the door for SQL, as the portal speaks of them.
func (o *Opened) databases() (list []portal.Service) {
	if o.SQL == nil {
		return nil
	}
	for _, service := range o.SQL.Services {
		one := portal.Service{ID: service.ID, Name: service.Name, About: o.About[service.ID], Address: o.Origin + databases.Path}
		for _, s := range service.Statements {
			if !slices.Contains(one.For, s.Purpose) {
				one.For = append(one.For, s.Purpose)
			}
		}
		list = append(list, one)
	}
	return list
}
