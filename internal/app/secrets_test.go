package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/breakglass"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/lab/mailbox"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/provision"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// visitor is somebody who walks through the program: by a session, by a token, or by nothing.
type visitor struct {
	who, origin string
	button      string // at the identity provider; empty of whoever has no session
	account     string
	bearer      string
	cookies     map[string]string
	read        int // answers that were pages
}

// house is the program with everything in it that is secret.
type house struct {
	*connected
	vault    *configtest.Vault
	box      mailbox.Box
	visitors []*visitor
}

// signsIn gives a visitor a session that has just been confirmed.
func (h *house) signsIn(v *visitor) {
	h.t.Helper()
	b := life.NewBrowser(v.origin)
	if err := b.SignIn(h.t.Context(), v.button); err != nil {
		h.t.Fatalf("%s: %v", v.who, err)
	}
	if v.origin == h.origin {
		if err := confirms(h.t.Context(), b, v.button); err != nil {
			h.t.Fatalf("%s: %v", v.who, err)
		}
	}
	v.cookies = make(map[string]string)
	for _, c := range b.Cookies() {
		v.cookies[c.Name] = c.Value
	}
	h.learn(v)
}

// confirms steps a browser's session up by a fresh sign-in.
func confirms(ctx context.Context, b *life.Browser, button string) error {
	choice, err := b.Post(ctx, signin.StepUpPath, url.Values{"return": {"/"}, "by": {signin.BySignIn}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, choice.Address.String(), strings.NewReader(url.Values{"person": {button}}.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", choice.Address.Scheme+"://"+choice.Address.Host)
	_, err = b.Do(r)
	return err
}

// learn takes a visitor's cookies for secrets, and their parts.
func (h *house) learn(v *visitor) {
	for name, value := range v.cookies {
		if strings.Contains(name, "arrival") { // the digest of an address
			continue
		}
		for _, part := range strings.Split(value, ".") {
			h.vault.Add(configtest.Secret{What: "a cookie of " + v.who + ": " + name, Text: []byte(part)})
		}
	}
}

// sends sends a request as a visitor, and returns the status, and what was asked and answered.
func (h *house) sends(v *visitor, method, target string, form url.Values) (status int, asked string, answered []byte) {
	ctx, cancel := context.WithTimeout(h.t.Context(), long)
	defer cancel()
	if path.Base(target) == "flow" { // which goes on
		ctx, cancel = context.WithTimeout(h.t.Context(), 20*time.Millisecond)
		defer cancel()
	}
	var body io.Reader
	text := form.Encode()
	if method == http.MethodGet {
		target, text = target+"?"+text, ""
	} else {
		body = strings.NewReader(text)
	}
	r := httptest.NewRequestWithContext(ctx, method, target, body)
	_, r.Host, _ = strings.Cut(v.origin, "://")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", life.Agent)
	r.Header.Set("Accept-Language", life.Language)
	r.Header.Set("Accept", "text/html,application/json")
	r.Header.Set("Origin", v.origin)
	if v.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+v.bearer)
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	h.p.Public.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(v.cookies, c.Name)
		} else if v.cookies != nil {
			v.cookies[c.Name] = c.Value
		}
	}
	var heads bytes.Buffer
	header := w.Header().Clone()
	header.Del("Set-Cookie") // gives its own holder the next one
	_ = header.Write(&heads)
	asked = target + "\n" + text + "\n" + r.Header.Get("Cookie") + "\n" + v.bearer
	defer h.learn(v)
	return w.Code, asked, append(heads.Bytes(), w.Body.Bytes()...)
}

