package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"poterne/internal/audit"
	"poterne/internal/config"
	"poterne/internal/custody"
	"poterne/internal/gate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	ledgerindex "poterne/internal/ledger/index"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
)

// Opened is a configuration with its database open: for the program, and for commands
// beside it.
type Opened struct {
	config.Settings
	Now   func() time.Time
	Index *ledgerindex.Index // of the ledger; nil unless WithIndex was called

	// Found is what the file says, where two people have not allowed it: Settings are what they
	// allowed last, under what is of this machine. It is nil elsewhere.
	Found *config.Settings

	DB      *store.DB
	Ledger  store.Ledger
	Months  store.Months
	Roster  store.Roster
	Orders  store.Orders
	Facts   store.Facts
	Aliases store.Aliases

	index    *indexdb.DB
	declared register.Categories // by the configuration alone
}

func opened(s config.Settings, db *store.DB) *Opened {
	return &Opened{
		Settings: s, Now: time.Now, DB: db, declared: s.Rules.Categories,
		Ledger: store.NewLedger(db), Months: store.NewMonths(db), Roster: store.NewRoster(db), Orders: store.NewOrders(db),
		Facts: store.NewFacts(db), Aliases: store.NewAliases(db),
	}
}

// Open opens the database of a configuration. Where a change of it takes two people, it goes by what
// they allowed last.
func Open(ctx context.Context, s config.Settings) (*Opened, error) {
	o, err := OpenConcealed(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := o.DB.Conceal(ctx, s.Pseudonyms); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := o.DB.Hold(ctx, s.Pseudonym.Mark()); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := o.DB.Seal(ctx, s.Seals); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := o.goesBy(ctx); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := o.gloss(ctx); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// OpenConcealed is Open for what needs to know nobody and writes no row that decides: it
// can do without the epoch key and the seal keys.
func OpenConcealed(ctx context.Context, s config.Settings) (*Opened, error) {
	var db *store.DB
	var err error
	if s.Server != "" {
		db, err = store.OpenPostgreSQL(ctx, s.Server)
	} else {
		db, err = store.OpenSQLite(ctx, s.Database)
	}
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	return opened(s, db), nil
}

// Look is OpenConcealed for what is only read: it makes no database, and brings none up
// to date.
func Look(ctx context.Context, s config.Settings) (*Opened, error) {
	if s.Server != "" {
		return OpenConcealed(ctx, s)
	}
	db, err := store.LookSQLite(ctx, s.Database)
	if err != nil {
		return nil, err
	}
	return opened(s, db), nil
}

// OpenAsOwner opens a database on PostgreSQL as the role that owns its tables and may
// drop what the program may not.
func OpenAsOwner(ctx context.Context, s config.Settings, owner string) (*Opened, error) {
	db, err := store.OpenAsOwner(ctx, owner, s.Server)
	if err != nil {
		return nil, err
	}
	o := opened(s, db)
	if err := db.Seal(ctx, s.Seals); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := o.goesBy(ctx); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Migrate brings a database up to this program's schema, on PostgreSQL as the role
// that owns its tables, and returns the schema's number.
func Migrate(ctx context.Context, s config.Settings, owner string) (schema int, err error) {
	if s.Server != "" {
		return store.Schema(), store.MigratePostgreSQL(ctx, owner, s.Server)
	}
	db, err := store.OpenSQLite(ctx, s.Database) // which brings it up to date
	if err != nil {
		return 0, err
	}
	return store.Schema(), errors.Join(db.Ping(ctx), db.Close())
}

// Copy copies a database in SQLite while it is written, and opens the copy.
func (o *Opened) Copy(ctx context.Context, to string) (*Opened, error) {
	if err := o.DB.CopyTo(ctx, to); err != nil {
		return nil, err
	}
	db, err := store.OpenSQLite(ctx, to)
	if err != nil {
		return nil, err
	}
	return opened(o.Settings, db), nil
}

// WithIndex opens the index of the ledger, too. It does not follow the ledger yet.
func (o *Opened) WithIndex(ctx context.Context) (err error) {
	if o.Server != "" {
		o.index, err = indexdb.OpenPostgreSQL(ctx, o.Server)
	} else {
		o.index, err = indexdb.OpenSQLite(ctx, o.Database)
	}
	if err == nil {
		o.Index = ledgerindex.New(ledgerindex.Standard, o.Ledger, o.index)
		o.Index.Names = o.Rules.Categories
	}
	return err
}

// Close closes what is open.
func (o *Opened) Close() (err error) {
	if o.index != nil {
		err = o.index.Close()
	}
	return errors.Join(err, o.DB.Close())
}

// Audit holds rows against the ledger.
func (o *Opened) Audit() *audit.Audit {
	return audit.New(o.Ledger, store.NewAudit(o.DB), o.Now)
}

// Writer writes beside a running program.
func (o *Opened) Writer() journal.Outside { return journal.Outside{DB: o.Ledger, Now: o.Now} }

// Directory leads identifiers to people.
func (o *Opened) Directory() *gate.Directory {
	return gate.NewDirectory(o.Pseudonym, o.Schemes, o.Aliases)
}

// Council calls the ledger's witnesses together.
func (o *Opened) Council(log *slog.Logger) *witness.Council {
	client := &http.Client{CheckRedirect: witness.StayPut}
	return witness.New(o.Witnessing.Witnesses, o.Witnessing.Need, o.Ledger, o.Signer, o.Verifier, client, o.Now, log)
}

// Published is the ledger as everybody sees it: under its witnesses' signatures.
func (o *Opened) Published() tiles.Source {
	quorum := witness.Quorum{Need: o.Witnessing.Need}
	for _, w := range o.Witnessing.Witnesses {
		quorum.Keys = append(quorum.Keys, w.Key)
	}
	return witness.Published{Catalogue: o.Ledger, Quorum: quorum, Verifier: o.Verifier, Now: o.Now}
}

// TakesFacts takes in what other systems say about people.
func (o *Opened) TakesFacts(w journal.Writer, by roster.AccountID) intake.Facts {
	return intake.Facts{Writer: w, By: by, Directory: o.Directory(), Schemes: o.Schemes, Roster: o.Roster, Sources: o.Sources, Covers: o.Rules.Covers, Arrivals: o.Arrivals, Now: o.Now}
}

// TakesAliases takes in which identifiers of other systems lead to whom.
func (o *Opened) TakesAliases(by roster.AccountID) intake.Aliases {
	return intake.Aliases{Writer: o.Writer(), By: by, Key: o.Pseudonym, Schemes: o.Schemes}
}

// retain writes in the ledger how long it is kept, when that has changed.
func (o *Opened) retain(ctx context.Context, log *slog.Logger) error {
	retain := custody.Retain{Setting: o.Retention}
	_, err := journal.Do(ctx, o.Writer(), retain)
	switch {
	case errors.Is(err, journal.Unchanged):
	case err != nil:
		return fmt.Errorf("writing down how long the ledger is kept: %w", err)
	default:
		log.InfoContext(ctx, "how long the ledger is kept has changed", slog.Int("months", o.Retention.Months))
	}
	return nil
}
