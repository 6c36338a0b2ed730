// Release makes what a release of Poterne is, from the source it lies in and with nothing
// but Go: for each architecture a Debian package and a container image, a list of what is
// inside each (CycloneDX), and the digests of all of it. The same commit and the same Go give the same bytes, on any
// machine and in any folder.
//
//	go -C tools run ./release --out ../artifacts/release
package main

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	var r release
	flag.StringVar(&r.root, "source", "..", "the source; a clean clone, for a release")
	flag.StringVar(&r.out, "out", filepath.Join("..", "artifacts", "release"), "where to put it")
	flag.StringVar(&r.version, "version", "", "such as 1.0.0; by default made of the commit's time and name")
	flag.StringVar(&r.results, "results", "", "the artifacts of a whole tools/test on this commit, which the program then tells; a release has them")
	flag.StringVar(&r.sign, "sign", "", "an SSH key, which signs the digests: a file, or the public half of one that an agent or a token holds")
	architectures := flag.String("arch", "amd64,arm64", "which machines it is for")
	flag.Parse()
	r.architectures = strings.Split(*architectures, ",")
	if err := r.make(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is one release, or what is made of a commit that is none.
type release struct {
	root, out, version string
	sign, results      string
	architectures      []string
	when               time.Time // of the commit
	commit             string
	sums               strings.Builder
	overlay            string // of files that are others in what is built; none when it is empty
}

// debian is what of the package is not built.
//
//go:embed debian
var debian embed.FS

// programs are the commands that are installed.
var programs = []string{"poterne", "poterne-verify"}

func (r *release) make() error {
	if err := r.read(); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "poterne-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := r.tell(work); err != nil {
		return err
	}
	// The manual is written by the program itself, so by one that runs here.
	if err := r.build(filepath.Join(work, "here"), runtime.GOOS, runtime.GOARCH, "poterne"); err != nil {
		return err
	}
	manual := make(map[string][]byte)
	for _, form := range []string{"man", "toml", "bash", "zsh", "fish"} {
		if manual[form], err = exec.Command(filepath.Join(work, "here", "poterne"), "manual", form).Output(); err != nil {
			return fmt.Errorf("poterne manual %s: %w", form, err)
		}
	}
	trusted, roots, err := authorities()
	if err != nil {
		return err
	}
	for _, arch := range r.architectures {
		built := filepath.Join(work, arch)
		if err := r.build(built, "linux", arch, programs...); err != nil {
			return err
		}
		bill, err := billOf(r.version, r.when, filepath.Join(built, "poterne"))
		if err != nil {
			return err
		}
		files, err := r.files(built, manual, bill)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("poterne_%s_%s", r.version, arch)
		packed, err := r.pack(arch, files)
		if err != nil {
			return err
		}
		if err := r.write(name+".deb", packed); err != nil {
			return err
		}
		if err := r.write(name+".cdx.json", bill); err != nil {
			return err
		}
		if bill, err = billOf(r.version, r.when, filepath.Join(built, "poterne"), roots); err != nil {
			return err
		}
		image, err := r.image(arch, built, bill, trusted)
		if err != nil {
			return err
		}
		if err := r.write(name+".oci.tar", image); err != nil {
			return err
		}
		if err := r.write(name+".oci.cdx.json", bill); err != nil {
			return err
		}
	}
	return r.close()
}

// tell has the programs say how the tests of each promise went. Results of another commit,
// and of tests that failed, make no release.
func (r *release) tell(work string) error {
	if r.results == "" {
		return nil
	}
	of, err := os.ReadFile(filepath.Join(r.results, "test.commit"))
	if err != nil {
		return fmt.Errorf("of which commit the results are is not said; a whole tools/test says it: %w", err)
	}
	if tested := strings.TrimSpace(string(of)); tested != r.commit {
		return fmt.Errorf("the results are of %s, and this is %s: run tools/test", tested, r.commit)
	}
	file, err := filepath.Abs(filepath.Join(r.results, "test.json"))
	if err != nil {
		return err
	}
	command := exec.Command("go", "run", "./promises", "--results", file)
	command.Dir = filepath.Join(r.root, "tools")
	command.Env = append(os.Environ(), "GOWORK=off")
	command.Stderr = os.Stderr
	said, err := command.Output()
	if err != nil {
		return fmt.Errorf("the results are none of a release: %w", err)
	}
	told := filepath.Join(work, "promises.txt")
	place, err := filepath.Abs(filepath.Join(r.root, "internal", "app", "promises.txt"))
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {place: told}})
	if err != nil {
		return err
	}
	r.overlay = filepath.Join(work, "overlay.json")
	return errors.Join(
		os.WriteFile(told, fmt.Appendf(nil, "How the tests went on commit %s:\n\n%s", r.commit, said), 0o644),
		os.WriteFile(r.overlay, overlay, 0o644))
}

// namespace is what a signature of digests is for: it is no signature of anything else.
const namespace = "poterne-release"

