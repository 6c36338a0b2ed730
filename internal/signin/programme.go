package signin

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// A partner's programme has an account, as people have, and no browser. It asks for a token
// with an assertion that its key signed (private_key_jwt, RFC 7523), as an OAuth client asks for
// its own credentials' (RFC 6749, section 4.4), and calls guarded services with that as bearer.
// The token is a session: it is written down as a sign-in, ends with all others of the account,
// and gives no right. What the account may be shown is decided at the gate, each time.

// TokenPath is where programmes are given tokens.
const TokenPath = Prefix + "token" // POST

const (
	// ByKey is the factor of programmes: they have the private half of the account's key.
	ByKey Factor = "key"

	// ByCertificate is what the ledger has of a programme that proved itself by a client
	// certificate of its key.
	ByCertificate Factor = "certificate"

	// Replayed bars an assertion that was shown before.
	Replayed Bar = "replayed"
	// OutOfDate bars a certificate of the account's key that has ended, or has not begun.
	OutOfDate Bar = "out-of-date"
)

const (
	tokenMark        = "ptn_"          // begins every token, so that no other bearer is taken for one
	tokenLife        = 5 * time.Minute // of a token, and of an assertion at most
	assertionClocks  = time.Minute     // that clocks may be apart
	longestAssertion = 8 << 10
	longestName      = 128 // of an assertion's jti
	mostTokens       = 20  // of an account that are good at once
)

// assertionType is what RFC 7523 calls a JWT by which a client says who it is.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// refusedToken is why no token is given, as RFC 6749 says it.
type refusedToken struct {
	status int
	code   string
	text   string
}

func (e *refusedToken) Error() string { return e.text }

// notTheirs is the answer to whoever is not who they say, in whichever way: it does not tell
// which accounts there are.
var notTheirs = &refusedToken{http.StatusUnauthorized, "invalid_client", "the assertion is not one that this account's key signed for here and now, or the account gives no right"}

// token gives a programme a token.
func (d *Door) token(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	w.Header().Set("Content-Type", "application/json")
	token, err := d.tokenFor(w, r)
	refused, ok := errors.AsType[*refusedToken](err)
	switch {
	case err == nil:
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds())})
		return
	case !ok:
		d.settings.Log.ErrorContext(r.Context(), "a programme could not be given a token", slog.Any("err", err))
		refused = &refusedToken{http.StatusServiceUnavailable, "temporarily_unavailable", "it could not be done; try again with a new assertion"}
	}
	w.WriteHeader(refused.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": refused.code, "error_description": refused.text})
}

func (d *Door) tokenFor(w http.ResponseWriter, r *http.Request) (string, error) {
	origin, ok := d.origin(r)
	if !ok {
		return "", notTheirs
	}
	form, err := tokenForm(w, r)
	if err != nil {
		return "", err
	}
	if certificate := certificateOf(r); certificate != nil {
		return d.certified(r, form, certificate)
	}
	account, said, err := d.asserted(r, form, origin)
	if err != nil {
		return "", err
	}
	attempt := Attempt{Identity: account.Identity, Factor: ByKey, Account: account.ID, Organisation: account.Organisation}
	mark := "assertion\x00" + string(account.ID) + "\x00" + said.ID
	until := said.Expiry.Time().Add(2 * assertionClocks)
	switch first, err := d.sessions.Once(r.Context(), digest(mark), until); {
	case err != nil:
		return "", err
	case !first:
		attempt.Bar = Replayed
		if told, err := d.sessions.Once(r.Context(), digest("replayed "+mark), until); err != nil || !told { // once: whoever has it shows it again at will
			return "", errors.Join(err, notTheirs)
		}
		return "", d.refuses(r, attempt)
	case !account.Gives(d.settings.Now()):
		attempt.Bar = NotOpen
		return "", d.refuses(r, attempt)
	}
	return d.openToken(r, attempt, neverBound)
}

// refuses writes down that a programme was not let in, and says so.
func (d *Door) refuses(r *http.Request, attempt Attempt) error {
	if err := d.settings.Tried(r, attempt); err != nil {
		return fmt.Errorf("writing a sign-in down: %w", err)
	}
	return notTheirs
}

// openToken opens the session of a token, bound to what is said, and returns the token.
func (d *Door) openToken(r *http.Request, attempt Attempt, bound string) (string, error) {
	rows, err := d.Sessions(r.Context(), attempt.Account)
	if err != nil {
		return "", err
	}
	if len(rows) >= mostTokens {
		return "", &refusedToken{http.StatusTooManyRequests, "invalid_request", fmt.Sprintf("%d tokens of this account are good: use one", len(rows))}
	}
	token, now := tokenMark+longText(), instant(d.settings.Now())
	row := Row{
		Key: tokenKey(token), ID: roster.SessionID(rand.Text()[:16]), Account: attempt.Account, Organisation: attempt.Organisation, Factor: ByKey,
		Started: now, Rotated: now, Seen: now, Bound: bound,
	}
	row.Current, row.Next = digest(longText()), digest(longText()) // no cookie has these
	attempt.Session = row.ID
	if err := d.settings.Tried(r, attempt); err != nil {
		return "", fmt.Errorf("writing a sign-in down: %w", err)
	}
	return token, d.sessions.Open(r.Context(), row)
}

