package provision

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"poterne/internal/accounts"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// user is an account of the client's organisation, or a proposal of its own that waits.
type user struct {
	account  *roster.Account
	proposal *accounts.Proposal
}

// users are all of them: an account by its id, a proposal by its entry's number.
func (s *Server) users(c *call) (list []user, err error) {
	all, err := s.deps.Roster.Accounts(c.Context())
	if err != nil {
		return nil, err
	}
	for i, a := range all {
		if a.Organisation == c.client.Organisation && slices.Contains(s.deps.Roles, a.Role) && a.Closed.IsZero() {
			list = append(list, user{account: &all[i]})
		}
	}
	waiting, err := s.deps.Roster.Proposals(c.Context(), c.client.Organisation)
	for i, p := range waiting {
		if p.By == c.client.ID() && p.Open(s.deps.Now()) {
			list = append(list, user{proposal: &waiting[i]})
		}
	}
	return list, err
}

// resource is a user as SCIM shows it. Active is what the client wants: a proposal that waits
// gives no right.
func (s *Server) resource(c *call, u user) resource {
	id, name, mail, role, active, subject := "", "", "", roster.Role(""), false, roster.Identity{}
	if a := u.account; a != nil {
		id, name, mail, role, active, subject = string(a.ID), a.Name, a.Mail, a.Role, a.Open(), a.Identity
	} else {
		p := u.proposal
		id, name, mail, role, subject = "proposal-"+strconv.FormatUint(uint64(p.Number), 10), p.Name, p.Mail, p.Role, p.Identity
		active = true
	}
	r := resource{
		"schemas": []any{userSchema}, "id": id, "userName": mail, "displayName": name, "active": active,
		"roles":  []any{resource{"value": string(role), "primary": true}},
		"groups": []any{resource{"value": string(role), "display": string(role)}},
		"meta":   resource{"resourceType": "User", "location": s.deps.Origin + Prefix + c.client.Name + "/v2/Users/" + id},
	}
	if mail != "" {
		r["emails"] = []any{resource{"value": mail, "primary": true}}
	}
	if subject.Issuer == c.client.Issuer && subject.Provider == c.client.Provider {
		r["externalId"] = subject.Subject
	}
	return r
}

func (s *Server) list(c *call) error {
	all, err := s.users(c)
	if err != nil {
		return err
	}
	shown := make([]resource, len(all))
	for i, u := range all {
		shown[i] = s.resource(c, u)
	}
	return c.page(shown)
}

// find returns the user of the request.
func (s *Server) find(c *call) (user, resource, error) {
	all, err := s.users(c)
	for _, u := range all {
		if r := s.resource(c, u); r["id"] == c.PathValue("id") {
			return u, r, nil
		}
	}
	if err == nil {
		err = &scimError{http.StatusNotFound, "", "no such user"}
	}
	return user{}, nil, err
}

func (s *Server) show(c *call) error {
	_, r, err := s.find(c)
	if err == nil {
		c.gives(http.StatusOK, r)
	}
	return err
}

// create proposes an account.
func (s *Server) create(c *call) error {
	var said resource
	if err := c.read(&said); err != nil {
		return err
	}
	text := func(path string) string {
		for _, value := range values(said, strings.ToLower(path)) {
			if t, ok := value.(string); ok && t != "" {
				return t
			}
		}
		return ""
	}
	role := c.client.Role
	if named := text("roles.value"); named != "" {
		role = roster.Role(named)
	}
	if !slices.Contains(s.deps.Roles, role) {
		return &scimError{http.StatusBadRequest, "invalidValue", "roles: none that can be provisioned"}
	}
	if active := values(said, "active"); len(active) == 1 && isFalse(active[0]) {
		return &scimError{http.StatusBadRequest, "invalidValue", "active: whoever is not active is not provisioned"}
	}
	subject := text("externalId")
	if subject == "" {
		return &scimError{http.StatusBadRequest, "invalidValue", "externalId: missing; it is who the person is to the identity provider"}
	}
	mail, err := roster.Mail(text("userName"))
	if err != nil {
		if mail, err = roster.Mail(text("emails.value")); err != nil {
			return &scimError{http.StatusBadRequest, "invalidValue", "userName: no mail address, and emails has none"}
		}
	}
	name := text("displayName")
	if name == "" {
		name = strings.TrimSpace(text("name.givenName") + " " + text("name.familyName"))
	}
	if name == "" {
		name = text("name.formatted")
	}
	now := s.deps.Now()
	p := accounts.Proposal{
		By: c.client.ID(), Organisation: c.client.Organisation, Role: role, Name: name, Mail: mail, Rights: s.rights(c.client), Until: ledger.Cut(now.Add(c.client.Until)),
		Because: "SCIM", Identity: roster.Identity{Issuer: c.client.Issuer, Provider: c.client.Provider, Subject: subject},
	}
	number, err := s.deps.Life.Propose(c.Context(), p)
	if err == accounts.MailTaken || err == accounts.IdentityTaken {
		return &scimError{http.StatusConflict, "uniqueness", "this person has an account, or is proposed for one"}
	}
	if err != nil {
		return err
	}
	p.Number, p.Made = number, now
	r := s.resource(c, user{proposal: &p})
	c.w.Header().Set("Location", r["meta"].(resource)["location"].(string))
	c.gives(http.StatusCreated, r)
	return nil
}

