package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is whom the image runs as: a number, so that whoever runs it can see that it is
// not root without a list of users.
const nobody = 65532

// image makes a container image for one machine, from scratch: one layer with the
// programs, whom to believe that a server is who it says, and a folder for the database.
// It is the layout that OCI specifies, in one archive; manifest.json is for Docker, which
// loads nothing without it.
func (r *release) image(arch, built string, bill, trusted []byte) ([]byte, error) {
	inside := []file{
		{path: "etc/poterne/", mode: 0o755},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, body: trusted},
		{path: "usr/share/doc/poterne/poterne.cdx.json", mode: 0o644, body: bill},
		{path: "var/lib/poterne/", mode: 0o700, owner: nobody},
	}
	for from, to := range map[string]string{
		filepath.Join(r.root, "LICENSE"): "usr/share/doc/poterne/LICENSE", filepath.Join(r.root, "NOTICE"): "usr/share/doc/poterne/NOTICE",
		filepath.Join(built, programs[0]): "usr/bin/" + programs[0], filepath.Join(built, programs[1]): "usr/bin/" + programs[1],
	} {
		body, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		mode := int64(0o644)
		if strings.HasPrefix(to, "usr/bin/") {
			mode = 0o755
		}
		inside = append(inside, file{path: to, mode: mode, body: body})
	}
	layer := archive(r.when, "", inside)
	packed := zipped(layer)

	layout := []file{{path: v1.ImageLayoutFile, mode: 0o644, body: inJSON(v1.ImageLayout{Version: v1.ImageLayoutVersion})}}
	blob := func(mediaType string, body []byte) v1.Descriptor {
		d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(body), Size: int64(len(body))}
		layout = append(layout, file{path: blobOf(d), mode: 0o644, body: body})
		return d
	}
	tag := strings.NewReplacer("~", "-", "+", "-").Replace(r.version) // which versions have and tags have not
	labels := map[string]string{
		v1.AnnotationTitle: "Poterne", v1.AnnotationDescription: "The guarded side door of a register of people", v1.AnnotationLicenses: "Apache-2.0",
		v1.AnnotationVersion: r.version, v1.AnnotationRevision: r.commit, v1.AnnotationCreated: r.when.Format("2006-01-02T15:04:05Z"),
	}
	layers := []v1.Descriptor{blob(v1.MediaTypeImageLayerGzip, packed)}
	config := blob(v1.MediaTypeImageConfig, inJSON(v1.Image{
		Created:  &r.when,
		Platform: v1.Platform{Architecture: arch, OS: "linux"},
		Config: v1.ImageConfig{
			User: fmt.Sprintf("%d:%d", nobody, nobody), WorkingDir: "/etc/poterne", StopSignal: "SIGTERM", Labels: labels,
			Env: []string{"PATH=/usr/bin", "TMPDIR=/var/lib/poterne"}, Entrypoint: []string{"/usr/bin/poterne"}, Cmd: []string{"serve", "--config", "/etc/poterne/poterne.toml"},
		},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
		History: []v1.History{{Created: &r.when, CreatedBy: "tools/release"}},
	}))
	manifest := blob(v1.MediaTypeImageManifest, inJSON(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Config: config, Layers: layers, Annotations: labels,
	}))
	manifest.Platform = &v1.Platform{Architecture: arch, OS: "linux"}
	manifest.Annotations = map[string]string{v1.AnnotationRefName: tag}
	layout = append(layout,
		file{path: v1.ImageIndexFile, mode: 0o644, body: inJSON(v1.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{manifest},
		})},
		file{path: "manifest.json", mode: 0o644, body: inJSON([]map[string]any{
			{"Config": blobOf(config), "RepoTags": []string{"poterne:" + tag}, "Layers": []string{blobOf(layers[0])}},
		})},
	)
	return archive(r.when, "", layout), nil
}

// blobOf is where a layout has what a descriptor describes.
func blobOf(d v1.Descriptor) string {
	return v1.ImageBlobsDir + "/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded()
}

// inJSON writes a document whose bytes its digest is of.
func inJSON(document any) []byte {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // text and numbers only
	}
	return text
}

// authorities are who is believed to say whose a server's certificate is: Mozilla's, as
// the Go project keeps them in a module. Those that Mozilla believes for a part only are
// left out, since a file of certificates cannot say for which. It says which module that
// was.
func authorities() ([]byte, component, error) {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	own, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, component{}, errors.New("this program does not know what it is made of")
	}
	for _, m := range own.Deps {
		if m.Path == "golang.org/x/crypto/x509roots/fallback" {
			c, err := componentOf(m)
			c.Type, c.Hashes = "data", []hash{{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(text.Bytes()))}}
			return text.Bytes(), c, err
		}
	}
	return nil, component{}, errors.New("this program does not know whose certificates it has")
}
