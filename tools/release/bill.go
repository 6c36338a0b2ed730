package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// The part of CycloneDX 1.6 that says what a program is made of.
type (
	bill struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		PURL       string     `json:"purl,omitempty"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn"`
	}
)

// billOf lists what a program was built from, as Go wrote it into the program: the
// modules that are in it, and no others, and what lies beside it. A module's hash is that of its folder (h1, as in
// go.sum), under a name of its own: it is no hash of a file.
func billOf(version string, when time.Time, program string, beside ...component) ([]byte, error) {
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	own := component{Type: "application", Ref: "poterne", Name: "poterne", Version: version}
	for _, setting := range built.Settings {
		if strings.HasPrefix(setting.Key, "vcs.") || setting.Key == "GOARCH" || setting.Key == "GOOS" {
			own.Properties = append(own.Properties, property{"go:" + setting.Key, setting.Value})
		}
	}
	standard := strings.TrimPrefix(built.GoVersion, "go")
	b := bill{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata:   metadata{when.Format(time.RFC3339), own},
		Components: []component{{Type: "library", Ref: "std", Name: "std", Version: standard, PURL: "pkg:golang/std@" + standard}},
	}
	needs := dependency{Ref: "poterne", On: []string{"std"}}
	for _, m := range built.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c, err := componentOf(m)
		if err != nil {
			return nil, err
		}
		b.Components = append(b.Components, c)
		needs.On = append(needs.On, c.Ref)
	}
	for _, c := range beside {
		b.Components = append(b.Components, c)
		needs.On = append(needs.On, c.Ref)
	}
	b.Dependencies = []dependency{needs}
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}

// componentOf says which module something is, as Go knows it.
func componentOf(m *debug.Module) (component, error) {
	c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + url.PathEscape(m.Version)}
	c.Ref = c.PURL
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
	if err != nil || len(sum) != 32 {
		return c, fmt.Errorf("%s has no sum", m.Path)
	}
	c.Properties = []property{{"go:h1", hex.EncodeToString(sum)}}
	return c, nil
}