// rights are what a client's people may use.
func (s *Server) rights(client Client) (list []accounts.Right) {
	for _, right := range s.deps.Rights {
		if slices.Contains(client.Services, right.Service) {
			list = append(list, right)
		}
	}
	return list
}

// isFalse reads a truth as Entra writes it, too: "False".
func isFalse(value any) bool {
	text, ok := value.(string)
	return value == false || ok && strings.EqualFold(text, "false")
}

// end closes an account, or withdraws a proposal.
func (s *Server) end(c *call, u user) error {
	if p := u.proposal; p != nil {
		return s.deps.Life.Decline(c.Context(), p.Number, c.client.ID(), "")
	}
	err := s.deps.Life.CloseBy(c.Context(), u.account.ID, c.client.ID(), c.client.Organisation)
	if err != nil && !errors.Is(err, journal.Unchanged) { // another node was quicker
		return err
	}
	return s.deps.Sessions.EndAll(c.Context(), u.account.ID)
}

func (s *Server) remove(c *call) error {
	u, r, err := s.find(c)
	if err == nil {
		err = c.matches(r)
	}
	if err == nil {
		err = s.end(c, u)
	}
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// replace takes a user in as it is to be. Of all it says, only that it is not active, and
// that it has another role, have an effect.
func (s *Server) replace(c *call) error {
	u, r, err := s.find(c)
	if err != nil {
		return err
	}
	var said resource
	if err := c.read(&said); err != nil {
		return err
	}
	if err := c.matches(r); err != nil {
		return err
	}
	return s.becomes(c, u, r, said)
}

// patch applies operations to a user.
func (s *Server) patch(c *call) error {
	u, r, err := s.find(c)
	if err != nil {
		return err
	}
	operations, err := c.operations()
	if err != nil {
		return err
	}
	if err := c.matches(r); err != nil {
		return err
	}
	after := s.resource(c, u)
	if err := patch(after, operations); err != nil {
		return &scimError{http.StatusBadRequest, "invalidPath", "an operation cannot be applied"}
	}
	return s.becomes(c, u, r, after)
}

// operations reads those of a PATCH.
func (c *call) operations() ([]operation, error) {
	var said struct {
		Operations []operation `json:"Operations"`
	}
	if err := c.read(&said); err != nil {
		return nil, err
	}
	if len(said.Operations) == 0 {
		return nil, &scimError{http.StatusBadRequest, "invalidSyntax", "a patch has operations"}
	}
	return said.Operations, nil
}

// becomes does what a client wants of a user. Names, addresses and whatever else stay as two
// people saw them; nothing is made active by a client.
func (s *Server) becomes(c *call, u user, before, after resource) error {
	if active := values(after, "active"); before["active"] == true && len(active) == 1 && isFalse(active[0]) {
		if err := s.end(c, u); err != nil {
			return err
		}
		before["active"] = false
		c.gives(http.StatusOK, before)
		return nil
	}
	for _, value := range values(after, "roles.value") {
		if role, ok := value.(string); ok && role != "" && role != before["roles"].([]any)[0].(resource)["value"] {
			return &scimError{http.StatusBadRequest, "mutability", "roles: another role is another account; end this one, and provision it anew"}
		}
	}
	c.gives(http.StatusOK, before)
	return nil
}
