package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What a newcomer runs first: the program shows on this machine what it claims, in a new
// folder, writes a page of it in both languages, and answers yes. Then a program in another
// language, which has nothing of Poterne, reads the folder that everybody may verify: it
// passes the one that nobody touched, and finds what was done to each of the others.
//
// Promises: RUN-1, TELL-5, LEDGER-1, LEDGER-3, METER-3, ACT-1, RIGHTS-9
func TestRUN_1_TheProgramProvesItselfAndAnotherVerifiesWhatItPublished(t *testing.T) {
	t.Parallel()
	kills := "20"
	if testing.Short() {
		kills = "3"
	}
	dir, page := filepath.Join(t.TempDir(), "proof"), filepath.Join(t.TempDir(), "proof.html")
	output, code := poterne(t, "prove-it", "--dir", dir, "--html", page, "--kills", kills, "--lang", "en")
	if code != 0 || strings.Count(output, "✓") != 2*7 || strings.Contains(output, "✗") || !strings.Contains(output, "All 7 promises held on this machine.") {
		t.Fatalf("it ended with %d:\n%s", code, output)
	}
	for _, said := range []string{"entry 257: removed", "entry 300: changed", "entries 5 to 6: re-ordered", "planted.account has no seal", "seconds per million entries"} {
		if !strings.Contains(output, said) {
			t.Errorf("it does not say %q", said)
		}
	}
	if again, code := poterne(t, "prove-it", "--dir", dir); code == 0 {
		t.Errorf("it takes a folder that is there already:\n%s", again)
	}

	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not here: tools/prepare installs it")
	}
	verify := func(folder string) (said string, code int) {
		command := exec.Command("python3", "../tools/verify.py", folder, filepath.Join(dir, "site", "checkpoint.pub"), filepath.Join(dir, "published", "checkpoint"))
		out, err := command.CombinedOutput()
		if err != nil && command.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), command.ProcessState.ExitCode()
	}
	if said, code := verify(filepath.Join(dir, "published")); code != 0 {
		t.Errorf("the folder that nobody touched: it ends with %d:\n%s", code, said)
	}
	for copied, named := range map[string]string{
		"deleted": "tile/entries/000: has not the 256 entries", "altered": "entry 5 is not the one in the tree",
		"swapped": "entry 6 is not the one in the tree", "planted": "entry 5 is not the one in the tree",
		"resigned": "not signed by this ledger's key", "old": "are gone",
	} {
		if said, code := verify(filepath.Join(dir, "copies", "published-"+copied)); code != 1 || !strings.Contains(said, named) {
			t.Errorf("%s: it ends with %d and says\n%s", copied, code, said)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil || strings.Count(string(text), `<section lang="`) != 2 {
		t.Errorf("the page has not both languages: %v", err)
	}
	for _, width := range []int64{1280, 390} {
		s := newScreen(t, "file://"+page, "fr-FR")
		s.do(chromedp.EmulateViewport(width, 900))
		s.open("")
		s.says("main", "Les 7 promesses ont été tenues", "All 7 promises held")
		s.keep("prove-it")
	}
}
