// Package provision lets the systems that know who works for an organisation propose accounts
// and close them, by SCIM 2.0 (RFC 7643 and 7644). It makes nobody able to read: what it
// proposes waits for a second person, as what a manager proposes does. Others end sessions and
// suspend accounts, by Shared Signals.
package provision

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json/jsontext"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Prefix is where the clients' SCIM is, before their name.
const Prefix = "/.poterne/scim/"

// TokenLength is the least length of a client's token.
const TokenLength = 32

// Client is a system that may provision accounts, of one organisation.
type Client struct {
	Name         string
	Organisation roster.OrganisationID
	Token        [sha256.Size]byte  // of its bearer token; zero: it has none
	Key          *jose.JSONWebKey   // that signs its assertions; nil: it has none
	Issuer       string             // of the identities that it provisions: a user's externalId is their subject there
	Provider     string             // behind a federation; may be empty
	Role         roster.Role        // of a user of whom it says none
	Services     []roster.ServiceID // that its people may use
	Until        time.Duration      // how long an account that it proposes lasts
}

// ID is by whom the ledger says that the client's acts are.
func (c Client) ID() roster.AccountID { return roster.ClientPrefix + roster.AccountID(c.Name) }

// Life does what clients do.
type Life interface {
	// Propose asks for an account, and returns the proposal's number.
	Propose(context.Context, accounts.Proposal) (ledger.Number, error)
	// Decline withdraws a proposal.
	Decline(ctx context.Context, number ledger.Number, by roster.AccountID, because string) error
	// CloseBy closes an account of an organisation, for a client.
	CloseBy(ctx context.Context, of, client roster.AccountID, organisation roster.OrganisationID) error
}

// Roster is who has an account, or is proposed.
type Roster interface {
	// Accounts returns every account, by organisation and name.
	Accounts(context.Context) ([]roster.Account, error)
	// Proposals returns those of an organisation that wait, or did when they lapsed.
	Proposals(context.Context, roster.OrganisationID) ([]accounts.Proposal, error)
}

// Deps is what SCIM relies on.
type Deps struct {
	Life     Life
	Roster   Roster
	Sessions interface {
		// EndAll ends every session of an account.
		EndAll(context.Context, roster.AccountID) error
	}
	Rights []accounts.Right // that can be proposed: each service with its purposes
	Roles  []roster.Role    // likewise: of people who read files; whoever signs for others is proposed by a person
	Origin string           // whom clients' assertions are for
	// Once sets a mark until a time, on every node; false when it is set already.
	Once func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	Now  func() time.Time
	Log  *slog.Logger
}

// Server serves SCIM.
type Server struct {
	clients map[string]Client
	deps    Deps
	mux     *http.ServeMux
}

const (
	largestBody     = 64 << 10
	longestSigned   = 5 * time.Minute // of an assertion
	longestID       = 128             // of an assertion's jti
	assertionClocks = time.Minute     // that clocks may be apart
	mostListed      = 200
)

// New returns SCIM for some clients.
func New(clients []Client, deps Deps) *Server {
	s := &Server{clients: make(map[string]Client, len(clients)), deps: deps, mux: http.NewServeMux()}
	for _, c := range clients {
		s.clients[c.Name] = c
	}
	const base = Prefix + "{client}/v2/"
	for pattern, serve := range map[string]func(*call) error{
		"GET " + base + "Users":                 s.list,
		"POST " + base + "Users":                s.create,
		"GET " + base + "Users/{id}":            s.show,
		"PUT " + base + "Users/{id}":            s.replace,
		"PATCH " + base + "Users/{id}":          s.patch,
		"DELETE " + base + "Users/{id}":         s.remove,
		"GET " + base + "Groups":                s.groups,
		"GET " + base + "Groups/{id}":           s.group,
		"PATCH " + base + "Groups/{id}":         s.patchGroup,
		"GET " + base + "ServiceProviderConfig": s.config,
		"GET " + base + "ResourceTypes":         s.types,
		"GET " + base + "Schemas":               s.schemas,
		"POST " + base + "Bulk": func(*call) error {
			return &scimError{http.StatusNotImplemented, "", "operations are sent one by one"}
		},
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, serve) })
	}
	s.mux.HandleFunc(Prefix, func(w http.ResponseWriter, _ *http.Request) {
		(&call{w: w}).fails(&scimError{http.StatusNotFound, "", "there is nothing here"})
	})
	return s
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is one request of a client.
type call struct {
	*http.Request
	w      http.ResponseWriter
	client Client
}

// scimError is an error as SCIM says it.
type scimError struct {
	status int
	kind   string // scimType
	detail string
}

func (e *scimError) Error() string { return e.detail }

