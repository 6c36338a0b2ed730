package gate

import (
	"context"

	"poterne/internal/register"
)

// Aliases is the table that leads identifiers of applications to people.
type Aliases interface {
	// People returns whom each alias leads to; one that leads nowhere is left out.
	People(ctx context.Context, aliases []register.Alias) (map[register.Alias]register.PersonID, error)
}

// Directory finds the person behind a reference, so that one person counts once
// whichever application showed them. Its zero value is not usable.
type Directory struct {
	key     register.Key
	schemes register.Schemes
	aliases Aliases
}

// NewDirectory takes the pseudonym key, and how identifiers are written: the
// register's own need no alias.
func NewDirectory(key register.Key, schemes register.Schemes, aliases Aliases) *Directory {
	return &Directory{key, schemes, aliases}
}

// People returns the person behind each reference, in their order: nobody (the
// zero PersonID) for a reference that leads nowhere, or has not the form of its
// scheme.
func (d *Directory) People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error) {
	people := make([]register.PersonID, len(refs))
	var foreign []register.Alias
	var places []int // of foreign references
	for i, ref := range refs {
		ref, err := d.schemes.Told(ref.Scheme, ref.Value)
		switch {
		case err != nil:
		case ref.Scheme == d.schemes.Own():
			people[i] = d.key.Person(ref.Value)
		default:
			foreign, places = append(foreign, d.key.Alias(ref)), append(places, i)
		}
	}
	if len(foreign) == 0 {
		return people, nil
	}
	found, err := d.aliases.People(ctx, foreign)
	if err != nil {
		return nil, unavailable(err)
	}
	for n, i := range places {
		people[i] = found[foreign[n]]
	}
	return people, nil
}
