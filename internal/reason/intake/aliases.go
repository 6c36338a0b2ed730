package intake

import (
	"context"
	"fmt"
	"io"

	"poterne/internal/register"
)

// Alias is an identifier of another system, and the person it leads to.
type Alias struct {
	Alias  register.Alias
	Person register.PersonID
}

// AliasStore stores aliases. When TakeAliases returns nil, all of them MUST be durable;
// otherwise none. An alias told again is replaced; none comes twice in one call.
type AliasStore interface {
	TakeAliases(ctx context.Context, aliases []Alias) error
}

// Aliases takes in the identifiers that other systems have for people.
type Aliases struct {
	store AliasStore
	key   register.Key
	as    register.Schemes
}

// NewAliases returns an intake of aliases. The register's own identifiers need
// none.
func NewAliases(store AliasStore, key register.Key, as register.Schemes) *Aliases {
	return &Aliases{store, key, as}
}

var aliasColumns = []string{"scheme", "identifier", "register_identifier"}

// Take reads aliases. The report is right even when there is an error: that many
// lines were kept before it.
func (in *Aliases) Take(ctx context.Context, format Format, from io.Reader, said Said) (Report, error) {
	return take(ctx, format, aliasColumns, from, said, func(records []record) ([]Rejection, error) {
		return in.keep(ctx, records)
	})
}

func (in *Aliases) keep(ctx context.Context, records []record) (rejected []Rejection, err error) {
	var aliases []Alias
	place := make(map[register.Alias]int, len(records))
	for _, r := range records {
		ref := r.reference(in.as, r.need("scheme"), "identifier")
		own := r.reference(in.as, in.as.Own(), "register_identifier")
		if r.text("scheme") == in.as.Own() {
			r.reject("scheme", "the register's own identifiers need no alias")
		}
		if r.wrong != "" {
			rejected = append(rejected, Rejection{r.line, r.wrong})
			continue
		}
		alias := in.key.Alias(ref)
		i, again := place[alias]
		if !again {
			i = len(aliases)
			place[alias] = i
			aliases = append(aliases, Alias{})
		}
		aliases[i] = Alias{alias, in.key.Person(own.Value)} // the last line wins, as it does across batches
	}
	if err := in.store.TakeAliases(ctx, aliases); err != nil {
		return nil, fmt.Errorf("keeping aliases: %w", err)
	}
	return rejected, nil
}
