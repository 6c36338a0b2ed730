package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// ask runs a program and returns what it printed.
func ask(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// made is what is made of this tree, as the one commit of a repository in a folder of its own:
// how the tree came here, and whose it is, does not matter.
func made(t *testing.T, folder string) release {
	t.Helper()
	dir := filepath.Join(t.TempDir(), folder)
	r := release{root: filepath.Join(dir, "source"), out: filepath.Join(dir, "out"), architectures: []string{runtime.GOARCH}}
	if err := os.CopyFS(r.root, sources{os.DirFS(filepath.Join("..", ".."))}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_AUTHOR_DATE", "2026-01-05T08:00:00Z")
	t.Setenv("GIT_COMMITTER_DATE", "2026-01-05T08:00:00Z")
	for _, command := range [][]string{
		{"init", "--quiet"},
		{"add", "--all"},
		{"-c", "user.name=Poterne", "-c", "user.email=poterne@poterne.example", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message", "the tree as it is"},
	} {
		ask(t, "git", append([]string{"-C", r.root}, command...)...)
	}
	r.results = dir
	r.tested(t, ask(t, "git", "-C", r.root, "rev-parse", "HEAD"), "pass")
	if err := r.make(); err != nil {
		t.Fatal(err)
	}
	return r
}

// one test of a promise, which is held by others too.
const ofOne = "TestRUN_11_TheSameCommitMakesTheSameBytesInAnotherFolder"

// tested leaves results, as tools/test would on a commit.
func (r release) tested(t *testing.T, commit, result string) {
	t.Helper()
	event := fmt.Sprintf(`{"Action":%q,"Package":"poterne/tools/release","Test":%q}`+"\n", result, ofOne)
	if err := errors.Join(os.WriteFile(filepath.Join(r.results, "test.commit"), []byte(commit), 0o600), os.WriteFile(filepath.Join(r.results, "test.json"), []byte(event), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// The program that is released says how the tests of its promises went. Those of another
// commit, those that failed and none are no results of a release.
//
// Promise: RUN-11
func TestRUN_11_AReleaseSaysHowItsTestsWentAndIsMadeOfNoneThatFailed(t *testing.T) {
	r := one(t)
	root := t.TempDir()
	ask(t, "dpkg-deb", "--extract", r.deb(), root)
	said := ask(t, filepath.Join(root, "usr", "bin", "poterne"), "version", "--promises")
	for _, line := range []string{"How the tests went on commit " + r.commit + ":", "tools/release." + ofOne + ": pass", "METER-1 ", " promises: "} {
		if !strings.Contains(said, line) {
			t.Errorf("it does not say %q:\n%s", line, said)
		}
	}
	r.root, r.results = filepath.Join("..", ".."), t.TempDir()
	for name, c := range map[string]struct{ commit, result, why string }{
		"another commit": {strings.Repeat("0", 40), "pass", "the results are of"},
		"changes":        {r.commit + " and changes", "pass", "the results are of"},
		"one failed":     {r.commit, "fail", "none of a release"},
	} {
		r.tested(t, c.commit, c.result)
		if err := r.tell(t.TempDir()); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.results, r.version = "", "1.0.0"
	if err := r.read(); err == nil || !strings.Contains(err.Error(), "how its tests went") {
		t.Errorf("without results: %v", err)
	}
}

// sources is a tree without what is no source.
type sources struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return name == "." && (e.Name() == ".git" || e.Name() == "artifacts")
	}), err
}

// shared is what the first test made that needed it; it outlives that test.
var shared struct {
	release
	dir string
}

func one(t *testing.T) release {
	t.Helper()
	if shared.version == "" {
		r := made(t, "one")
		if err := os.CopyFS(shared.dir, os.DirFS(r.out)); err != nil {
			t.Fatal(err)
		}
		r.out = shared.dir
		shared.release = r
	}
	return shared.release
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "poterne-release-test-")
	if err != nil {
		panic(err)
	}
	shared.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func (r release) deb() string {
	return filepath.Join(r.out, "poterne_"+r.version+"_"+runtime.GOARCH+".deb")
}

// has reports whether a program is at hand, and says so if it is not.
func has(t *testing.T, name string) bool {
	_, err := exec.LookPath(name)
	if err != nil {
		t.Logf("%s is not at hand, and what it would say is not known", name)
	}
	return err == nil
}

// Promise: RUN-11
func TestRUN_11_TheSameCommitMakesTheSameBytesInAnotherFolder(t *testing.T) {
	a := one(t)
	t.Setenv("GOPROXY", "off") // nobody is asked for a module that was brought along
	b := made(t, filepath.Join("another", "deeper"))
	var names []string
	err := fs.WalkDir(os.DirFS(a.out), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		names = append(names, name)
		one, err := os.ReadFile(filepath.Join(a.out, name))
		other, missing := os.ReadFile(filepath.Join(b.out, name))
		if !bytes.Equal(one, other) {
			t.Errorf("%s differs, %d bytes and %d: %v", name, len(one), len(other), errors.Join(err, missing))
		}
		return nil
	})
	if err != nil || len(names) != 5 {
		t.Fatalf("%q: %v", names, err)
	}
	if has(t, "sha256sum") {
		command := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
		command.Dir = a.out
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// Whoever has the signer's public key sees that the digests are the signer's: not others,
// not by another key, and not what the same key signed for another end.
//
// Promise: RUN-11
func TestRUN_11_TheDigestsAreSignedByTheOneKey(t *testing.T) {
	dir := t.TempDir()
	keys := func(name string) string {
		key := filepath.Join(dir, name)
		ask(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key)
		return key
	}
	ours, others := keys("ours"), keys("others")
	public, err := os.ReadFile(ours + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers := filepath.Join(dir, "signers")
	if err := os.WriteFile(signers, append([]byte("release@poterne.example "), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func(r *release) error {
		command := exec.CommandContext(t.Context(), "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "release@poterne.example", "-n", namespace, "-s", filepath.Join(r.out, "SHA256SUMS.sig"))
		command.Stdin = strings.NewReader(r.sums.String())
		return command.Run()
	}
	signed := func(key, sums string) *release {
		r := &release{out: t.TempDir(), sign: key}
		r.sums.WriteString(sums)
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	sums := strings.Repeat("0", 64) + "  poterne_1.0.0_amd64.deb\n"
	r := signed(ours, sums)
	if err := verify(r); err != nil {
		t.Fatalf("what was signed: %v", err)
	}
	if verify(signed(others, sums)) == nil {
		t.Error("another key signs for ours")
	}
	r.sums.WriteString(strings.Repeat("1", 64) + "  another.deb\n")
	if verify(r) == nil {
		t.Error("a line more is signed too")
	}
	elsewhere := filepath.Join(r.out, "SHA256SUMS")
	_ = os.Remove(elsewhere + ".sig")
	ask(t, "ssh-keygen", "-Y", "sign", "-f", ours, "-n", "git", elsewhere)
	r.sums.Reset()
	r.sums.WriteString(sums)
	if verify(r) == nil {
		t.Error("what was signed for git serves here")
	}
	r.sign = ""
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(elsewhere + ".sig"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a signature of other digests is left there")
	}
	if r.sign = filepath.Join(dir, "none"); r.close() == nil {
		t.Error("a release that could not be signed is made")
	}
}

// Promise: RUN-11
func TestRUN_11_ThePackageHasItsUnitItsManualAndItsCompletion(t *testing.T) {
	r := one(t)
	if !has(t, "dpkg-deb") {
		t.Skip("without it the package cannot be opened by somebody else")
	}
	listed := ask(t, "dpkg-deb", "--contents", r.deb())
	for _, name := range []string{
		"./usr/bin/poterne", "./usr/bin/poterne-verify", "./usr/lib/systemd/system/poterne.service", "./usr/share/man/man1/poterne.1.gz",
		"./usr/share/man/man1/poterne-verify.1.gz", "./usr/share/man/man5/poterne.toml.5.gz", "./usr/share/bash-completion/completions/poterne",
		"./usr/share/zsh/vendor-completions/_poterne", "./usr/share/fish/vendor_completions.d/poterne.fish", "./usr/share/doc/poterne/copyright",
		"./usr/share/doc/poterne/poterne.cdx.json", "./usr/share/doc/poterne/examples/prometheus/poterne.rules.yml",
		"./usr/share/doc/poterne/examples/grafana/poterne.json", "./usr/share/doc/poterne/examples/nginx/poterne.conf", "./usr/share/doc/poterne/examples/haproxy/haproxy.cfg", "./usr/share/doc/poterne/examples/caddy/Caddyfile", "./usr/share/doc/poterne/examples/logrotate/poterne",
	} {
		if !strings.Contains(listed, " "+name+"\n") {
			t.Errorf("%s is not in it", name)
		}
	}
	for line := range strings.Lines(listed) {
		if !strings.Contains(line, " root/root ") || strings.ContainsAny(line[:10], "st") || line[5] == 'w' || line[8] == 'w' {
			t.Errorf("not root's alone: %s", line)
		}
	}
	if about := ask(t, "dpkg-deb", "--info", r.deb()); !strings.Contains(about, " Version: "+r.version+"\n") || !strings.Contains(about, " Architecture: "+runtime.GOARCH+"\n") {
		t.Error(about)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		ask(t, "sh", "-n", filepath.Join("debian", script))
	}
}

// Promise: RUN-11
func TestRUN_11_TheListOfWhatIsInsideIsWhatGoSays(t *testing.T) {
	r := one(t)
	text, err := os.ReadFile(strings.TrimSuffix(r.deb(), ".deb") + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	var listed, said []string
	for _, c := range b.Components {
		if c.Name != "std" {
			listed = append(listed, c.Name+" "+c.Version)
		}
	}
	root := t.TempDir()
	ask(t, "dpkg-deb", "--extract", r.deb(), root)
	_, commit, _ := strings.Cut(r.version, ".")
	if version := ask(t, filepath.Join(root, "usr", "bin", "poterne"), "--version"); !strings.Contains(version, commit) {
		t.Errorf("the program does not say which commit it is of: %s", version)
	}
	for line := range strings.Lines(ask(t, "go", "version", "-m", filepath.Join(root, "usr", "bin", "poterne"))) {
		if words := strings.Fields(line); len(words) >= 3 && words[0] == "dep" {
			said = append(said, words[1]+" "+words[2])
		}
	}
	if len(said) < 20 || !slices.Equal(listed, said) {
		t.Errorf("it lists %q; go version -m says %q", listed, said)
	}
	if b.Format != "CycloneDX" || len(b.Dependencies) != 1 || len(b.Dependencies[0].On) != len(b.Components) || b.Metadata.Component.Version != r.version {
		t.Errorf("%+v", b.Metadata)
	}
	for _, name := range []string{"excelize", "chromedp", "rapid"} { // which only tests use
		if strings.Contains(string(text), name) {
			t.Errorf("%s is in the program", name)
		}
	}
}

// root is an empty root that dpkg installs into, without a network and without running
// anything of this machine's but the package's own scripts.
type root struct {
	t   *testing.T
	dir string
}

func newRoot(t *testing.T) root {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("dpkg gives files to root, so only root can try it")
	}
	if !has(t, "dpkg") || !has(t, "useradd") {
		t.Skip("the package is installed by dpkg, and its user made by useradd")
	}
	dir := filepath.Join(t.TempDir(), "root")
	for _, folder := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"var/lib/dpkg/status": "", "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root{t, dir}
}

func (r root) dpkg(args ...string) string {
	r.t.Helper()
	return ask(r.t, "dpkg", append([]string{"--root=" + r.dir, "--force-script-chrootless", "--force-depends"}, args...)...)
}

func (r root) at(path string) string { return filepath.Join(r.dir, path) }

// there reports whether a file is.
func (r root) there(path string) bool {
	_, err := os.Lstat(r.at(path))
	return err == nil
}

// Promise: RUN-11
func TestRUN_11_ThePackageIsInstalledUpgradedAndRemovedAndTheLedgerStays(t *testing.T) {
	r, in := one(t), newRoot(t)
	said := in.dpkg("--install", r.deb())
	if !strings.Contains(said, "guards nothing yet. Next") || !strings.Contains(said, "poterne init /etc/poterne --database /var/lib/poterne/poterne.db") {
		t.Errorf("the next step is not said: %s", said)
	}
	if users, _ := os.ReadFile(in.at("etc/passwd")); !strings.Contains(string(users), "\npoterne:") || !strings.Contains(string(users), "nologin") {
		t.Errorf("there is no user: %s", users)
	}
	for _, folder := range []string{"etc/poterne", "var/lib/poterne"} {
		if info, err := os.Stat(in.at(folder)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", folder, info.Mode(), err)
		}
	}
	if stat := ask(t, "stat", "-c", "%u", in.at("var/lib/poterne")); strings.TrimSpace(stat) == "0" {
		t.Error("the folder is root's")
	}

	// What the next step says, done.
	poterne, etc, database := in.at("usr/bin/poterne"), in.at("etc/poterne"), in.at("var/lib/poterne/poterne.db")
	ask(t, poterne, "init", etc, "--database", database, "--application", "http://127.0.0.1:3000", "--origin", "http://localhost:8080",
		"--issuer", "https://id.example", "--client", "poterne", "--secret", "s3cr3tsecrets3cr3tsecret", "--subject", "me", "--name", "Anne Morvan", "--siret", "90000000000017")
	ask(t, poterne, "roster", "import", filepath.Join(etc, "roster.toml"), "--config", filepath.Join(etc, "poterne.toml"), "--as", "anne")
	kept := make(map[string]string)
	keep := func() {
		t.Helper()
		for _, name := range []string{"etc/poterne/poterne.toml", "etc/poterne/seal.key", "etc/poterne/epoch.key", "var/lib/poterne/poterne.db"} {
			text, err := os.ReadFile(in.at(name))
			if err != nil || kept[name] != "" && kept[name] != string(text) {
				t.Errorf("%s was changed or lost: %v", name, err)
			}
			kept[name] = string(text)
		}
	}
	keep()

	// A later version: the same files, under another name.
	later, files := r, []file{}
	tree := t.TempDir()
	ask(t, "dpkg-deb", "--extract", r.deb(), tree)
	err := fs.WalkDir(os.DirFS(tree), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		body, err := os.ReadFile(filepath.Join(tree, name))
		files = append(files, file{path: name, mode: int64(info.Mode().Perm()), body: body})
		return err
	})
	later.version = "1.0.0"
	packed, wrong := later.pack(runtime.GOARCH, files)
	newer := filepath.Join(t.TempDir(), "later.deb")
	if err := errors.Join(err, wrong, os.WriteFile(newer, packed, 0o600)); err != nil {
		t.Fatal(err)
	}
	if said := in.dpkg("--install", newer); !strings.Contains(said, "brought up to date") || strings.Contains(said, "guards nothing yet") {
		t.Errorf("an upgrade says: %s", said)
	}
	if status := in.dpkg("--status", "poterne"); !strings.Contains(status, "Version: 1.0.0\n") || !strings.Contains(status, "install ok installed") {
		t.Error(status)
	}
	keep()
	ask(t, poterne, "config", "check", filepath.Join(etc, "poterne.toml"))
	if told := in.dpkg("--verify", "poterne"); told != "" {
		t.Errorf("dpkg finds changed: %s", told)
	}

	in.dpkg("--remove", "poterne")
	if in.there("usr/bin/poterne") || in.there("usr/lib/systemd/system/poterne.service") || in.there("usr/share/man/man1/poterne.1.gz") {
		t.Error("something of the package is left")
	}
	keep()
	in.dpkg("--install", newer)
	if said := in.dpkg("--purge", "poterne"); !strings.Contains(said, "/var/lib/poterne is kept, with the ledger and its keys") {
		t.Errorf("purging says: %s", said)
	}
	keep()
}

// An empty installation leaves nothing behind.
//
// Promise: RUN-11
func TestRUN_11_APackageThatWasNeverUsedIsPurgedWhole(t *testing.T) {
	r, in := one(t), newRoot(t)
	in.dpkg("--install", r.deb())
	in.dpkg("--purge", "poterne")
	for _, path := range []string{"usr/bin/poterne", "etc/poterne", "var/lib/poterne"} {
		if in.there(path) {
			t.Errorf("%s is left", path)
		}
	}
}

// Promise: RUN-11
func TestRUN_11_TheUnitIsHardened(t *testing.T) {
	if !has(t, "systemd-analyze") {
		t.Skip("systemd-analyze says how exposed a unit is")
	}
	unit := filepath.Join(t.TempDir(), "poterne.service")
	text, err := debian.ReadFile("debian/poterne.service")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "poterne") // it is looked for
	if err := errors.Join(os.WriteFile(unit, bytes.ReplaceAll(text, []byte("/usr/bin/poterne"), []byte(program)), 0o600), os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	said := ask(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	t.Log(lines[len(lines)-1])
	if complaints := ask(t, "systemd-analyze", "verify", "--man=false", unit); strings.Contains(complaints, "poterne.service") {
		t.Error(complaints)
	}
}
