package httpgate

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/gate/address"
	"poterne/internal/gate/content"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// objection is why the gate itself refuses a request or a response. The text is
// for the operator's log; it holds nothing of either.
type objection struct {
	why     policy.Why
	because string
}

func (o *objection) Error() string { return o.why.String() + ": " + o.because }

// notUnderstood objects to a response, unreadable to a request.
func notUnderstood(because string) error { return &objection{policy.NotUnderstood, because} }
func unreadable(because string) error    { return &objection{policy.RequestUnreadable, because} }
func unnamed(because string) error       { return &objection{policy.Unnamed, because} }

// serviceOf finds the service a request is for: by host, or by the longest prefix
// on any other host.
func (p *Proxy) serviceOf(r *http.Request) (*service, bool) {
	host := strings.ToLower(r.Host)
	bare, _, err := net.SplitHostPort(host)
	if err != nil {
		bare = host
	}
	path := r.URL.EscapedPath()
	var found *service
	for _, s := range p.services {
		switch {
		case s.Host != "" && (s.Host == host || s.Host == bare):
			return s, true
		case s.Prefix == "", !strings.HasPrefix(path, s.Prefix):
		case len(path) > len(s.Prefix) && path[len(s.Prefix)] != '/':
		case found == nil || len(s.Prefix) > len(found.Prefix):
			found = s
		}
	}
	return found, found != nil
}

// find returns the declared route of a method and an address, query included.
func (s *service) find(method string, a address.Address) (*route, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	probe := &http.Request{Method: method, URL: &url.URL{Path: "/" + strings.Join(a.Segments, "/"), RawPath: a.Path}}
	handler, _ := s.mux.Handler(probe)
	t, ok := handler.(*route)
	if !ok {
		return nil, s.missing(probe)
	}
	if t.byQuery() {
		return t.choose(a.Query)
	}
	if err := t.takes(a.Query); err != nil {
		return nil, err
	}
	return t, nil
}

// byQuery reports whether routes of one address are told apart by a parameter.
func (t *route) byQuery() bool { return t.Operation != "" && t.method == http.MethodGet }

// choose finds the one route of the address that takes these parameters. Where two would, the request
// could be decided as either, and is refused.
func (t *route) choose(query []address.Pair) (found *route, wrong error) {
	for _, one := range append([]*route{t}, t.others...) {
		err := cmp.Or(one.takes(query), one.isFor(query))
		switch {
		case err != nil:
			wrong = cmp.Or(wrong, err)
		case found != nil:
			return nil, unreadable("two routes of the address take its parameters")
		default:
			found = one
		}
	}
	if found == nil {
		return nil, wrong
	}
	return found, nil
}

// takes reports what a route does not take of the parameters.
func (t *route) takes(query []address.Pair) error {
	for _, p := range query {
		if _, ok := t.query[p.Name]; !ok {
			return &objection{policy.UndeclaredParameter, "a parameter of the address"}
		}
		if !t.mayBe(p) {
			return &objection{policy.ValueNotListed, "a parameter of the address has a value that only does not list"}
		}
	}
	return nil
}

// isFor wants each parameter by which a route is told from others of its address: it is there, and each
// time of the form that is declared.
func (t *route) isFor(query []address.Pair) error {
	for name := range t.query {
		around, bound := t.around[name]
		if !bound && t.only[name] == nil {
			continue
		}
		there := false
		for _, p := range query {
			if p.Name != name {
				continue
			}
			if _, fits := content.Within(around, p.Value); bound && !fits {
				return &objection{policy.ValueNotListed, "a parameter of the address has not the form that tells routes apart"}
			}
			there = true
		}
		if !there {
			return &objection{policy.ValueNotListed, "a parameter of the address that tells routes apart is not there"}
		}
	}
	return nil
}

// mayBe reports whether a parameter or a field has a value that it may have.
func (t *route) mayBe(p address.Pair) bool {
	return t.only[p.Name] == nil || t.only[p.Name].MatchString(p.Value)
}

// missing says why no route is declared for a request.
func (s *service) missing(probe *http.Request) error {
	for _, probe.Method = range methods {
		handler, _ := s.mux.Handler(probe)
		if _, declared := handler.(*route); declared {
			return &objection{policy.UndeclaredMethod, "the address is declared for other methods"}
		}
	}
	return &objection{policy.NotDeclared, "no such route"}
}

// refsIn returns the people whom an address of the route names.
func (t *route) refsIn(a address.Address) (refs []register.Ref, err error) {
	for _, w := range t.wild {
		if refs, err = t.appendRef(refs, w.scheme, a.Segments[w.segment]); err != nil {
			return nil, err
		}
	}
	return t.appendRefs(refs, t.query, a.Query)
}

// appendRefs adds the people whom parameters name: each of them, if one comes
// more than once. An empty one names nobody.
func (t *route) appendRefs(refs []register.Ref, schemes map[string]string, pairs []address.Pair) (_ []register.Ref, err error) {
	for _, p := range pairs {
		scheme := schemes[p.Name]
		if scheme == "" || p.Value == "" {
			continue
		}
		value, fits := content.Within(t.around[p.Name], p.Value)
		if !fits {
			return nil, unnamed("a parameter or a field has not the form that is declared after as")
		}
		if refs, err = t.appendRef(refs, scheme, value); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// appendRef adds somebody whom a request names, or a response's header. Whatever has
// not the form of its scheme could name somebody else for the application.
func (t *route) appendRef(refs []register.Ref, scheme, value string) ([]register.Ref, error) {
	ref, err := t.schemes.Asked(scheme, value)
	if err != nil {
		return nil, unnamed(fault.Public(err))
	}
	return append(refs, ref), nil
}
