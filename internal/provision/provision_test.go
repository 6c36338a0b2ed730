package provision_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/order"
	"poterne/internal/provision"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const token = "0123456789abcdef0123456789abcdef"

// body is a real store with SCIM in front of it, for two systems of mlv.
type body struct {
	t      *testing.T
	s      *store.DB
	at     time.Time
	life   accounts.Service
	server *provision.Server
	node   func() *provision.Server // another one, on the same database
	key    ed25519.PrivateKey
	ending sync.Mutex // guards ended while nodes run
	ended  []roster.AccountID
}

// silent takes every mail.
type silent struct{}

func (silent) Send(context.Context, mail.Message) error { return nil }

func open(t *testing.T) *body {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &body{t: t, s: s, at: storetest.At}
	for _, list := range []accounts.List{storetest.Staff(), storetest.Signers()} {
		if _, err := journal.Do(t.Context(), b.writer(), &accounts.Import{By: "setup", List: list}); err != nil {
			t.Fatal(err)
		}
	}
	right := accounts.Right{Service: "dossier", Purpose: "accompany"}
	b.life = accounts.Service{Writer: b.writer(), Sender: silent{}, Bounds: accounts.Bounds{Quota: func(roster.OrganisationID) int { return 50 }, Rights: map[accounts.Right]bool{right: true}, Roles: roster.Readers}}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.key = private
	client := provision.Client{
		Name: "entra", Organisation: "mlv", Token: sha256.Sum256([]byte(token)), Issuer: "https://idp.example", Provider: "p", Role: roster.Adviser,
		Services: []roster.ServiceID{"dossier"}, Until: 300 * 24 * time.Hour,
	}
	signing := client
	signing.Name, signing.Token, signing.Key = "okta", [32]byte{}, &jose.JSONWebKey{Key: public}
	b.node = func() *provision.Server {
		return provision.New([]provision.Client{client, signing}, provision.Deps{
			Life: b.life, Roster: store.NewRoster(s), Sessions: b, Rights: []accounts.Right{right}, Roles: roster.Readers, Origin: "https://poterne.example",
			Once: func(ctx context.Context, mark [32]byte, until time.Time) (bool, error) {
				return store.NewSessions(s).Once(ctx, mark, until)
			},
			Now: func() time.Time { return b.at }, Log: slog.New(slog.DiscardHandler),
		})
	}
	b.server = b.node()
	return b
}

func (b *body) EndAll(_ context.Context, of roster.AccountID) error {
	b.ending.Lock() // by several nodes
	defer b.ending.Unlock()
	b.ended = append(b.ended, of)
	return nil
}

func (b *body) writer() journal.Outside {
	return journal.Outside{DB: store.NewLedger(b.s), Now: func() time.Time { return b.at }}
}

func (b *body) orders() containment.Service { return containment.Service{Writer: b.writer()} }

// asks sends a request with a bearer, and returns the answer and its object.
func (b *body) asks(bearer, method, path, text string, headers ...string) (*httptest.ResponseRecorder, map[string]any) {
	b.t.Helper()
	r := httptest.NewRequest(method, provision.Prefix+path, strings.NewReader(text))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/scim+json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	b.server.ServeHTTP(answer, r)
	var said map[string]any
	if answer.Body.Len() > 0 {
		if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil {
			b.t.Fatalf("%s %s: %v: %s", method, path, err, answer.Body)
		}
	}
	return answer, said
}

