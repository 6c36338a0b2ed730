package store_test

import (
	"testing"

	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
	"poterne/internal/store"
)

func TestSessionsAreKeptAsSignInReliesOn(t *testing.T) {
	signintest.Conformance(t, func() signin.Shelf { return store.NewSessions(openSQLite(t)) })
}
