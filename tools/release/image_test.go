package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func (r release) oci() string { return strings.TrimSuffix(r.deb(), ".deb") + ".oci.tar" }

// untar reads what an archive has.
func untar(t *testing.T, packed io.Reader) (headers map[string]*tar.Header, bodies map[string][]byte) {
	t.Helper()
	headers, bodies = make(map[string]*tar.Header), make(map[string][]byte)
	for r := tar.NewReader(packed); ; {
		header, err := r.Next()
		if err == io.EOF {
			return headers, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		if headers[header.Name] != nil {
			t.Errorf("%s is there twice", header.Name)
		}
		headers[header.Name] = header
		if bodies[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func fromJSON[T any](t *testing.T, text []byte) (document T) {
	t.Helper()
	reader := json.NewDecoder(bytes.NewReader(text))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&document); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return document
}

// Promise: RUN-11
func TestRUN_11_TheImageIsALayoutWhoseDigestsAreTrue(t *testing.T) {
	r := one(t)
	packed, err := os.Open(r.oci())
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	_, in := untar(t, packed)
	named := make(map[string]bool)
	blob := func(d v1.Descriptor, mediaType string) []byte {
		t.Helper()
		name := blobOf(d)
		named[name] = true
		body, ok := in[name]
		if !ok || int64(len(body)) != d.Size || digest.SHA256.FromBytes(body) != d.Digest || d.MediaType != mediaType {
			t.Fatalf("%+v does not describe %d bytes of %s", d, len(body), digest.FromBytes(body))
		}
		return body
	}
	if layout := fromJSON[v1.ImageLayout](t, in["oci-layout"]); layout.Version != "1.0.0" {
		t.Errorf("layout %q", layout.Version)
	}
	index := fromJSON[v1.Index](t, in["index.json"])
	if index.SchemaVersion != 2 || len(index.Manifests) != 1 || index.Manifests[0].Platform.Architecture != runtime.GOARCH || index.Manifests[0].Platform.OS != "linux" {
		t.Fatalf("%+v", index)
	}
	manifest := fromJSON[v1.Manifest](t, blob(index.Manifests[0], "application/vnd.oci.image.manifest.v1+json"))
	config := fromJSON[v1.Image](t, blob(manifest.Config, "application/vnd.oci.image.config.v1+json"))
	if manifest.SchemaVersion != 2 || len(manifest.Layers) != 1 || len(config.RootFS.DiffIDs) != 1 || config.RootFS.Type != "layers" {
		t.Fatalf("%+v\n%+v", manifest, config)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0], "application/vnd.oci.image.layer.v1.tar+gzip")))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(unzipped)
	if err != nil || digest.SHA256.FromBytes(layer) != config.RootFS.DiffIDs[0] {
		t.Errorf("the layer is %s, and the configuration says %s: %v", digest.FromBytes(layer), config.RootFS.DiffIDs[0], err)
	}
	for name := range in {
		if strings.HasPrefix(name, "blobs/sha256/") && !strings.HasSuffix(name, "/") && !named[name] {
			t.Errorf("nothing speaks of %s", name)
		}
	}

	commit := strings.TrimSpace(ask(t, "git", "-C", r.root, "rev-parse", "HEAD"))
	if l := config.Config.Labels; l["org.opencontainers.image.version"] != r.version || l["org.opencontainers.image.revision"] != commit {
		t.Errorf("labels %q", l)
	}
	if user := config.Config.User; user != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/usr/bin/poterne"}) || config.Architecture != runtime.GOARCH {
		t.Errorf("%+v", config)
	}
	headers, files := untar(t, bytes.NewReader(layer))
	for name, h := range headers {
		state := strings.TrimSuffix(name, "/") == "var/lib/poterne"
		if strings.HasPrefix(name, "/") || strings.Contains(name, "..") || h.Mode&0o7022 != 0 || h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir ||
			state != (h.Uid == 65532 && h.Gid == 65532) || !state && (h.Uid != 0 || h.Gid != 0) {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if !bytes.Equal(files["usr/share/doc/poterne/poterne.cdx.json"], must(os.ReadFile(strings.TrimSuffix(r.oci(), ".tar")+".cdx.json"))) {
		t.Error("the list of what is inside is not the one beside it")
	}
	var listed bill
	if err := json.Unmarshal(files["usr/share/doc/poterne/poterne.cdx.json"], &listed); err != nil {
		t.Fatal(err)
	}
	last := listed.Components[len(listed.Components)-1]
	certificates := files["etc/ssl/certs/ca-certificates.crt"]
	if last.Name != "golang.org/x/crypto/x509roots/fallback" || len(last.Hashes) != 1 || last.Hashes[0].Content != digest.FromBytes(certificates).Encoded() {
		t.Errorf("the certificates are not in the list: %+v", last)
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(certificates) || bytes.Count(certificates, []byte("BEGIN")) < 50 {
		t.Errorf("%d bytes of certificates", len(certificates))
	}
}

func must(body []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return body
}

// The image is unpacked by a program that has nothing of us, and run as whoever it names, in
// a root where nothing can be written but the folder for the database.
//
// Promise: RUN-11
func TestRUN_11_TheImageRunsWithoutRightsInARootThatIsReadOnly(t *testing.T) {
	r := one(t)
	if os.Getuid() != 0 {
		t.Skip("only root enters another root")
	}
	if !has(t, "umoci") {
		t.Skip("umoci unpacks the image")
	}
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	if err := os.Mkdir(layout, 0o755); err != nil {
		t.Fatal(err)
	}
	ask(t, "tar", "--extract", "--directory", layout, "--file", r.oci())
	index := fromJSON[v1.Index](t, must(os.ReadFile(filepath.Join(layout, "index.json"))))
	ask(t, "umoci", "unpack", "--image", layout+":"+index.Manifests[0].Annotations["org.opencontainers.image.ref.name"], filepath.Join(dir, "bundle"))
	var told struct {
		Process struct {
			User struct{ UID, GID int }
			Args []string
			Cwd  string
			Env  []string
		}
	}
	if err := json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "bundle", "config.json"))), &told); err != nil {
		t.Fatal(err)
	}
	p := told.Process
	if p.User.UID != 65532 || p.User.GID != 65532 || p.Cwd != "/etc/poterne" || strings.Join(p.Args, " ") != "/usr/bin/poterne serve --config /etc/poterne/poterne.toml" {
		t.Errorf("umoci reads %+v", p)
	}
	state := filepath.Join(dir, "state")
	for _, folder := range []string{state, filepath.Join(state, "first")} {
		if err := errors.Join(os.Mkdir(folder, 0o700), os.Chown(folder, p.User.UID, p.User.GID)); err != nil {
			t.Fatal(err)
		}
	}
	inside := func(args ...string) (string, error) {
		const enter = `mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount --bind "$2" "$1/var/lib/poterne"
			root=$1 as=$3 && shift 3 && exec setpriv --no-new-privs chroot --userspec="$as" --groups="" "$root" "$@"`
		as := fmt.Sprintf("%d:%d", p.User.UID, p.User.GID)
		command := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "--net", "sh", "-euc", enter, "sh", filepath.Join(dir, "bundle", "rootfs"), state, as, p.Args[0]}, args...)...)
		command.Env = append(p.Env, "PATH="+os.Getenv("PATH")) // for what enters; the program looks for nothing
		out, err := command.CombinedOutput()
		return string(out), err
	}
	good := func(want string, args ...string) {
		t.Helper()
		if said, err := inside(args...); err != nil || !strings.Contains(said, want) {
			t.Errorf("%q: %v\n%s", args, err, said)
		}
	}
	good(strings.TrimSuffix(r.version[strings.LastIndex(r.version, ".")+1:], "+changed"), "--version")
	good("[public]", "config", "example")
	if said, err := inside("keys", "/etc/poterne", "--origin", "poterne.example/ledger"); err == nil || !strings.Contains(said, "read-only file system") {
		t.Errorf("the root can be written: %v\n%s", err, said)
	}
	good("", "init", "/var/lib/poterne/first", "--database", "/var/lib/poterne/poterne.db", "--application", "http://127.0.0.1:3000", "--origin", "http://localhost:8080",
		"--issuer", "https://id.example", "--client", "poterne", "--secret", "s3cr3tsecrets3cr3tsecret", "--subject", "me", "--name", "Anne Morvan", "--siret", "90000000000017")
	good("", "roster", "import", "/var/lib/poterne/first/roster.toml", "--config", "/var/lib/poterne/first/poterne.toml", "--as", "anne")
	good("", "ledger", "verify", "--config", "/var/lib/poterne/first/poterne.toml")
}
