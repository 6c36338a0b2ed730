package store_test

import (
	"testing"

	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
	"poterne/internal/store"
)

func TestSessionsAreKeptAsSignInReliesOn(t *testing.T) {
	signintest.Conformance(t, func() signin.Sessions { return store.NewSessions(sealed(t, openSQLite(t))) })
}
