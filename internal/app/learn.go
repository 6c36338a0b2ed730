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
	draft := func(service roster.ServiceID, learn roster.Purpose, table, asked string) {
		if only != "" && service != only {
			return
		}
		met = true
		if drafted := shape.Draft(seen.Shapes(service), o.Rules.Categories, o.Schemes.Own()); drafted != "" {
			fmt.Fprintf(&b, "# %s: put what you keep of this after its [[%s]], and look at each line.\n# Names that are no plain words stand as %s: they may be somebody's, and are not kept.\n\n%s", service, table, shape.Placeholder, drafted)
			return
		}
		fmt.Fprintf(&b, "# %s: nothing was refused because nobody declared it. Either nobody asked for anything of it since it is served, signed in, or all that was asked is declared.\n", service)
		if learn == "" {
			fmt.Fprintf(&b, "# With learn = the name of a purpose, it is asked %s.\n", asked)
		}
	}
	for _, service := range o.Services {
		draft(service.ID, service.Learn, "service", "for what nobody declared, and this says what its answers look like")
	}
	if o.SQL != nil {
		for _, service := range o.SQL.Services {
			draft(service.ID, service.Learn, "sql.service", "to describe what nobody declared, runs nothing of it, and this says what its columns look like")
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