// close writes the digests down, and has them signed where there is a key. A signature of
// other digests, which an earlier run may have left, goes.
func (r *release) close() error {
	sums := filepath.Join(r.out, "SHA256SUMS")
	if err := os.Remove(sums + ".sig"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(sums, []byte(r.sums.String()), 0o644); err != nil || r.sign == "" {
		return err
	}
	signing := exec.Command("ssh-keygen", "-Y", "sign", "-f", r.sign, "-n", namespace, sums)
	signing.Stdin, signing.Stderr = os.Stdin, os.Stderr // it may ask for a passphrase, or a touch
	if err := signing.Run(); err != nil {
		return fmt.Errorf("the digests are not signed: ssh-keygen -Y sign -f %s: %w", r.sign, err)
	}
	return nil
}

func (r *release) write(name string, body []byte) error {
	fmt.Fprintf(&r.sums, "%x  %s\n", sha256.Sum256(body), name)
	fmt.Println(filepath.Join(r.out, name))
	return os.WriteFile(filepath.Join(r.out, name), body, 0o644)
}

var versions = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~]*$`)

// read finds out which commit the source is of, and when it was made.
func (r *release) read() error {
	if r.version != "" && r.results == "" {
		return errors.New("a release says how its tests went: run tools/test, and give its artifacts by --results")
	}
	said, err := r.git("log", "-1", "--format=%ct %H")
	if err != nil {
		return err
	}
	seconds, commit, _ := strings.Cut(said, " ")
	r.commit = commit
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	r.when = time.Unix(unix, 0).UTC()
	changed, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" && r.version != "" {
		return errors.New("a release is made of what is committed, and something is not")
	}
	if r.version = cmp.Or(r.version, "0~"+r.when.Format("20060102150405")+"."+commit[:12]); changed != "" {
		r.version += "+changed"
	}
	if !versions.MatchString(r.version) {
		return fmt.Errorf("%q is no version; write it as 1.0.0", r.version)
	}
	return nil
}

func (r *release) git(args ...string) (string, error) {
	said, err := exec.Command("git", append([]string{"-C", r.root}, args...)...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(said)), nil
}

// build builds programs for a machine, with nothing in them that depends on this one.
func (r *release) build(into, system, arch string, names ...string) error {
	for _, name := range names {
		into, err := filepath.Abs(filepath.Join(into, name))
		if err != nil {
			return err
		}
		command := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-mod=readonly", "-ldflags=-s -w", "-overlay", r.overlay, "-o", into, "./cmd/"+name)
		command.Dir = r.root
		command.Env = append(os.Environ(), "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0")
		command.Stderr = os.Stderr
		if err := command.Run(); err != nil {
			return fmt.Errorf("go build ./cmd/%s for %s: %w", name, arch, err)
		}
	}
	return nil
}

// files are what the package puts into a root.
func (r *release) files(built string, manual map[string][]byte, bill []byte) (files []file, err error) {
	add := func(path string, mode int64, body []byte) {
		files = append(files, file{path: path, mode: mode, body: body})
	}
	for _, name := range programs {
		body, err := os.ReadFile(filepath.Join(built, name))
		if err != nil {
			return nil, err
		}
		add("usr/bin/"+name, 0o755, body)
	}
	own := func(name string) []byte {
		body, readErr := debian.ReadFile("debian/" + name)
		err = cmp.Or(err, readErr)
		return body
	}
	source := func(name string) []byte {
		body, readErr := os.ReadFile(filepath.Join(r.root, name))
		err = cmp.Or(err, readErr)
		return body
	}
	add("usr/lib/systemd/system/poterne.service", 0o644, own("poterne.service"))
	add("usr/share/man/man1/poterne.1.gz", 0o644, zipped(manual["man"]))
	add("usr/share/man/man1/poterne-verify.1.gz", 0o644, zipped(own("poterne-verify.1")))
	add("usr/share/man/man5/poterne.toml.5.gz", 0o644, zipped(manual["toml"]))
	add("usr/share/bash-completion/completions/poterne", 0o644, manual["bash"])
	add("usr/share/zsh/vendor-completions/_poterne", 0o644, manual["zsh"])
	add("usr/share/fish/vendor_completions.d/poterne.fish", 0o644, manual["fish"])
	const doc = "usr/share/doc/poterne/"
	add(doc+"copyright", 0o644, own("copyright"))
	add(doc+"NOTICE", 0o644, source("NOTICE"))
	add(doc+"poterne.cdx.json", 0o644, bill)
	add(doc+"changelog.gz", 0o644, zipped(source("CHANGELOG.md")))
	for _, name := range []string{"operating", "declaring", "incidents", "threats"} {
		add(doc+name+".md.gz", 0o644, zipped(source("docs/"+name+".md")))
	}
	for _, name := range []string{"prometheus/poterne.rules.yml", "grafana/poterne.json", "nginx/poterne.conf", "haproxy/haproxy.cfg", "caddy/Caddyfile", "logrotate/poterne"} {
		add(doc+"examples/"+name, 0o644, source("packaging/"+name))
	}
	return files, err
}

// pack makes the package of what it puts into a root and what dpkg is told of it.
func (r *release) pack(arch string, files []file) (packed []byte, err error) {
	size := int64(0)
	var sums bytes.Buffer
	for _, f := range files {
		size += int64(len(f.body))
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.body), f.path) // which dpkg --verify compares; SHA256SUMS holds the whole
	}
	about, err := debian.ReadFile("debian/control")
	if err != nil {
		return nil, err
	}
	about = []byte(strings.NewReplacer("VERSION", r.version, "ARCH", arch, "SIZE", strconv.FormatInt((size+1023)/1024, 10)).Replace(string(about)))
	control := []file{{path: "control", mode: 0o644, body: about}, {path: "md5sums", mode: 0o644, body: sums.Bytes()}}
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		body, err := debian.ReadFile("debian/" + name)
		if err != nil {
			return nil, err
		}
		control = append(control, file{path: name, mode: 0o755, body: body})
	}
	return deb(r.when, control, files), nil
}
