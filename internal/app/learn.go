package app

import (
	"context"
	"fmt"
	"strings"

	"poterne/internal/gate/shape"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// shapes is the name under which is kept what undeclared requests looked like.
const shapes = "shapes"

// Drafts writes what is missing of each service's declaration, or of one, as far as
// requests showed it; or says that none did, and what that may mean.
func (o *Opened) Drafts(ctx context.Context, only roster.ServiceID) (string, error) {
	seen := shape.NewBook()
	broken := seen.Load(ctx, store.NewKept(o.DB, shapes))
	var b strings.Builder
	met := only == ""
	for _, service := range o.Services {
		if only != "" && service.ID != only {
			continue
		}
		met = true
		if drafted := shape.Draft(seen.Shapes(service.ID), o.Rules.Categories, o.Schemes.Own()); drafted != "" {
			fmt.Fprintf(&b, "# %s: put what you keep of this after its [[service]], and look at each line.\n# Names that are no plain words stand as %s: they may be somebody's, and are not kept.\n\n%s", service.ID, shape.Placeholder, drafted)
			continue
		}
		fmt.Fprintf(&b, "# %s: nothing was refused because nobody declared it. Either nobody asked for anything of it since it is served, signed in, or all that was asked is declared.\n", service.ID)
		if service.Learn == "" {
			fmt.Fprintf(&b, "# With learn = the name of a purpose, it is asked for what nobody declared, and this says what its answers look like.\n")
		}
	}
	switch {
	case !met:
		return "", fmt.Errorf("no service %q is declared", only)
	case broken != nil:
		return "", fmt.Errorf("what was seen cannot be read: %w; the running program begins it anew", broken)
	}
	return b.String(), nil
}
