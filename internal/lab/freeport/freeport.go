// Package freeport finds ports for servers that listen a while after their address was
// written down: in a configuration, or on a command line.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// first and last bound the ports: below those that systems give to connections and to
// listeners that ask for any, so that none is taken between being found and being listened
// on.
const (
	first = 12_000
	last  = 30_000
)

// given are the ports that this process was given before.
var given sync.Map

// Find returns a port of localhost that nobody listens on, and that it did not return
// before.
func Find() (int, error) {
	for range last - first {
		port := first + rand.IntN(last-first)
		if _, before := given.LoadOrStore(port, true); before {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("no port is free")
}