func (s *Server) serve(w http.ResponseWriter, r *http.Request, serve func(*call) error) {
	client, known := s.clients[r.PathValue("client")]
	c := &call{Request: r, w: w, client: client}
	asks, err := s.asks(r.Context(), client, r.Header.Get("Authorization"))
	if err != nil {
		s.deps.Log.ErrorContext(r.Context(), "an assertion could not be remembered", slog.String("client", client.Name), slog.Any("err", err))
		c.fails(&scimError{http.StatusServiceUnavailable, "", "it could not be done; try again with a new assertion"})
		return
	}
	if !asks || !known {
		w.Header().Set("WWW-Authenticate", "Bearer")
		c.fails(&scimError{http.StatusUnauthorized, "", "no such client, or not its token"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestBody)
	err = serve(c)
	if err == nil {
		return
	}
	var said *scimError
	if !errors.As(err, &said) {
		said = &scimError{http.StatusInternalServerError, "", "it could not be done; try again"}
		switch fault.KindOf(err) {
		case fault.Invalid:
			said = &scimError{http.StatusBadRequest, "invalidValue", fault.Public(err)}
		case fault.Refused:
			said = &scimError{http.StatusForbidden, "", fault.Public(err)}
		case fault.Absent:
			said = &scimError{http.StatusNotFound, "", "no such resource"}
		case fault.Unavailable:
			said = &scimError{http.StatusServiceUnavailable, "", "it could not be done; try again"}
		}
		if said.status >= http.StatusInternalServerError {
			s.deps.Log.ErrorContext(r.Context(), "a provisioning request failed", slog.String("client", client.Name), slog.Any("err", err))
		}
	}
	c.fails(said)
}

// asks reports whether an authorization is the client's: its token, compared in constant
// time, or an assertion that its key signed for this origin and for minutes, which serves once.
func (s *Server) asks(ctx context.Context, client Client, authorization string) (bool, error) {
	scheme, secret, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "bearer") || len(secret) < TokenLength || len(secret) > 8<<10 {
		return false, nil
	}
	if client.Key != nil && strings.Count(secret, ".") == 2 {
		return s.signed(ctx, client, secret)
	}
	shown := sha256.Sum256([]byte(secret))
	return client.Token != [sha256.Size]byte{} && subtle.ConstantTimeCompare(shown[:], client.Token[:]) == 1, nil
}

// signed reports whether a text is an assertion of the client's that was not shown before. What
// its key did not sign MUST leave no mark: whoever likes could fill the store.
func (s *Server) signed(ctx context.Context, client Client, text string) (bool, error) {
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256})
	if err != nil {
		return false, nil
	}
	var claims jwt.Claims
	if err := token.Claims(client.Key, &claims); err != nil {
		return false, nil
	}
	now := s.deps.Now()
	err = claims.ValidateWithLeeway(jwt.Expected{Issuer: client.Name, Subject: client.Name, AnyAudience: jwt.Audience{s.deps.Origin}, Time: now}, assertionClocks)
	if err != nil || claims.Expiry == nil || claims.Expiry.Time().Sub(now) > longestSigned+assertionClocks || claims.ID == "" || len(claims.ID) > longestID {
		return false, nil
	}
	mark := sha256.Sum256([]byte("assertion of a client\x00" + client.Name + "\x00" + claims.ID))
	first, err := s.deps.Once(ctx, mark, claims.Expiry.Time().Add(2*assertionClocks))
	if err == nil && !first {
		s.deps.Log.WarnContext(ctx, "an assertion was shown again", slog.String("client", client.Name))
	}
	return first, err
}

func (c *call) fails(e *scimError) {
	body := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(e.status), "detail": e.detail}
	if e.kind != "" {
		body["scimType"] = e.kind
	}
	c.say(e.status, body)
}

// say answers with an object.
func (c *call) say(status int, body any) {
	c.w.Header().Set("Content-Type", "application/scim+json")
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(body) // a client that hung up asks again
}

// read reads the request's object.
func (c *call) read(into any) error {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/scim+json" && kind != "application/json" {
		return &scimError{http.StatusUnsupportedMediaType, "", "send application/scim+json"}
	}
	text, err := io.ReadAll(c.Body)
	if err != nil {
		return &scimError{http.StatusRequestEntityTooLarge, "tooMany", "too long"}
	}
	if err := unmarshal(text, into); err != nil {
		return &scimError{http.StatusBadRequest, "invalidSyntax", "this is no object that can be read"}
	}
	return nil
}

// unmarshal reads an object in which no name comes twice, and no object is deep.
func unmarshal(text []byte, into any) error {
	in := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		_, err := in.ReadToken()
		if errors.Is(err, io.EOF) {
			return json.Unmarshal(text, into)
		}
		if err != nil {
			return err
		}
		if in.StackDepth() > 8 {
			return errors.New("too deep")
		}
	}
}

// version is a resource's ETag.
func version(of resource) string {
	text, _ := json.Marshal(of) // of plain values, which are always written
	sum := sha256.Sum256(text)
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`
}

// matches fails when the client wants another version than there is.
func (c *call) matches(of resource) error {
	if want := c.Header.Get("If-Match"); want != "" && want != "*" && !slices.Contains(tags(want), version(of)) {
		return &scimError{http.StatusPreconditionFailed, "", "it has changed meanwhile"}
	}
	return nil
}

func tags(list string) (all []string) {
	for tag := range strings.SplitSeq(list, ",") {
		all = append(all, strings.TrimSpace(tag))
	}
	return all
}

// gives answers with a resource and its version.
func (c *call) gives(status int, of resource) {
	tag := version(of)
	c.w.Header().Set("ETag", tag)
	if status == http.StatusOK && c.Method == http.MethodGet && slices.Contains(tags(c.Header.Get("If-None-Match")), tag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	c.say(status, of)
}

// page answers with a list.
func (c *call) page(all []resource) error {
	begin, count := 1, mostListed
	for name, to := range map[string]*int{"startIndex": &begin, "count": &count} {
		if text := c.URL.Query().Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return &scimError{http.StatusBadRequest, "invalidValue", name + " is no number"}
			}
			*to = n
		}
	}
	begin, count = max(begin, 1), min(max(count, 0), mostListed)
	if text := c.URL.Query().Get("filter"); text != "" {
		f, err := parseFilter(text)
		if err != nil {
			return &scimError{http.StatusBadRequest, "invalidFilter", fault.Public(err)}
		}
		all = slices.DeleteFunc(all, func(r resource) bool { return !f.holds(r) })
	}
	from := min(begin-1, len(all))
	shown := all[from:min(from+count, len(all))]
	c.say(http.StatusOK, map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "totalResults": len(all), "startIndex": begin, "itemsPerPage": len(shown), "Resources": append([]resource{}, shown...),
	})
	return nil
}
