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
	own     string
	aliases Aliases
}

// NewDirectory takes the pseudonym key, and the scheme of the register's own
// identifiers: those need no alias.
func NewDirectory(key register.Key, own string, aliases Aliases) *Directory {
	return &Directory{key, own, aliases}
}

// People returns the person behind each reference, in their order: nobody (the
// zero PersonID) for a reference that leads nowhere.
func (d *Directory) People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error) {
	people := make([]register.PersonID, len(refs))
	var foreign []register.Alias
	for i, ref := range refs {
		switch {
		case ref.Value == "":
		case ref.Scheme == d.own:
			people[i] = d.key.Person(ref.Value)
		default:
			foreign = append(foreign, d.key.Alias(ref))
		}
	}
	if len(foreign) == 0 {
		return people, nil
	}
	found, err := d.aliases.People(ctx, foreign)
	if err != nil {
		return nil, unavailable(err)
	}
	for i, ref := range refs {
		if ref.Value != "" && ref.Scheme != d.own {
			people[i], foreign = found[foreign[0]], foreign[1:]
		}
	}
	return people, nil
}
