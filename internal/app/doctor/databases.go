package doctor

import (
	"context"
	"fmt"

	"poterne/internal/gate/pggate"
)

// databases looks at each behind the door for SQL, as the door will ask it.
func (x *examination) databases(ctx context.Context) {
	if x.SQL == nil {
		return
	}
	for _, service := range x.SQL.Services {
		x.behind(ctx, service)
	}
}

func (x *examination) behind(ctx context.Context, service pggate.Service) {
	about := "database behind " + string(service.ID)
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	seen, err := pggate.Look(ctx, service, x.Schemes)
	if err != nil {
		x.say(Wrong, about, err.Error(), "start it, or look at server under [[sql.service]], its password and its certificate")
		return
	}
	way := "without TLS, on this machine"
	if seen.TLS {
		way = "by TLS"
	}
	x.say(OK, about, fmt.Sprintf("PostgreSQL %s, %s", seen.Version, way), "")
	for _, one := range seen.Wrong {
		x.say(Wrong, about, fmt.Sprintf("statement %s: %s", one.Name, one.Why), "declare it as the database has it, or give the role what it reads; it is refused until then")
	}
	if len(seen.Wrong) == 0 && len(service.Statements) > 0 {
		x.say(OK, about, fmt.Sprintf("it describes all %d statements as they are declared", len(service.Statements)), "")
	}
	switch {
	case seen.Super:
		x.say(Wrong, about, "its role is above the rights of tables or of rows", "give it one that reads what the statements read, and nothing else")
	case seen.Writes > 0:
		x.say(Check, about, fmt.Sprintf("its role may change %d tables or views; the door only reads, and whoever has the role's password need not", seen.Writes), "take those rights away")
	}
	x.say(OK, about, fmt.Sprintf("ways round the door: %d other roles may connect to it; from where, and from where this one may, is not seen from here: pg_hba.conf and the network say", seen.Others), "")
}
