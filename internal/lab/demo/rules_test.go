package demo

import (
	"path/filepath"
	"reflect"
	"testing"

	"poterne/internal/campaign"
	"poterne/internal/config"
)

// What the demonstration shows is what was replayed: both have the rules of the
// example.
func TestTheDemonstrationAndTheReplayHaveTheRulesOfTheExample(t *testing.T) {
	want, err := config.ReadRules("")
	if err != nil {
		t.Fatal(err)
	}
	at, err := (&Demo{Listen: "127.0.0.1:0"}).settle(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer at.close()
	dir := t.TempDir()
	if err := at.furnish(dir); err != nil {
		t.Fatal(err)
	}
	shown, err := config.Read(filepath.Join(dir, "poterne.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want.Purposes = shown.Rules.Purposes // those of the town's own services
	want.Trains = shown.Rules.Trains     // everybody has a certificate, in the town and in the replay
	if !reflect.DeepEqual(shown.Rules, want) {
		t.Errorf("the demonstration has\n%+v, the example\n%+v", shown.Rules, want)
	}
	if shown.Narrowed != campaign.NarrowedFor {
		t.Errorf("a theft narrows its neighbours for %s", shown.Narrowed)
	}
}