// newHouse is the program with sessions of everybody, an invitation, a recovery, a passkey, a
// system that provisions and a partner's programme.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{vault: configtest.NewVault()}
	letters, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = h.box.Serve(t.Context(), letters) }()
	var provider http.Handler
	federation := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	t.Cleanup(federation.Close)
	register := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"people": []string{"4711"}, "mail": "nina@courriel.example", "phone": ""})
	}))
	t.Cleanup(register.Close)
	const scim = "a-token-of-the-system-that-provisions-accounts"
	h.connected = connect(t, func(o *Opened) {
		if err := o.WithIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		port := letters.Addr().(*net.TCPAddr).Port
		o.Mail = &mail.Server{Host: "127.0.0.1", Port: port, Security: mail.Plain, From: "poterne@mission.example"}
		_, host, _ := strings.Cut(o.Origin, "://localhost")
		o.People.Origin = "http://mon-dossier.localhost" + host
		o.People.SignIn.Origins, o.People.SignIn.Issuer = []string{o.People.Origin}, federation.URL+"/api/v2"
		o.People.Register.Address, _ = url.Parse(register.URL)
		o.People.Contacts.Address = o.People.Register.Address
		o.RecordStore = []byte(strings.Repeat("x", 32))
		o.Provisioning = []provision.Client{{
			Name: "entra", Organisation: "mission", Token: sha256.Sum256([]byte(scim)), Issuer: o.SignIn.Issuer, Role: roster.Adviser, Services: []roster.ServiceID{"people"}, Until: time.Hour,
		}}
		o.Transmitters = []provision.Transmitter{{Name: "entra", Issuer: "https://signals.example", People: o.SignIn.Issuer}}
		o.Messages = &config.Messages{Account: "messages", Service: "people", Path: "/contacts/{id}", Return: "retours@mission.example", Connections: 1, Letters: t.TempDir(), Bounces: t.TempDir()}
		kept, err := breakglass.Parse([]byte(sealed))
		if err != nil {
			t.Fatal(err)
		}
		o.BreakGlass = &config.BreakGlass{Sealed: kept, Networks: []string{"other"}}
		provider = h.federation(o)
	})
	h.vault.Add(configtest.Secret{What: "the token of a system that provisions", Text: []byte(scim)})
	h.vault.Add(configtest.Secret{What: "the hash of the sealed password", Text: []byte(sealed)})
	h.vault.Add(configtest.Secret{What: "the sealed password", Text: []byte(inEnvelope)})
	h.vault.AddFiles(t, filepath.Dir(h.SealFile))
	h.visitors = []*visitor{
		{who: "nobody", origin: h.origin},
		{who: "an adviser", account: "pauline", origin: h.origin, button: "0"},
		{who: "a manager", account: "chief", origin: h.origin, button: "2"},
		{who: "the security desk", account: "samir", origin: h.origin, button: "4"},
		{who: "the data-protection officer", account: "claire", origin: h.origin, button: "6"},
		{who: "nobody, where people see their own file", origin: h.People.Origin},
		{who: "a person of the register", account: "nina", origin: h.People.Origin, button: "0"},
		{who: "a system that provisions", origin: h.origin, bearer: scim},
	}
	for _, v := range h.visitors {
		if v.button != "" {
			h.signsIn(v)
		}
	}
	h.happens()
	return h
}

// federation is FranceConnect, imitated.
func (h *house) federation(o *Opened) http.Handler {
	p, err := proconnect.New(proconnect.Settings{
		Issuer: o.People.SignIn.Issuer, Imitates: proconnect.FranceConnect,
		People:  []proconnect.Person{{Subject: "nina", ACR: "eidas1", Civil: register.Civil{Family: "Fictive", Given: "Nina", Birth: "1990-01-01", Gender: "female", Birthplace: "99100"}}},
		Clients: []proconnect.Client{{ID: o.People.SignIn.ClientID, Secret: o.People.SignIn.ClientSecret, Name: "Mon dossier", Redirects: []string{o.People.Origin + signin.CallbackPath}}},
	})
	if err != nil {
		panic(err)
	}
	return p.Handler()
}

