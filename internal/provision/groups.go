package provision

import (
	"net/http"
	"slices"
	"strings"

	"poterne/internal/roster"
)

// Groups are roles: a role's members are the users that have it. An account has one role for
// good, so that a client adds nobody to another; whoever is taken out of their role has their
// account closed.
func (s *Server) groupOf(c *call, role roster.Role, users []user) resource {
	members := []any{}
	for _, u := range users {
		if r := s.resource(c, u); r["roles"].([]any)[0].(resource)["value"] == string(role) {
			members = append(members, resource{"value": r["id"], "display": r["displayName"], "type": "User"})
		}
	}
	return resource{
		"schemas": []any{groupSchema}, "id": string(role), "displayName": string(role), "members": members,
		"meta": resource{"resourceType": "Group", "location": s.deps.Origin + Prefix + c.client.Name + "/v2/Groups/" + string(role)},
	}
}

func (s *Server) groups(c *call) error {
	all, err := s.users(c)
	if err != nil {
		return err
	}
	var list []resource
	for _, role := range s.deps.Roles {
		list = append(list, s.groupOf(c, role, all))
	}
	if strings.Contains(c.URL.Query().Get("excludedAttributes"), "members") {
		for _, g := range list {
			delete(g, "members")
		}
	}
	return c.page(list)
}

// role returns the role of the request, and who there is.
func (s *Server) role(c *call) (roster.Role, []user, error) {
	role := roster.Role(c.PathValue("id"))
	if !slices.Contains(s.deps.Roles, role) {
		return "", nil, &scimError{http.StatusNotFound, "", "no such group"}
	}
	all, err := s.users(c)
	return role, all, err
}

func (s *Server) group(c *call) error {
	role, all, err := s.role(c)
	if err == nil {
		c.gives(http.StatusOK, s.groupOf(c, role, all))
	}
	return err
}

func (s *Server) patchGroup(c *call) error {
	role, all, err := s.role(c)
	if err != nil {
		return err
	}
	operations, err := c.operations()
	if err != nil {
		return err
	}
	before := s.groupOf(c, role, all)
	if err := c.matches(before); err != nil {
		return err
	}
	if slices.ContainsFunc(operations, func(o operation) bool {
		return strings.EqualFold(o.Op, "replace") && !strings.EqualFold(o.Path, "displayName")
	}) {
		return &scimError{http.StatusBadRequest, "mutability", "members are added and removed one by one"}
	}
	after := s.groupOf(c, role, all)
	if operations, err = spelledOut(operations); err != nil {
		return err
	}
	if err := patch(after, operations); err != nil {
		return &scimError{http.StatusBadRequest, "invalidPath", "an operation cannot be applied"}
	}
	left, there := values(after, "members.value"), values(before, "members.value")
	for _, id := range left {
		if !slices.Contains(there, id) {
			return &scimError{http.StatusBadRequest, "mutability", "members: another role is another account; provision it with that role"}
		}
	}
	for _, u := range all {
		if id := s.resource(c, u)["id"]; slices.Contains(there, id) && !slices.Contains(left, id) {
			if err := s.end(c, u); err != nil {
				return err
			}
		}
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// spelledOut writes the removal of members that are named in the value, as Entra does, as one
// of each member.
func spelledOut(operations []operation) (all []operation, err error) {
	for _, o := range operations {
		list, named := o.Value.([]any)
		if !strings.EqualFold(o.Op, "remove") || !named {
			all = append(all, o)
			continue
		}
		for _, member := range values(list, "value") {
			id, ok := member.(string)
			if !ok || strings.ContainsAny(id, `"\`) || len(all) > mostOperations {
				return nil, &scimError{http.StatusBadRequest, "invalidValue", "members: none that there is"}
			}
			all = append(all, operation{Op: "remove", Path: `members[value eq "` + id + `"]`})
		}
	}
	return all, nil
}

func (s *Server) config(c *call) error {
	no, yes := resource{"supported": false}, resource{"supported": true}
	c.gives(http.StatusOK, resource{
		"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":   yes, "etag": yes, "changePassword": no, "sort": no,
		"bulk":                  resource{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":                resource{"supported": true, "maxResults": mostListed},
		"authenticationSchemes": []any{resource{"type": "oauthbearertoken", "name": "Bearer token", "description": "A token, or an assertion that the client's key signed"}},
	})
	return nil
}

func (s *Server) types(c *call) error {
	kind := func(name, schema string) resource {
		return resource{"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": name, "name": name, "endpoint": "/" + name + "s", "schema": schema}
	}
	return c.page([]resource{kind("User", userSchema), kind("Group", groupSchema)})
}

func (s *Server) schemas(c *call) error {
	attribute := func(name, kind string, many, needed bool) resource {
		return resource{"name": name, "type": kind, "multiValued": many, "required": needed, "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none"}
	}
	return c.page([]resource{
		{"id": userSchema, "name": "User", "attributes": []any{
			attribute("userName", "string", false, true), attribute("displayName", "string", false, true), attribute("active", "boolean", false, false),
			attribute("emails", "complex", true, false), attribute("roles", "complex", true, false),
		}},
		{"id": groupSchema, "name": "Group", "attributes": []any{attribute("displayName", "string", false, true), attribute("members", "complex", true, false)}},
	})
}
