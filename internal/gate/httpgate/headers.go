package httpgate

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"poterne/internal/gate/assert"
	"poterne/internal/signin"
)

// passedOn is what of a request's header the application is sent, besides what
// its service declares. Anything else could change what it does: there are
// headers that replace the method or the address.
var passedOn = []string{"Accept", "Accept-Language", "Content-Type", "User-Agent", "Traceparent"}

// conditions are passed on for what speaks of nobody. A response about people is
// always whole.
var conditions = []string{"If-None-Match", "If-Modified-Since"}

// never is what no service can have passed on: what belongs to one connection,
// what says who asks and from where, what ties requests together for whoever collects
// traces, what asks for a part of a response, and what turns a request into another one.
var never = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length", "Content-Encoding",
	"Cookie", "Forwarded", "X-Real-Ip", "Via", "Proxy-Authorization", "Proxy-Authenticate", "Accept-Encoding",
	"Traceparent", "Tracestate", "Baggage",
	"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override", "X-Original-Url", "X-Original-Uri", "X-Rewrite-Url",
}

// ours reports whether a header is not the asker's to send.
func ours(name string) bool {
	return slices.Contains(never, name) || strings.HasPrefix(name, "Poterne-") || strings.HasPrefix(name, "X-Forwarded-")
}

// outgoingHeader is the header the application is sent.
func (x *exchange) outgoingHeader(assertion string) http.Header {
	out, in := make(http.Header, 12), x.r.Header
	pass := func(names []string) {
		for _, name := range names {
			if values := in[name]; len(values) > 0 {
				out[name] = values
			}
		}
	}
	pass(passedOn)
	pass(x.service.Headers)
	for _, n := range x.request.route.Request {
		if n.In == InHeader {
			pass([]string{textproto.CanonicalMIMEHeaderKey(n.Name)})
		}
	}
	if signin.Bears(x.r) {
		delete(out, "Authorization") // whoever has it is the programme
	}
	if x.request.route.Kind == Static {
		pass(conditions)
	}
	if x.request.route.eventID != nil {
		pass([]string{lastEventID})
	}
	if cookies := x.service.cookiesIn(x.r); cookies != "" {
		out["Cookie"] = []string{cookies}
	}
	if len(out["User-Agent"]) == 0 {
		out["User-Agent"] = []string{""} // none, rather than the transport's own
	}
	scheme := "https"
	if x.proxy.Insecure {
		scheme = "http"
	}
	out["Accept-Encoding"] = []string{"identity"}
	out["X-Forwarded-Host"] = []string{x.r.Host}
	out["X-Forwarded-Proto"] = []string{scheme}
	if x.service.Prefix != "" {
		out["X-Forwarded-Prefix"] = []string{x.service.Prefix}
	}
	out[assert.Header] = []string{assertion}
	return out
}

// cookiesIn returns the service's own cookies under the names it gave them.
func (s *service) cookiesIn(r *http.Request) string {
	if len(s.Cookies) == 0 {
		return ""
	}
	var kept strings.Builder
	for _, c := range r.Cookies() {
		name, own := strings.CutPrefix(c.Name, s.cookie)
		if !own || !slices.Contains(s.Cookies, name) {
			continue
		}
		if kept.Len() > 0 {
			kept.WriteString("; ")
		}
		value := c.Value
		if c.Quoted {
			value = `"` + value + `"`
		}
		kept.WriteString(name + "=" + value)
	}
	return kept.String()
}

// cookieOut turns an application's cookie into one that only this service gets
// back, for all of its addresses, and that cannot be taken for one of ours. It
// reports false for a cookie that cannot be understood, or whose name the service
// does not declare: a name can say as much as a text.
func (s *service) cookieOut(line string, insecure bool) (*http.Cookie, bool) {
	const largest = 4096 // what browsers keep
	c, err := http.ParseSetCookie(line)
	if err != nil || len(line) > largest || !slices.Contains(s.Cookies, c.Name) {
		return nil, false
	}
	out := &http.Cookie{
		Name: s.cookie + c.Name, Value: c.Value, Quoted: c.Quoted, Path: s.Prefix + "/",
		Expires: c.Expires, MaxAge: c.MaxAge, HttpOnly: c.HttpOnly, Secure: !insecure, SameSite: http.SameSiteLaxMode,
	}
	if c.SameSite == http.SameSiteStrictMode {
		out.SameSite = c.SameSite
	}
	return out, out.Valid() == nil
}

