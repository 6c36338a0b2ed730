package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"poterne/internal/config"
	"poterne/internal/fault"
)

// A node listens at a socket in the file system for what an operator on its machine may have it
// do, and answers what came of it. Whoever may open the socket may: the user that the program
// runs as, and root. It does no more than a signal does, which says nothing back.

// Asked is what a node may be asked to do.
type Asked string

// What a node may be asked.
const (
	Reload Asked = "reload" // take up the configuration anew
	Reopen Asked = "reopen" // open the access log anew
)

// answer is what came of it.
type answer struct {
	Done  string           `json:"done,omitempty"`  // what was done; empty when it was not
	Wrong fault.Complaints `json:"wrong,omitempty"` // what is wrong with the configuration
	Error string           `json:"error,omitempty"` // or why else it was not done
	Renew string           `json:"renew,omitempty"` // what became of the certificate, where Wrong has the rest
}

// asking is somebody who waits for an answer.
type asking struct {
	asked  Asked
	answer chan answer // takes one without waiting
}

// Ask asks the node that runs by a configuration, and returns what it says to have done. The
// configuration is read for where the socket is, and for nothing else: what is wrong with it is
// the node's to say.
func Ask(ctx context.Context, file string, asked Asked) (string, error) {
	path, err := config.Control(file)
	if err != nil {
		return "", err
	}
	if err := apart(path); err != nil {
		return "", fmt.Errorf("nothing was done: %w", err)
	}
	connection, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%s may be opened by the user that the program runs as, and by root: sudo -u poterne poterne %s", path, asked)
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return "", fmt.Errorf("no node listens at %s: either poterne serve does not run by %s on this machine (the demonstration listens for nothing), or it could not listen there, as its log says then; nothing was done", path, file)
	case err != nil:
		return "", fmt.Errorf("asking the node: %w", err)
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	if _, err := fmt.Fprintln(connection, asked); err != nil {
		return "", fmt.Errorf("asking the node: %w", err)
	}
	var said answer
	if err := json.NewDecoder(connection).Decode(&said); err != nil {
		return "", fmt.Errorf("the node took the request and did not say what came of it: look at its log (%w)", err)
	}
	switch {
	case said.Done != "":
		return said.Done, nil
	case len(said.Wrong) > 0:
		return "", fmt.Errorf("%s\n%w", refused(said.Renew), said.Wrong)
	}
	return "", errors.New(said.Error)
}

// askings returns what comes in at a socket, until ctx ends. A node that cannot listen there is
// told what to do by signals, unless the configuration names the socket.
func (h *node) askings(ctx context.Context) (<-chan asking, func(), error) {
	s := h.opened.Settings
	listener, err := control(ctx, s.Control.Path)
	if err != nil && s.Control.Given {
		return nil, nil, fmt.Errorf("control.socket: %w", err)
	}
	if err != nil {
		h.log.WarnContext(ctx, "poterne reload does not reach this node; write socket under [control]", slog.Any("err", err))
		return nil, func() {}, nil
	}
	in := make(chan asking)
	go func() {
		for {
			connection, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(10 * time.Millisecond) // too many files are open; others end
				continue
			}
			go attend(ctx, connection, in)
		}
	}()
	return in, func() { _ = listener.Close() }, nil
}

// control listens at a socket that its owner alone may open. One that nobody listens at is what
// a program left that was killed.
func control(ctx context.Context, path string) (net.Listener, error) {
	if err := apart(path); err != nil {
		return nil, err
	}
	if about, err := os.Lstat(path); err == nil && about.Mode().Type() == fs.ModeSocket {
		connection, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			_ = connection.Close()
			return nil, fmt.Errorf("another node listens at %s", path)
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		}
	}
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}

// apart refuses a socket where anybody could have put one first, and answer in the node's place.
func apart(path string) error {
	folder := filepath.Dir(path)
	if about, err := os.Stat(folder); err == nil && about.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("anybody may write into %s, and answer there in the node's place; write socket under [control], in a folder that its user alone may write into", folder)
	}
	return nil
}

const (
	askedWithin  = 5 * time.Second // of connecting, one is asked something
	longestAsked = 32              // bytes
)

// attend reads what one is asked, and answers once it is done.
func attend(ctx context.Context, connection net.Conn, in chan<- asking) {
	defer connection.Close()
	_ = connection.SetReadDeadline(time.Now().Add(askedWithin))
	line, err := bufio.NewReader(io.LimitReader(connection, longestAsked)).ReadString('\n')
	if err != nil {
		return
	}
	one := asking{asked: Asked(line[:len(line)-1]), answer: make(chan answer, 1)}
	select {
	case in <- one:
	case <-ctx.Done():
		return
	}
	select {
	case said := <-one.answer:
		_ = connection.SetWriteDeadline(time.Now().Add(askedWithin))
		_ = json.NewEncoder(connection).Encode(said)
	case <-ctx.Done():
	}
}
