package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"poterne/internal/fault"
)

// secretFiles reads the files that hold secrets.
type secretFiles struct {
	base  string
	wrong *document
}

// path is where a file is: what ${NAME} stands for comes from the environment, such as
// ${CREDENTIALS_DIRECTORY} from systemd, and no other part of a configuration does.
func (f secretFiles) path(path string) string {
	path = variables.ReplaceAllStringFunc(path, func(name string) string {
		value := os.Getenv(name[2 : len(name)-1])
		if said := fmt.Sprintf("the environment has no %s, which a path names; set it, or write the path", name); value == "" {
			if !slices.ContainsFunc(f.wrong.Complaints, func(one fault.Complaint) bool { return one.Text == said }) {
				f.wrong.Add("", "%s", said)
			}
			return name
		}
		return value
	})
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.base, path)
}

var variables = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// readSecret reads one secret, or complains; a path that is not given was
// complained of before.
func readSecret[T any](files secretFiles, key, path string, parse func([]byte) (T, error)) (secret T) {
	if path == "" {
		return secret
	}
	text, err := PrivateFile(files.path(path))
	if err == nil && len(text) == 0 {
		files.wrong.Add(key, "%s is empty", path)
		return secret
	}
	if err == nil {
		secret, err = parse(text)
	}
	if err != nil {
		files.wrong.Add(key, "%v", err)
	}
	return secret
}

const leastSecret = 32

// longSecret reads a secret that nobody chose by heart.
func longSecret(text []byte) ([]byte, error) {
	if len(text) < leastSecret {
		return nil, fmt.Errorf("it has fewer than %d characters", leastSecret)
	}
	return text, nil
}