// sendHeader writes what goes out of a response's header: what is set here, and of
// the application's only what is named here.
func (x *exchange) sendHeader(s *response, read contents) {
	out := x.w.Header()
	if read.location != "" {
		out["Location"] = []string{read.location}
	}
	for _, line := range s.header["Set-Cookie"] {
		if c, ok := x.service.cookieOut(line, x.proxy.Insecure); ok {
			http.SetCookie(x.w, c)
		} else {
			x.service.keptBack.Do(func() {
				x.log("a cookie of the application is kept back", errors.New("its name is not declared; list it under cookies of the service"))
			})
		}
	}
	if read.total != "" {
		out[textproto.CanonicalMIMEHeaderKey(x.request.route.Total)] = []string{read.total}
	}
	if len(read.links) > 0 {
		out["Link"] = []string{strings.Join(read.links, ", ")}
	}
	if languages := s.header["Content-Language"]; len(languages) == 1 && isLanguage(languages[0]) {
		out["Content-Language"] = languages
	}
	if policies := s.header["Content-Security-Policy"]; len(policies) > 0 {
		out["Content-Security-Policy"] = x.policies(policies)
	}
	if x.request.route.Kind == Static {
		for _, name := range []string{"Etag", "Last-Modified"} {
			if values := s.header[name]; len(values) == 1 {
				out[name] = values
			}
		}
		out["Cache-Control"] = []string{"private, max-age=300"}
	} else {
		out["Cache-Control"] = []string{"no-store"}
	}
	if read.contentType != "" {
		out["Content-Type"] = []string{read.contentType}
	}
	if read.download != "" {
		out["Content-Disposition"] = []string{`attachment; filename="` + read.download + `"`}
	}
	maps.Copy(out, always)
}

// directives are those of a content security policy that are passed on.
var directives = []string{
	"default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr", "img-src", "font-src",
	"connect-src", "media-src", "object-src", "frame-src", "child-src", "worker-src", "manifest-src", "base-uri", "form-action", "frame-ancestors",
	"upgrade-insecure-requests", "sandbox",
}

// sources are the words a directive may have: those that say nothing but what they
// are. A host, a nonce or a digest could be anybody's number; without it the browser
// loads less, never more.
var sources = []string{
	"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "'wasm-unsafe-eval'", "'strict-dynamic'", "'report-sample'",
	"https:", "http:", "data:", "blob:", "mediastream:", "filesystem:", "ws:", "wss:", "*",
	"allow-forms", "allow-modals", "allow-popups", "allow-same-origin", "allow-scripts", "allow-downloads",
}

// policies returns the application's content security policies in words that are
// known, and those hosts that the service declares.
func (x *exchange) policies(declared []string) []string {
	var kept []string
	for policy := range strings.SplitSeq(strings.Join(declared, ","), ",") {
		var written []string
		for directive := range strings.SplitSeq(policy, ";") {
			words := strings.Fields(directive)
			if len(words) == 0 || !slices.Contains(directives, strings.ToLower(words[0])) {
				continue
			}
			clean := []string{strings.ToLower(words[0])}
			for _, word := range words[1:] {
				if slices.Contains(sources, strings.ToLower(word)) || slices.Contains(x.service.Sources, word) {
					clean = append(clean, word)
				}
			}
			if len(clean) == 1 && len(words) > 1 && clean[0] != "sandbox" {
				clean = append(clean, "'none'")
			}
			written = append(written, strings.Join(clean, " "))
		}
		if len(written) > 0 {
			kept = append(kept, strings.Join(written, "; "))
		}
	}
	return kept
}

// always goes out with every response.
var always = http.Header{
	"X-Content-Type-Options": {"nosniff"},
	"X-Frame-Options":        {"SAMEORIGIN"},
	"Referrer-Policy":        {"same-origin"},
}

// isLanguage keeps to short tags such as fr or en-GB.
func isLanguage(tag string) bool { return languageTag.MatchString(tag) }

var languageTag = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)

// mediaType returns the one content type that a header declares, if its charset is
// UTF-8 or not said.
func mediaType(h http.Header) (string, bool) {
	media, charset, ok := mediaAndCharset(h)
	return media, ok && (charset == "" || charset == "utf-8")
}

// mediaAndCharset returns the one content type that a header declares, and its charset
// in small letters.
func mediaAndCharset(h http.Header) (media, charset string, ok bool) {
	values := h["Content-Type"]
	if len(values) != 1 {
		return "", "", false
	}
	switch values[0] { // what nearly every response says
	case "application/json", "text/html", "text/css":
		return values[0], "", true
	case "text/html; charset=utf-8":
		return "text/html", "", true
	}
	media, parameters, err := mime.ParseMediaType(values[0])
	return media, strings.ToLower(parameters["charset"]), err == nil
}
