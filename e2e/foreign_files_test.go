package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/lab/town/life"
)

// HFS is a file server with a folder for each person, whose page is made by scripts: they read what lies
// in a folder by server-sent events. Its user lists, opens and downloads in a browser, as without Poterne,
// but for strangers.
//
// Promises: RUN-9, SCOPE-9, SCOPE-11
func TestRUN_9_FilesWithAPageMadeByScriptsAreGuardedInABrowser(t *testing.T) {
	t.Parallel()
	application, shared := fileServer(t)
	h := newHouse(t, "foreign", map[string]string{"http://127.0.0.1:3000": application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	service, routes := declarationOf(t, "HFS")
	service = strings.NewReplacer("http://127.0.0.1:3300", application, `id = "files"`, `id = "people"`, "files.example", "people.localhost").Replace(service)
	host := strings.Replace(h.origin, "localhost", "people.localhost", 1)

	t.Log("Nothing is declared: what its page asks for is refused, and learnt from.")
	h.declares(strings.Replace(service, "\n\n", "\nlearn = \"accompany\"\n\n", 1))
	program := h.serve()
	met := life.NewBrowser(host)
	_ = met.SignIn(t.Context(), "0")
	for _, path := range []string{"/people/", "/people/" + foreigner(3) + "/", "/people/" + foreigner(3) + "/letter.pdf", "/~/frontend/fontello.css", "/~/frontend/fontello.woff2", "/~/frontend/assets/" + hfsScript, "/~/api/get_file_list?uri=/people/", "/~/api/get_file_list?uri=/people/" + foreigner(3) + "/"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(path, "/api/") { // as the page's scripts do
			request.Header.Set("Accept", "text/event-stream")
		}
		if page, err := met.Do(request); err != nil || page.Status != http.StatusForbidden {
			t.Errorf("%s: %d %v", path, page.Status, err)
		}
	}
	program.stop()
	draft := h.poterne("learn", "--config", h.config)
	declaresNobodyHarmless(t, draft)
	share(t, routes, draft)

	t.Log("From now on all of it is declared.")
	h.declares(service + routes)
	h.serve()
	pauline := newScreen(t, host, "en-GB")
	pauline.open("/people/")
	pauline.click("button[name=person][value='0']")
	pauline.arrivesAt("/people/")
	pauline.comesToSay("ul.dir", foreigner(40), 30*time.Second)
	if folders := pauline.count("ul.dir a[href$='/']"); folders != 4 { // two of her own, and two strangers
		t.Errorf("%d people are shown, of 40: %s", folders, pauline.text("ul.dir"))
	}
	pauline.keep("hfs-list")
	own := "/people/" + foreigner(3) + "/"
	if status := pauline.open(own); status != http.StatusOK {
		t.Fatalf("the folder of one of her own is answered with %d", status)
	}
	pauline.comesToSay("ul.dir", "letter.pdf", 30*time.Second)
	fetch := func(path string) string {
		return pauline.evaluate(fmt.Sprintf("fetch(%q).then(async r => r.status + ' ' + (r.ok ? await r.text() : ''))", path))
	}
	links := pauline.links("ul.dir a[href$='letter.pdf']")
	if len(links) == 0 {
		t.Fatal("the page does not lead to her letter")
	}
	if got := fetch(links[0]); got != "200 "+letter(3) {
		t.Errorf("her letter came as %q", got)
	}
	pauline.keep("hfs-folder")

	t.Log("What was added since is there when the page asks again: HFS tells no open page of it.")
	if err := os.WriteFile(filepath.Join(shared, foreigner(3), "second.pdf"), []byte(letter(3)), 0o600); err != nil {
		t.Fatal(err)
	}
	pauline.open(own)
	pauline.comesToSay("ul.dir", "second.pdf", 30*time.Second)

	t.Log("No stranger's folder opens, is listed, or has its file handed over.")
	pauline.tries()
	for _, path := range []string{"/people/" + foreigner(20) + "/", "/people/" + foreigner(20) + "/letter.pdf", "/~/api/get_file_list?uri=/people/" + foreigner(20) + "/", "/~/api/get_file_list?uri=/", "/~/api/get_file_list?uri="} {
		if got := fetch(path); got != "403 " {
			t.Errorf("%s is answered with %.80q", path, got)
		}
	}
	h.verified()
}

// hfsScript is what HFS's page is made by.
const hfsScript = "index-Uv-vNCsJ.js"

// letter is what lies in the folder of one of the forty invented people.
func letter(n int) string {
	return fmt.Sprintf("%%PDF-1.4\n%% to contact%d@boite.example\n%%%%EOF\n", n)
}

// fileServer starts HFS over a folder for each of the forty invented people, and returns its address and
// where they lie.
func fileServer(t *testing.T) (address, shared string) {
	program := npm(t, "hfs", "0.52.9", filepath.Join("src", "index.js"))
	place := t.TempDir()
	shared = filepath.Join(place, "people")
	for n := 1; n <= 40; n++ {
		folder := filepath.Join(shared, foreigner(n))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "letter.pdf"), []byte(letter(n)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t)
	settings := fmt.Sprintf("port: %d\nopen_browser_at_start: false\nvfs: { children: [ { name: people, source: %q } ] }\n", port, shared)
	if err := os.WriteFile(filepath.Join(place, "config.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	neighbour(t, exec.Command("node", program, "--cwd", place), port)
	return fmt.Sprintf("http://127.0.0.1:%d", port), shared
}
