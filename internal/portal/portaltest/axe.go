package portaltest

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Readable are scripts that complain of a page, each a list of sentences. The last wants Axe
// in the page.
var Readable = []string{tooWide, tooSmall, astray, axeRun}

// tooWide complains of a page that must be scrolled sideways.
const tooWide = `document.documentElement.scrollWidth > innerWidth
	? ["the page is " + document.documentElement.scrollWidth + " wide in a window of " + innerWidth] : []`

// tooSmall complains of what is hard to hit: targets under 24 pixels, except
// links within a sentence.
const tooSmall = `[...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, summary")]
	.filter(e => !e.matches(".skip, p a"))
	.map(e => [e, e.getBoundingClientRect()])
	.filter(([, box]) => box.width < 24 || box.height < 24)
	.map(([e, box]) => e.outerHTML.slice(0, 80) + " is " + Math.round(box.width) + " by " + Math.round(box.height))`

// astray complains of labels that stand beside the field before theirs. That of a tick box may be higher than it.
const astray = `[...document.querySelectorAll("label[for]")].filter(e => !["radio", "checkbox"].includes(document.getElementById(e.htmlFor)?.type))
	.map(e => [e, e.getBoundingClientRect(), document.getElementById(e.htmlFor)?.getBoundingClientRect()])
	.filter(([, label, field]) => field && label.width > 1 && label.top < field.top - 8 && label.left > field.left + 8)
	.map(([e]) => "the label of " + e.htmlFor + " stands to the right above its field")`

// axeRun has axe-core judge the page by WCAG 2.2 AA, and by enhanced contrast. It says no
// more of what it finds right than that it is.
const axeRun = `axe.run({
	resultTypes: ["violations"],
	selectors: false,
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	rules: {"color-contrast-enhanced": {enabled: true}},
}).then(found => found.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 120)).join(" | ")))`

const axeVersion = "4.14.1"

// Axe is axe-core's script: from POTERNE_AXE, or from npm.
func Axe(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("POTERNE_AXE"); path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("neither POTERNE_AXE nor npm is here: the gallery is not judged by axe-core")
	}
	folder := t.TempDir()
	pack := exec.CommandContext(t.Context(), npm, "pack", "--silent", "--pack-destination", folder, "axe-core@"+axeVersion)
	pack.Dir = folder
	if said, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("npm pack: %v: %s", err, said)
	}
	file, err := os.Open(filepath.Join(folder, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	script, err := unpack(file, "package/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// unpack returns one file of a packed folder.
func unpack(packed io.Reader, name string) (string, error) {
	plain, err := gzip.NewReader(packed)
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("looking for %s: %w", name, err)
		}
		if header.Name == name {
			var text strings.Builder
			_, err := io.Copy(&text, files)
			return text.String(), err
		}
	}
}