// happens makes an invitation and a recovery, and gives an account a passkey; each leaves
// secrets in letters and in rows.
func (h *house) happens() {
	h.t.Helper()
	life, confirm := h.Accounts(h.p.Journal), func() {
		for _, id := range []roster.AccountID{"chief", "deputy", "samir", "nadia"} {
			if err := h.p.Journal.Record(h.t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	confirm()
	number, err := life.Propose(h.t.Context(), accounts.Proposal{
		By: "chief", Organisation: "mission", Role: roster.Adviser, Name: "Alix", Mail: "alix@mission.example", Because: "embauche",
		Rights: []accounts.Right{{Service: "people", Purpose: "accompany"}}, Until: ledger.Cut(h.Now().AddDate(0, 6, 0)),
	})
	for _, err := range []error{
		err, life.Approve(h.t.Context(), number, "deputy"),
		life.Recover(h.t.Context(), "karim", "chief", "clé perdue"),
		life.Enrol(h.t.Context(), roster.Passkey{Account: "karim", ID: []byte("an identifier of a passkey"), Key: []byte("a public key"), Name: "clé"}, ledger.Entry{Factor: string(signin.Strong)}),
	} {
		if err != nil {
			h.t.Fatal(err)
		}
	}
	for _, recovery := range h.rows("proposal", "number", "recovers <> ''") {
		at, err := strconv.ParseUint(recovery, 10, 64)
		for _, err := range []error{err, life.Approve(h.t.Context(), ledger.Number(at), "deputy"), life.Approve(h.t.Context(), ledger.Number(at), "samir")} {
			if err != nil {
				h.t.Fatal(err)
			}
		}
	}
	h.found()
}

// found takes for secrets what rows and letters hold by now: of the letters that the house
// begins with, an invitation and two links that stop a recovery.
func (h *house) found() {
	h.t.Helper()
	tokens := 0
	for _, letter := range h.box.Letters("") {
		if _, rest, linked := strings.Cut(letter.Text, "token="); linked {
			tokens++
			h.vault.Add(configtest.Secret{What: "a token that was mailed to " + letter.To, Text: []byte(strings.Fields(rest)[0])})
		}
	}
	if tokens < 3 {
		h.t.Fatalf("%d letters have a token", tokens)
	}
	for table, columns := range map[string][]string{
		"session": {"key", "current", "next", "seed"}, "person_session": {"key", "current", "next", "seed"},
		"proposal": {"invitation", "stop", "stop_later"}, "passkey": {"id", "public_key"},
	} {
		for _, column := range columns {
			for _, value := range h.rows(table, column, "true") {
				h.vault.Add(configtest.Secret{What: column + " of " + table, Text: []byte(value)})
			}
		}
	}
	for _, v := range h.visitors { // the ID token, by which its holder signs out at the provider
		for _, hint := range slices.Concat(h.rows("session", "hint", "account = '"+v.account+"'"), h.rows("person_session", "hint", "'"+v.account+"' = 'nina'")) {
			h.vault.Add(configtest.Secret{What: "an ID token of " + v.who, Text: []byte(hint), Own: "POST " + signin.LeavePath, Of: v.who})
		}
	}
}

// rows are the values of a column.
func (h *house) rows(table, column, where string) (values []string) {
	h.t.Helper()
	db, err := sql.Open("sqlite", h.Database)
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(h.t.Context(), "select "+column+" from "+table+" where "+where)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			h.t.Fatal(err)
		}
		values = append(values, string(value))
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return values
}

// answers is what the walk sends for each name, wherever it stands; elsewhere "7". Whose factor
// might be set or shown is somebody else's: Karim's.
var answers = map[string]string{
	"account": "karim", "accounts": "karim", "of": "karim", "target": "karim", "subject": "karim", "id": "karim", "user": "karim", "login": "karim",
	"because": "un motif", "words": "un motif", "why": "for-you", "title": "Un vol", "name": "Une clé", "until": "2099-01-01", "since": "2026-01-01", "period": "hour",
	"reach": "account", "effect": "narrowed", "service": "people", "role": "adviser", "mail": planted + "@mission.example", "q": "ka", "do": "approve", "source": "agenda",
	"form": "cnil", "client": "entra", "transmitter": "entra", "file": "style.css", "resource": "checkpoint", "provider": "mission-locale", "identifier": "4711", "by": signin.BySignIn, "return": "/",
	"password": planted, "secret": planted, "passkey": planted, "key": planted, "token": planted, "issuer": planted, "identity": planted, "passkey-answer": planted,
	"passkey-challenge": planted, "code": planted, "challenge": planted, "signature": planted, "state": planted, "person": "4711",
}

// planted is what the walk would have somebody's factor be.
const planted = "a-factor-that-another-sets"

// fields are the names of all that the pages' forms send, and of what they do not.
func fields(t *testing.T) (names []string) {
	t.Helper()
	names = slices.Collect(maps.Keys(answers))
	pages := 0
	err := filepath.WalkDir("../portal", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		pages++
		text, err := os.ReadFile(path)
		for _, found := range named.FindAllSubmatch(text, -1) {
			names = append(names, string(found[1]))
		}
		if bytes.Contains(text, []byte(`type="password"`)) && filepath.Base(path) != "break-glass.html" {
			t.Errorf("%s takes a password", path)
		}
		return err
	})
	if err != nil || pages < 40 {
		t.Fatal(pages, err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var (
	named    = regexp.MustCompile(`name="([a-z-]+)"`)
	wildcard = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)
)

// walk has every visitor ask for an address, with nothing and with every field, and says what
// secrets were shown; reached is whether it was there for anybody.
func (h *house) walk(pattern string, names []string) (shown []string, reached bool) {
	h.t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.TrimSuffix(path, "{$}")
	of := func(id string) string {
		return wildcard.ReplaceAllStringFunc(path, func(wild string) string {
			name := wildcard.FindStringSubmatch(wild)[1]
			if name == "id" || name == "number" {
				return id
			}
			return answers[name]
		})
	}
	full := make(url.Values)
	for _, name := range names {
		full.Set(name, cmp.Or(answers[name], "7"))
	}
	targets := []string{of("karim")}
	if numbered := of("1"); numbered != targets[0] {
		targets = append(targets, of(h.rows("proposal", "max(number)", "true")[0]))
	}
	for _, v := range h.visitors {
		for _, target := range targets {
			for _, form := range []url.Values{nil, full} {
				if form == nil && method != http.MethodGet {
					continue
				}
				status, asked, answered := h.sends(v, method, target, form)
				if status == http.StatusOK {
					v.read++
				}
				reached = reached || status != http.StatusNotFound && status != http.StatusMethodNotAllowed
				for _, what := range h.vault.Shown(v.who, pattern, asked, answered) {
					shown = append(shown, fmt.Sprintf("%s %s shows %s %s", method, target, v.who, what))
				}
			}
		}
	}
	return shown, reached
}

// last are the addresses that end sessions and accounts: they are walked when all else was.
var last = regexp.MustCompile(`leave$|not-me$|/orders|/close$|/recover|/decide|admit$|stop$`)

// absent are the patterns that nothing answers to here, and why.
var absent = map[string]string{
	"POST /add-checkpoint": "a witness answers it", "GET /metrics": "on a listener of its own, below",
	"POST /code": "a letter's code only", "POST /code/complaint": "a letter's code only", "POST /contacts/link": "a mailed token only", "POST /contacts/letter": "a letter's code only",
	"GET /represented/{mandate}": "a mandate only",
}

// Every address that the source has is asked for as everybody, and no answer shows a secret of
// somebody else's, or what it could be found by. Afterwards each factor is what it was.
func TestENTRY_7_NoAddressShowsOrSetsSomebodyElsesSecret(t *testing.T) {
	h := newHouse(t)
	names, patterns := fields(t), served(t)
	slices.SortStableFunc(patterns, func(a, b string) int {
		weight := func(p string) int {
			switch {
			case last.MatchString(p):
				return 2
			case !strings.HasPrefix(p, "GET "):
				return 1
			}
			return 0
		}
		return cmp.Compare(weight(a), weight(b))
	})
	before := h.factors()
	for _, pattern := range patterns {
		shown, reached := h.walk(pattern, names)
		for _, what := range shown {
			t.Error(what)
		}
		if reached == (absent[pattern] != "") {
			t.Errorf("%s: it is there for somebody: %t", pattern, reached)
		}
	}
	for _, v := range h.visitors {
		if v.read < 10 {
			t.Errorf("%s was shown %d pages only", v.who, v.read)
		}
	}
	w := httptest.NewRecorder()
	h.p.Private.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	h.found()
	for _, what := range h.vault.Shown("", "", "", []byte(w.Body.String()+h.log.String())) {
		t.Errorf("the metrics or the log show %s", what)
	}
	for what, was := range before {
		if is := h.factors()[what]; is != was {
			t.Errorf("%s was %q and is %q", what, was, is)
		}
	}
	if set := strings.Join(slices.Collect(maps.Values(h.factors())), "\n"); strings.Contains(set, planted) {
		t.Error("a factor was set that somebody else wrote")
	}
}

// factors are what each account proves itself by.
func (h *house) factors() map[string]string {
	list := make(map[string]string)
	for table, column := range map[string]string{
		"account": "id || ':' || issuer || ' ' || provider || ' ' || subject", "passkey": "hex(id) || ':' || account || ' ' || hex(public_key) || ' ' || (ended_us is null)",
	} {
		for _, row := range h.rows(table, column, "true") {
			id, is, _ := strings.Cut(row, ":")
			list[table+" "+id] = is
		}
	}
	return list
}

// The walk finds an address that shows a secret, whatever it is written as, and whoever sees it.
func TestENTRY_7_AnAddressThatShowsASecretIsFound(t *testing.T) {
	h := newHouse(t)
	program := h.p.Public
	for what, text := range map[string]string{
		"a token that was mailed to alix@mission.example": h.vault.Text(t, "a token that was mailed to alix"),
		"invitation of proposal":                          hex.EncodeToString([]byte(h.vault.Text(t, "invitation of proposal"))),
		"a cookie of a manager: __Host-poterne-session":   base64.RawURLEncoding.EncodeToString([]byte(h.vault.Text(t, "a cookie of a manager: "))),
		"the file alerts.secret":                          "x" + h.vault.Text(t, "the file ") + "y",
		"an ID token of an adviser":                       h.vault.Text(t, "an ID token of an adviser"),
	} {
		h.p.Public = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/planted" && r.Header.Get("Cookie") != "" {
				w.Header().Set("X-Planted", text)
				return
			}
			program.ServeHTTP(w, r)
		})
		shown, _ := h.walk("GET /planted", nil)
		if said := strings.Join(shown, "\n"); len(shown) < 3 || !strings.Contains(said, "a manager") && what[:8] != "a cookie" {
			t.Errorf("%s is shown, and found %d times: %s", what, len(shown), said)
		}
	}
}
