package httpgate

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"poterne/internal/gate/address"
	"poterne/internal/register"
)

// redirections are the statuses whose Location is passed on.
var redirections = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
	http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

// redirection reads where to go next: a declared address of the same service, and the
// people whom it names. They are decided on like anybody in a response.
func (x *exchange) redirection(s *response) (location string, named []register.Ref, err error) {
	values := s.header["Location"]
	if len(values) != 1 {
		return "", nil, notUnderstood("the redirection")
	}
	method := http.MethodGet
	if s.status == http.StatusTemporaryRedirect || s.status == http.StatusPermanentRedirect {
		method = x.request.method
	}
	target, location, err := x.target(values[0], method)
	if err != nil {
		return "", nil, err
	}
	if err := x.leads(target); err != nil {
		return "", nil, err
	}
	if named, err = target.route.refsIn(target.address); err != nil {
		return "", nil, notUnderstood("the redirection: " + err.Error())
	}
	return location, named, nil
}

// leads refuses a redirection that says something of its own: what its address
// carries names a person, who is decided on, or was in the request, or has a form
// that its route declares.
func (x *exchange) leads(to target) error {
	q := &x.request
	asked := slices.Clone(q.address.Segments)
	for _, p := range q.pairs() {
		asked = append(asked, p.Value)
	}
	check := func(name, scheme, value string) error {
		pattern := to.route.leads[name]
		if scheme != "" || value == "" || slices.Contains(asked, value) || pattern != nil && pattern.MatchString(value) {
			return nil
		}
		return notUnderstood("the redirection says something that was not asked; declare its form under redirect of the route it leads to")
	}
	for i, part := range strings.Split(to.route.Path[1:], "/") {
		name, isWild := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		name, isRest := strings.CutSuffix(name, "...")
		if !isWild || name == "$" {
			continue
		}
		values := to.address.Segments[i:]
		if !isRest {
			values = values[:1]
		}
		scheme := ""
		for _, w := range to.route.wild {
			if w.segment == i {
				scheme = w.scheme
			}
		}
		if err := check(name, scheme, strings.Join(values, "/")); err != nil {
			return err
		}
	}
	for _, p := range to.address.Query {
		if err := check(p.Name, to.route.query[p.Name], p.Value); err != nil {
			return err
		}
	}
	return nil
}

// target is where a redirection leads.
type target struct {
	route   *route
	address address.Address
}

// target understands an address that the application sends a browser to. Applications write it with or without the prefix
// that the browser sees; the first of the two that is declared is meant.
func (x *exchange) target(text, method string) (found target, location string, err error) {
	q := &x.request
	if text == "" || strings.ContainsAny(text, "\\\t\r\n") {
		return found, "", notUnderstood("the redirection")
	}
	to, err := url.Parse(text)
	if err != nil || to.Opaque != "" || to.User != nil || to.Host != "" && to.Host != x.service.Upstream.Host && to.Host != x.r.Host ||
		to.Scheme != "" && (to.Host == "" || to.Scheme != "http" && to.Scheme != "https") {
		return found, "", notUnderstood("the redirection leads elsewhere")
	}
	base := &url.URL{Path: "/" + strings.Join(q.address.Segments, "/"), RawPath: q.address.Path, RawQuery: q.address.RawQuery}
	to.Scheme, to.Host = "", ""
	to = base.ResolveReference(to)
	paths := []string{to.EscapedPath()}
	if inside, ok := strings.CutPrefix(paths[0], x.service.Prefix+"/"); ok && x.service.Prefix != "" {
		paths = []string{"/" + inside, paths[0]}
	}
	for _, path := range paths {
		if found.address, err = address.Read(path, to.RawQuery); err != nil {
			return found, "", notUnderstood("the redirection: " + err.Error())
		}
		if found.route, err = x.service.find(method, found.address); err == nil {
			location = x.service.Prefix + path
			for i, p := range found.address.Query { // spelled by us
				location += string("?&"[min(i, 1)]) + url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
			}
			return found, location, nil
		}
	}
	return found, "", notUnderstood("the redirection leads to no declared route")
}
