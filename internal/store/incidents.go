package store

import (
	"context"
	"time"

	"poterne/internal/incident"
	"poterne/internal/ledger"
)

// Incidents is the journals of incidents' files.
type Incidents struct{ db *DB }

// NewIncidents returns the files in a database.
func NewIncidents(db *DB) Incidents { return Incidents{db} }

// IncidentLines returns the lines of all files, in the order of their numbers.
func (i Incidents) IncidentLines(ctx context.Context) ([]incident.Line, error) {
	lines, err := incidentLines(ctx, i.db.read, incidentColumns+` order by number`)
	return lines, i.db.engine.classify(err)
}

const incidentColumns = `select number, file, at_us, author, approver, what, body from incident_line`

func incidentLines(ctx context.Context, db querier, query string, args ...any) ([]incident.Line, error) {
	return collect(ctx, db, func(row scanner) (l incident.Line, err error) {
		var at int64
		err = row.Scan(&l.Number, &l.File, &at, &l.By, &l.Approver, &l.What, &l.Body)
		l.At = time.UnixMicro(at).UTC()
		return l, err
	}, query, args...)
}

// incidentRows is the journals of incidents' files, in a turn.
type incidentRows struct{ *turn }

// IncidentLines implements incident.Rows.
func (r incidentRows) IncidentLines(file ledger.Number) ([]incident.Line, error) {
	lines, err := incidentLines(r.ctx, r.tx, incidentColumns+` where file = $1 order by number`, int64(file))
	return lines, doing("reading an incident", err)
}

// InsertIncidentLine implements incident.Rows.
func (r incidentRows) InsertIncidentLine(l incident.Line) error {
	const insert = `insert into incident_line (number, file, at_us, author, approver, what, body) values ($1, $2, $3, $4, $5, $6, $7)`
	_, err := r.exec(insert, int64(l.Number), int64(l.File), l.At.UnixMicro(), string(l.By), string(l.Approver), string(l.What), l.Body)
	return doing("adding a line to an incident", err)
}
