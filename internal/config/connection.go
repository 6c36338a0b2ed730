package config

import (
	"errors"
	"net/url"
	"regexp"

	"poterne/internal/store"
)

var (
	passwordWord = regexp.MustCompile(`password\s*=`)
	passfileWord = regexp.MustCompile(`passfile\s*=\s*'?([^\s'&]+)`)
)

// CheckServer says what is wrong with a connection to PostgreSQL, as far as can be
// said without connecting: a secret in it, or in a file that others can read, or a
// way that others could listen on.
func CheckServer(connection string) error {
	if holdsPassword(connection) {
		return errors.New("a password is a secret; write passfile=… and put it into that file")
	}
	if file := passfileWord.FindStringSubmatch(connection); file != nil {
		if _, err := PrivateFile(file[1]); err != nil {
			return err
		}
	}
	return store.CheckPostgreSQL(connection)
}

// holdsPassword reports whether a connection has a password in it, as one of its
// words or in its URL.
func holdsPassword(connection string) bool {
	if passwordWord.MatchString(connection) {
		return true
	}
	address, err := url.Parse(connection)
	if err != nil || address.User == nil {
		return false
	}
	_, has := address.User.Password()
	return has
}
