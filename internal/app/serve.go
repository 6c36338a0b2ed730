package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
)

// listen opens a listener; where there is a certificate it speaks TLS, with the one that is in
// force when somebody connects.
func listen(ctx context.Context, address string, certificate func() *tls.Certificate) (*Listening, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	l := &Listening{Listener: listener}
	if certificate != nil && certificate() != nil {
		l.tls = func(server *http.Server) {
			server.TLSConfig = &tls.Config{
				GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate(), nil }, MinVersion: tls.VersionTLS12,
			}
		}
	}
	return l, nil
}
