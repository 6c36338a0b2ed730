package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"poterne/internal/config"
)

// Serve guards the services that a configuration declares until ctx ends.
func Serve(ctx context.Context, file string, log *slog.Logger) error {
	defer staying(log)()
	limitMemory()
	s, err := config.Read(file)
	if err != nil {
		return err
	}
	if !s.Pseudonyms.Conceals() {
		log.Warn("whoever has the database can follow people in the ledger from month to month: make an epoch key with poterne keys epoch, and write epoch under [keys]")
	}
	o, err := Open(ctx, s)
	if err != nil {
		return err
	}
	if err := o.WithIndex(ctx); err != nil {
		return errors.Join(err, o.Close())
	}
	program, err := Assemble(ctx, o, log)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	public, err := listen(ctx, s.Listen, s.Certificate)
	if err != nil {
		return errors.Join(err, o.Close())
	}
	var private *Listening
	if s.Metrics != "" {
		if private, err = listen(ctx, s.Metrics, nil); err != nil {
			return errors.Join(err, o.Close())
		}
	}
	log.Info("guarding", slog.String("origin", s.Origin), slog.String("listen", public.Addr().String()), slog.Int("services", len(s.Services)))
	if err := program.Serve(ctx, public, private); err != nil {
		return err // what the database holds is not known any more: leave it as it is
	}
	log.Info("left in order")
	return o.Close()
}

// staying keeps SIGHUP, which would end the program, from doing anything, and says
// that it came. It returns what ends that.
func staying(log *slog.Logger) (end func()) {
	hangups, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-hangups:
				log.Info("SIGHUP does nothing yet: a changed configuration is read at the next start")
			case <-ended:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(ended)
	}
}

// listen opens a listener; with a certificate it speaks TLS.
func listen(ctx context.Context, address string, certificate *tls.Certificate) (*Listening, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	l := &Listening{Listener: listener}
	if certificate != nil {
		l.tls = func(server *http.Server) {
			server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
		}
	}
	return l, nil
}