func (b *body) is(status int, method, path, text string, headers ...string) map[string]any {
	b.t.Helper()
	answer, said := b.asks(token, method, path, text, headers...)
	if answer.Code != status {
		b.t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return said
}

func (b *body) there(ids ...roster.AccountID) {
	b.t.Helper()
	for _, id := range ids {
		if _, err := journal.Do(b.t.Context(), b.writer(), journal.Note{Kind: ledger.SteppedUp, Account: id}); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *body) account(id roster.AccountID) roster.Account {
	b.t.Helper()
	a, _, err := store.NewRoster(b.s).Account(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// As Entra documents it: the user is looked for, created, looked for again, patched with
// capitals and texts for truths, and at last disabled.
func TestRUN_5_EntraProposesAndClosesAndMakesNobodyAbleToRead(t *testing.T) {
	b := open(t)
	const look = `entra/v2/Users?filter=userName+eq+%22nina.roy%40mlv.example%22`
	if said := b.is(http.StatusOK, "GET", look, ""); said["totalResults"] != 0.0 {
		t.Errorf("before: %v", said)
	}
	const nina = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"n-1","userName":"Nina.Roy@mlv.example","active":true,"displayName":"Nina Roy","emails":[{"primary":true,"type":"work","value":"Nina.Roy@mlv.example"}],"meta":{"resourceType":"User"},"name":{"formatted":"Nina Roy","familyName":"Roy","givenName":"Nina"},"roles":[]}`
	made := b.is(http.StatusCreated, "POST", "entra/v2/Users", nina)
	id := made["id"].(string)
	if said := b.is(http.StatusOK, "GET", look, ""); said["totalResults"] != 1.0 {
		t.Errorf("after: %v", said)
	}
	if answer, said := b.asks(token, "POST", "entra/v2/Users", nina); answer.Code != http.StatusConflict || said["scimType"] != "uniqueness" {
		t.Errorf("twice: %d %v", answer.Code, said)
	}
	b.is(http.StatusOK, "PATCH", "entra/v2/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"displayName","value":"Chief"},{"op":"Add","path":"emails[type eq \"work\"].value","value":"thief@mlv.example"}]}`, "X", "")
	b.is(http.StatusOK, "PATCH", "entra/v2/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"True"}]}`)

	list, err := store.NewRoster(b.s).Proposals(t.Context(), "mlv")
	if err != nil || len(list) != 1 || list[0].Name != "Nina Roy" || list[0].Mail != "nina.roy@mlv.example" || list[0].Stage != accounts.Waiting {
		t.Fatalf("%+v, %v", list, err)
	}
	visitor := accounts.Visitor{Identity: list[0].Identity, Mail: list[0].Mail, Factor: "strong", Of: func(string) bool { return true }}
	approve := &accounts.Approve{Number: list[0].Number, By: "chief", Token: "nina", Bounds: b.life.Bounds}
	if _, err := journal.Do(t.Context(), b.writer(), approve); err == nil {
		t.Error("a manager approves without having confirmed")
	}
	b.there("chief", "deputy", "other")
	if err := b.life.Approve(t.Context(), list[0].Number, "other"); err == nil {
		t.Error("another organisation's manager approves")
	}
	if _, err := journal.Do(t.Context(), b.writer(), approve); err != nil {
		t.Fatal(err)
	}
	if p, err := b.life.Accept(t.Context(), "nina", visitor); err != nil || p.Stage != accounts.Agreed {
		t.Fatalf("accepted: %+v, %v", p, err) // and no account: a system's word and one person's are not two people
	}
	if err := b.life.Confirm(t.Context(), list[0].Number, "chief"); err == nil {
		t.Fatal("whoever approved what a system proposed recognises who accepted it, too: one person and one token make a reader")
	}
	stop, err := b.orders().Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "provision/entra", By: "samir", Because: "vol du jeton"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.life.Confirm(t.Context(), list[0].Number, "deputy"); err == nil {
		t.Fatal("what a system proposed goes on while an order stops the system")
	}
	b.is(http.StatusForbidden, "POST", "entra/v2/Users", strings.NewReplacer("n-1", "n-2", "Nina", "Nora").Replace(nina))
	b.is(http.StatusForbidden, "DELETE", "entra/v2/Users/pauline", "")
	if err := b.orders().Lift(t.Context(), containment.Lift{ID: stop.ID, By: "samir", Because: "nouveau jeton"}); err != nil {
		t.Fatal(err)
	}
	if err := b.life.Confirm(t.Context(), list[0].Number, "deputy"); err != nil {
		t.Fatal(err)
	}
	found := b.is(http.StatusOK, "GET", look, "")["Resources"].([]any)[0].(map[string]any)
	account := roster.AccountID(found["id"].(string))
	if a := b.account(account); a.Proposer != "provision/entra" || a.Approver != "chief" || !a.Gives(b.at) || found["externalId"] != "n-1" {
		t.Errorf("the account is %+v, and %v", a, found)
	}
	said := b.is(http.StatusOK, "PATCH", "entra/v2/Users/"+string(account), `{"Operations":[{"op":"Replace","value":{"active":"False","name.givenName":"N"}}]}`)
	if a := b.account(account); a.Closed.IsZero() || said["active"] != false || len(b.ended) != 1 || b.ended[0] != account {
		t.Errorf("disabled: %+v, %v, sessions of %v ended", a, said, b.ended)
	}
	b.is(http.StatusNotFound, "PATCH", "entra/v2/Users/"+string(account), `{"Operations":[{"op":"Replace","path":"active","value":true}]}`)
	if a := b.account(account); a.Closed.IsZero() {
		t.Error("a system opens an account that was closed")
	}
}

// As Okta documents it: versions, PUT with the whole user, groups with members removed.
func TestRUN_5_OktaSignsItsAssertionsAndTakesPeopleOutOfGroups(t *testing.T) {
	b := open(t)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: b.key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(change func(*jwt.Claims)) string {
		claims := jwt.Claims{Issuer: "okta", Subject: "okta", Audience: jwt.Audience{"https://poterne.example"}, ID: rand.Text(), Expiry: jwt.NewNumericDate(b.at.Add(4 * time.Minute))}
		change(&claims)
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, change := range map[string]func(*jwt.Claims){
		"another's":      func(c *jwt.Claims) { c.Issuer = "entra" },
		"for elsewhere":  func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://other.example"} },
		"expired":        func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(b.at.Add(-2 * time.Minute)) },
		"for ever":       func(c *jwt.Claims) { c.Expiry = nil },
		"without a name": func(c *jwt.Claims) { c.ID = "" },
		"of a long name": func(c *jwt.Claims) { c.ID = strings.Repeat("n", 129) },
		"for days":       func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(b.at.AddDate(0, 0, 3)) },
	} {
		if answer, _ := b.asks(bearer(change), "GET", "okta/v2/Users", ""); answer.Code != http.StatusUnauthorized {
			t.Errorf("an assertion %s: %d", name, answer.Code)
		}
	}
	fresh := func() string { return bearer(func(*jwt.Claims) {}) }
	for name, asked := range map[string][2]string{"of another client": {"entra", fresh()}, "the other's token": {"okta", token}, "no client": {"nobody", token}, "an empty one": {"okta", ""}} {
		if answer, _ := b.asks(asked[1], "GET", asked[0]+"/v2/Users", ""); answer.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, answer.Code)
		}
	}
	answer, said := b.asks(fresh(), "GET", "okta/v2/Users/pauline", "")
	tag := answer.Header().Get("ETag")
	if answer.Code != http.StatusOK || tag == "" || said["active"] != true {
		t.Fatalf("%d %v", answer.Code, said)
	}
	if answer, _ := b.asks(fresh(), "GET", "okta/v2/Users/pauline", "", "If-None-Match", tag); answer.Code != http.StatusNotModified {
		t.Errorf("the same version: %d", answer.Code)
	}
	if answer, _ := b.asks(fresh(), "PUT", "okta/v2/Users/pauline", `{"active":false}`, "If-Match", `W/"old"`); answer.Code != http.StatusPreconditionFailed || !b.account("pauline").Closed.IsZero() {
		t.Errorf("another version: %d", answer.Code)
	}
	for _, path := range []string{"okta/v2/Users/lucas", "okta/v2/Users/chief", "okta/v2/Users/samir"} { // another organisation's, a manager, the desk
		if answer, _ := b.asks(fresh(), "DELETE", path, ""); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	group, said := b.asks(fresh(), "GET", "okta/v2/Groups/adviser", "")
	if members := said["members"].([]any); len(members) != 2 || group.Code != http.StatusOK {
		t.Errorf("%v", said)
	}
	if answer, _ := b.asks(fresh(), "PATCH", "okta/v2/Groups/desk", `{"Operations":[{"op":"add","path":"members","value":[{"value":"karim"}]}]}`); answer.Code != http.StatusBadRequest {
		t.Errorf("another role: %d", answer.Code)
	}
	if answer, _ := b.asks(fresh(), "PATCH", "okta/v2/Groups/adviser", `{"Operations":[{"op":"remove","path":"members[value eq \"karim\"]"}]}`); answer.Code != http.StatusNoContent || b.account("karim").Closed.IsZero() {
		t.Errorf("taken out of the group: %d, %+v", answer.Code, b.account("karim"))
	}
	if answer, _ := b.asks(fresh(), "PUT", "okta/v2/Users/pauline", `{"active":false}`, "If-Match", tag); answer.Code != http.StatusOK || b.account("pauline").Closed.IsZero() {
		t.Errorf("replaced: %d", answer.Code)
	}
}

// Of an assertion that was listened to, on its way or in a log, nothing is left for whoever has
// it: each serves for one request, on one node.
//
// Promise: RUN-5
func TestRUN_5_AnAssertionServesForOneRequestOnOneNode(t *testing.T) {
	b := open(t)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: b.key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(id string, lasts time.Duration) string {
		text, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: "okta", Subject: "okta", Audience: jwt.Audience{"https://poterne.example"}, ID: id, Expiry: jwt.NewNumericDate(b.at.Add(lasts))}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	nodes := []*provision.Server{b.server, b.node()}
	shows := func(node *provision.Server, text string) int {
		b.server = node
		answer, _ := b.asks(text, "GET", "okta/v2/Users", "")
		return answer.Code
	}
	first := signed("one", 4*time.Minute)
	if code := shows(nodes[0], first); code != http.StatusOK {
		t.Fatalf("the first time: %d", code)
	}
	for n, node := range nodes {
		if code := shows(node, first); code != http.StatusUnauthorized {
			t.Errorf("once more, on node %d: %d", n, code)
		}
	}
	if code := shows(nodes[0], signed("one", 5*time.Minute)); code != http.StatusUnauthorized {
		t.Errorf("another assertion of the same name: %d", code)
	}
	for _, wrong := range []string{"for a wrong signature", "x"} { // what nobody signed uses up no name
		text := signed("two"+wrong, time.Minute)
		shows(nodes[0], text[:len(text)-4]+"AAAA")
		if code := shows(nodes[1], text); code != http.StatusOK {
			t.Errorf("%s: %d", wrong, code)
		}
	}
	long := signed("three", 5*time.Minute)
	shows(nodes[0], long)
	for range 7 { // as long as clocks that differ would let it serve, and the marks are swept meanwhile
		b.at = b.at.Add(time.Minute - time.Millisecond)
		if err := store.NewSessions(b.s).Sweep(t.Context(), b.at, b.at.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if code := shows(nodes[1], long); code != http.StatusUnauthorized {
			t.Errorf("at %v: %d", b.at, code)
		}
	}
	served := make(chan int, 8)
	race := signed("four", time.Minute)
	for n := range cap(served) {
		go func() {
			r := httptest.NewRequest(http.MethodGet, provision.Prefix+"okta/v2/Users", nil)
			r.Header.Set("Authorization", "Bearer "+race)
			w := httptest.NewRecorder()
			nodes[n%2].ServeHTTP(w, r)
			served <- w.Code
		}()
	}
	good := 0
	for range cap(served) {
		if <-served == http.StatusOK {
			good++
		}
	}
	if good != 1 {
		t.Errorf("at once it serves %d times", good)
	}
}

func TestRUN_5_WhatCannotBeReadIsRefused(t *testing.T) {
	b := open(t)
	deep := strings.Repeat("(", 1<<20)
	begun := time.Now()
	if answer, said := b.asks(token, "GET", "entra/v2/Users?filter="+deep, ""); answer.Code != http.StatusBadRequest || said["scimType"] != "invalidFilter" {
		t.Errorf("1 MB of parentheses: %d", answer.Code)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("1 MB of parentheses took %s", took)
	}
	for name, test := range map[string]struct {
		method, path, text string
		status             int
	}{
		"in bulk":                  {"POST", "entra/v2/Bulk", `{}`, http.StatusNotImplemented},
		"nowhere":                  {"GET", "entra/v2/Elsewhere", "", http.StatusNotFound},
		"a name twice":             {"POST", "entra/v2/Users", `{"userName":"a@b.example","userName":"c@b.example"}`, http.StatusBadRequest},
		"deep":                     {"POST", "entra/v2/Users", strings.Repeat(`{"a":`, 2000), http.StatusBadRequest},
		"a manager":                {"POST", "entra/v2/Users", `{"userName":"a@b.example","externalId":"x","displayName":"A","roles":[{"value":"manager"}]}`, http.StatusBadRequest},
		"the desk":                 {"POST", "entra/v2/Users", `{"userName":"a@b.example","externalId":"x","displayName":"A","roles":[{"value":"security"}]}`, http.StatusBadRequest},
		"nobody":                   {"POST", "entra/v2/Users", `{"userName":"a@b.example","displayName":"A"}`, http.StatusBadRequest},
		"whose mail somebody has":  {"POST", "entra/v2/Users", `{"userName":"a@b.example","externalId":"p1","displayName":"A"}`, http.StatusConflict},
		"whose name is not seen":   {"POST", "entra/v2/Users", `{"userName":"a@b.example","externalId":"x","displayName":"Pau\u200bline"}`, http.StatusBadRequest},
		"whose name turns around":  {"POST", "entra/v2/Users", `{"userName":"a@b.example","externalId":"x","name":{"givenName":"Pauline","familyName":"\u202eMercier"}}`, http.StatusBadRequest},
		"a patch of nothing":       {"PATCH", "entra/v2/Users/pauline", `{}`, http.StatusBadRequest},
		"a patch of what is not":   {"PATCH", "entra/v2/Users/pauline", `{"Operations":[{"op":"replace","path":"a[","value":1}]}`, http.StatusBadRequest},
		"a role":                   {"PATCH", "entra/v2/Users/pauline", `{"Operations":[{"op":"replace","path":"roles[primary eq true].value","value":"desk"}]}`, http.StatusBadRequest},
		"all members at once":      {"PATCH", "entra/v2/Groups/adviser", `{"Operations":[{"op":"replace","path":"members","value":[]}]}`, http.StatusBadRequest},
		"a filter that is none":    {"GET", "entra/v2/Users?filter=userName+is+1", "", http.StatusBadRequest},
		"a page that is no number": {"GET", "entra/v2/Users?startIndex=x", "", http.StatusBadRequest},
	} {
		if answer, _ := b.asks(token, test.method, test.path, test.text); answer.Code != test.status {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	if answer, _ := b.asks(token, "POST", "entra/v2/Users", "{}", "Content-Type", "text/plain"); answer.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a text: %d", answer.Code)
	}
	if a := b.account("pauline"); a.Role != roster.Adviser || !a.Closed.IsZero() {
		t.Errorf("%+v", a)
	}
	for i := range 60 { // what waits is bounded
		text := fmt.Sprintf(`{"userName":"n%d@mlv.example","externalId":"n%d","displayName":"N %d"}`, i, i, i)
		if answer, _ := b.asks(token, "POST", "entra/v2/Users", text); answer.Code != http.StatusCreated {
			if i < 20 {
				t.Errorf("the user %d: %d %s", i, answer.Code, answer.Body)
			}
			return
		}
	}
	t.Error("a system proposes without end")
}
