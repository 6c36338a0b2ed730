// Package socket speaks the WebSocket protocol (RFC 6455) with both sides of the gate: the
// page that opened one, and the application. It holds one message of each at a time, whole, and
// decides nothing.
//
// What it promises:
//
//   - A message is text and within its bound, however many frames it came in. What a page
//     sends is masked. Nothing is compressed.
//   - Nothing that one side says in a control frame, or on closing, reaches the other.
//   - Whoever does not read, or has gone without a word, is left in time.
//
// HTTP/2 (RFC 8441) is not spoken: browsers open a connection of HTTP/1.1 for a WebSocket.
package socket

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// The header fields of a handshake.
const (
	fieldKey      = "Sec-Websocket-Key"
	fieldVersion  = "Sec-Websocket-Version"
	fieldProtocol = "Sec-Websocket-Protocol"
)

// Asked reports whether a request asks for another protocol than its own.
func Asked(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect
}

// Handshake is why a request is no handshake that can be read in one way only; nil for one
// that is. The error quotes nothing of it.
func Handshake(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get(fieldKey))
	switch {
	case r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor != 1:
		return errors.New("a WebSocket is opened by GET, over HTTP/1.1")
	case len(r.Header["Upgrade"]) != 1 || !strings.EqualFold(r.Header["Upgrade"][0], "websocket"):
		return errors.New("nothing but a WebSocket can be opened here, and it is not asked for")
	case !slices.ContainsFunc(listed(r.Header, "Connection"), func(token string) bool { return strings.EqualFold(token, "upgrade") }):
		return errors.New("the handshake does not ask for the connection")
	case !slices.Equal(r.Header[fieldVersion], []string{"13"}):
		return errors.New("the version of the WebSocket protocol is not 13")
	case len(r.Header[fieldKey]) != 1 || err != nil || len(key) != 16:
		return errors.New("the key of the handshake")
	case r.ContentLength != 0:
		return errors.New("a handshake has no body")
	default:
		return nil
	}
}

// Protocols are the subprotocols that a handshake offers, in their order.
func Protocols(h http.Header) []string { return listed(h, fieldProtocol) }

// listed are the elements of a header field that is a list.
func listed(h http.Header, name string) (all []string) {
	for _, line := range h[textproto.CanonicalMIMEHeaderKey(name)] {
		for token := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(token))
		}
	}
	return all
}
