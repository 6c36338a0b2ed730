package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A page of Feathers' client waits for the answer to each thing it asks by socket.io, polling first and then by a WebSocket: it finds, gets and patches
// as without Poterne, but for strangers, and is told of what changes.
//
// Promises: SCOPE-9, SCOPE-1, RUN-9
func TestSCOPE_9_APageThatWaitsForAnswersOnSocketIOIsGuardedInABrowser(t *testing.T) {
	t.Parallel()
	const of = "@5.0.50"
	application := script(t, "feathers.cjs", filepath.Dir(npm(t, "@feathersjs/client", of[1:], "package.json",
		"@feathersjs/feathers"+of, "@feathersjs/koa"+of, "@feathersjs/socketio"+of, "@feathersjs/memory"+of)))
	h := newHouse(t, "foreign", map[string]string{"http://127.0.0.1:3000": application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	service, routes := declarationOf(t, "Feathers")
	h.declares(strings.NewReplacer("http://127.0.0.1:3030", application, `id = "feathers"`, `id = "people"`, "feathers.example", "people.localhost").Replace(service) + routes)
	h.serve()
	host := strings.Replace(h.origin, "localhost", "people.localhost", 1)
	pauline := newScreen(t, host, "en-GB")
	heard := listens(pauline)
	pauline.open("/")
	pauline.click("button[name=person][value='0']")

	t.Log("She finds her own two of forty, and two strangers.")
	pauline.comesToSay("#people", " 40, none", soon)
	if rows := pauline.count("#people li"); rows != 4 || !strings.Contains(pauline.text("#people"), " 3, none") {
		t.Errorf("%d people are shown: %s", rows, pauline.text("#people"))
	}
	comesToHear(t, heard, "3probe", func() {})
	pauline.keep("feathers-list")

	t.Log("She gets and patches her own, by the WebSocket, several at once; the page is told of it.")
	asks := func(what string) string {
		return pauline.evaluate(fmt.Sprintf(`new Promise(answer => { socket.once("disconnect", () => answer("ended")); asks(%s).then(answer) })`, what))
	}
	if got := asks(fmt.Sprintf("Promise.all([people.get(%q), people.get(%q)])", foreigner(40), foreigner(3))); !strings.HasPrefix(got, `[{"id":"`+foreigner(40)) || !strings.Contains(got, "06 39 98 10 03") {
		t.Errorf("they are answered with %s", got)
	}
	if got := asks(fmt.Sprintf(`people.patch(%q, { note: "called" })`, foreigner(3))); !strings.Contains(got, `"note":"called"`) {
		t.Errorf("a note is answered with %s", got)
	}
	pauline.comesToSay("#news", "called", soon)
	comesToHear(t, heard, `42["people patched"`, func() {})
	comesToHear(t, heard, "43", func() {})
	if got := directly(t, application+"/people/"+foreigner(3)); !strings.Contains(got, `"note":"called"`) {
		t.Errorf("the application has %s", got)
	}

	t.Log("Whom she may not be shown, she does not get, nor change; nor anything that is not declared. The page goes on.")
	before := directly(t, application+"/people")
	pauline.tries()
	for _, what := range []string{
		fmt.Sprintf("people.get(%q)", foreigner(30)), fmt.Sprintf(`people.patch(%q, { note: "x" })`, foreigner(30)), fmt.Sprintf(`people.patch(%q, { name: "x" })`, foreigner(3)),
		fmt.Sprintf("people.remove(%q)", foreigner(3)), `people.find({ query: { name: "x" } })`, fmt.Sprintf("app.service('others').get(%q)", foreigner(3)), "people.patch(null, { note: 'x' })",
	} {
		if got := asks(what); got != "ended" {
			t.Errorf("%s is answered with %s", what, got)
		}
		pauline.evaluate(`new Promise(on => socket.connected ? on("on") : socket.once("connect", () => on("on")))`)
	}
	if after := directly(t, application+"/people"); after != before {
		t.Error("the application holds something else than before")
	}
	for _, text := range heard() {
		if strings.Contains(text, "10 30") {
			t.Errorf("the browser is sent %s", text)
		}
	}
	if got := asks(fmt.Sprintf("people.get(%q)", foreigner(3))); !strings.Contains(got, "06 39 98 10 03") {
		t.Errorf("after that she is answered with %s", got)
	}
	h.verified()
}
