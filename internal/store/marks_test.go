package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/signin"
	"poterne/internal/store"
)

func TestAMarkIsThereOnceItIsSetAndUntilItIsForgotten(t *testing.T) {
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	sessions, mark := store.NewSessions(db), signin.Digest{1}
	is := func(want bool, when string) {
		t.Helper()
		if there, err := sessions.Marked(t.Context(), mark); err != nil || there != want {
			t.Errorf("%s: %t, %v", when, there, err)
		}
	}
	is(false, "before")
	if fresh, err := sessions.Once(t.Context(), mark, time.Now().Add(time.Hour)); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	is(true, "set")
	if err := sessions.Forget(t.Context(), mark); err != nil {
		t.Fatal(err)
	}
	is(false, "forgotten")
}
