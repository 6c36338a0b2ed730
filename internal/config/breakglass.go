package config

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"poterne/internal/breakglass"
)

// glassTable is the access that is left when the identity provider is away: a sealed
// password, made by `poterne keys break-glass`, that opens what it takes to freeze and close,
// and no file. It is reached from networks only: whoever reaches it can lock it by wrong tries.
type glassTable struct {
	SealedFile string   `toml:"sealed_file" need:"sealed_file = \"break-glass.sealed\"; poterne keys break-glass makes it"`
	Networks   []string `toml:"networks" need:"networks = [\"counter\"], from where it is reached; others can neither try it nor lock it"`
}

// BreakGlass is that access.
type BreakGlass struct {
	Sealed   breakglass.Sealed
	Networks []string // classes
}

// breakGlass reads the access, where there is one.
func (c *config) breakGlass(s *Settings, files secretFiles) {
	if c.BreakGlass == nil {
		return
	}
	known := s.Networks.Names()
	for i, name := range c.BreakGlass.Networks {
		if !slices.Contains(known, name) {
			files.wrong.Add(index("break_glass.networks", i), "%q is none of the networks; write one of %v", name, known)
		}
	}
	s.BreakGlass = &BreakGlass{
		Sealed: readSecret(files, "break_glass.sealed_file", c.BreakGlass.SealedFile, breakglass.Parse), Networks: c.BreakGlass.Networks,
	}
}

// SealBreakGlass writes into a folder what knows a new password of the break-glass access, and
// then says the password, once.
func SealBreakGlass(dir string, to io.Writer) error {
	password, sealed := breakglass.Seal()
	if err := (Key{"break-glass.sealed", sealed.Text()}).Write(dir); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "%s\n%s\nWrite it on paper, and seal it. It is said once.\n", filepath.Join(dir, "break-glass.sealed"), password)
	return err
}