// tokenKey finds the session of a token: never one that a cookie finds.
func tokenKey(token string) Digest { return digest("token\x00" + token) }

// tokenForm reads what a programme sends. Each parameter comes once.
func tokenForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	invalid := func(text string) error { return &refusedToken{http.StatusBadRequest, "invalid_request", text} }
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, invalid("send application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, 2*longestAssertion)
	if err := r.ParseForm(); err != nil {
		return nil, invalid("the form cannot be read, or is too long")
	}
	form := r.PostForm
	for name, values := range form {
		if len(values) != 1 {
			return nil, invalid(fmt.Sprintf("%.40q comes more than once", name))
		}
	}
	certified := certificateOf(r) != nil
	switch {
	case len(r.Header.Values("Authorization")) > 0 || form.Has("client_secret"):
		return nil, invalid("a client proves itself in one way: by client_assertion, or by its certificate")
	case form.Get("grant_type") != "client_credentials":
		return nil, &refusedToken{http.StatusBadRequest, "unsupported_grant_type", "grant_type is client_credentials"}
	case certified && (form.Has("client_assertion") || form.Has("client_assertion_type")):
		return nil, invalid("where certificates are asked for, a client proves itself by its own, and sends no assertion")
	case form.Get("scope") != "":
		return nil, &refusedToken{http.StatusBadRequest, "invalid_scope", "the account's habilitations are its scope: ask for none"}
	case certified:
	case form.Get("client_assertion_type") != assertionType:
		return nil, invalid("client_assertion_type is " + assertionType)
	}
	return form, nil
}

// asserted verifies an assertion: signed by the key of the account that it names, for this
// origin, with a name of its own, for minutes.
func (d *Door) asserted(r *http.Request, form url.Values, origin string) (roster.Account, jwt.Claims, error) {
	text := form.Get("client_assertion")
	if len(text) > longestAssertion {
		return roster.Account{}, jwt.Claims{}, notTheirs
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256})
	if err != nil || len(token.Headers) != 1 {
		return roster.Account{}, jwt.Claims{}, notTheirs
	}
	if kind, there := token.Headers[0].ExtraHeaders["typ"]; there && kind != "JWT" && kind != "client-authentication+jwt" {
		return roster.Account{}, jwt.Claims{}, notTheirs // a token of another kind, which the same key signed
	}
	var named, said jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&named); err != nil || named.Subject == "" {
		return roster.Account{}, jwt.Claims{}, notTheirs
	}
	account, organisation, err := d.accounts.Account(r.Context(), roster.AccountID(named.Subject))
	if err != nil {
		if fault.Is(err, fault.Absent) {
			err = notTheirs
		}
		return roster.Account{}, jwt.Claims{}, err
	}
	key, ok := account.Identity.Key()
	if !ok || account.Role != roster.Programme || account.Organisation != organisation.ID || token.Claims(key, &said) != nil {
		return roster.Account{}, jwt.Claims{}, notTheirs
	}
	now, id := d.settings.Now(), string(account.ID)
	expected := jwt.Expected{Issuer: id, Subject: id, Time: now}
	forUs := len(said.Audience) == 1 && slices.Contains([]string{origin, origin + TokenPath}, said.Audience[0])
	switch {
	case said.ValidateWithLeeway(expected, assertionClocks) != nil, !forUs:
	case form.Get("client_id") != "" && form.Get("client_id") != id:
	case said.Expiry == nil || said.Expiry.Time().Sub(now) > tokenLife+assertionClocks:
	case said.ID == "" || len(said.ID) > longestName:
	default:
		return account, said, nil
	}
	return roster.Account{}, jwt.Claims{}, notTheirs
}

// Bears reports whether a request is a programme's: whether it has a token of ours.
func Bears(r *http.Request) bool { return slices.ContainsFunc(bearers(r), ours) }

// bearers are the tokens that a request has.
func bearers(r *http.Request) (tokens []string) {
	for _, value := range r.Header.Values("Authorization") {
		if scheme, token, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "bearer") {
			tokens = append(tokens, strings.TrimSpace(token))
		}
	}
	return tokens
}

func ours(token string) bool { return strings.HasPrefix(token, tokenMark) }

// Programme returns the session of the token that r has, as Who does of a cookie.
func (d *Door) Programme(r *http.Request) (Session, error) {
	tokens := bearers(r)
	if len(tokens) != 1 || !ours(tokens[0]) {
		return Session{}, anonymous
	}
	row, err := d.change(r.Context(), tokenKey(tokens[0]), d.expire)
	if err = stands(row, err); err != nil {
		return Session{}, err
	}
	if row.Factor != ByKey {
		return Session{}, anonymous
	}
	if row.Bound != neverBound && row.Bound != boundTo(certificateOf(r)) { // it was copied
		row, err := d.change(r.Context(), row.Key, func(row Row, now time.Time) Row { return row.end(Copied, now) })
		return Session{}, stands(row, err)
	}
	return row.session(), nil
}
