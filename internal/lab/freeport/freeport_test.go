package freeport_test

import (
	"net"
	"strconv"
	"testing"

	"poterne/internal/lab/freeport"
)

func TestNoPortIsGivenTwiceOrToConnections(t *testing.T) {
	any, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer any.Close()
	before := make(map[int]bool)
	for range 100 {
		port, err := freeport.Find()
		if err != nil {
			t.Fatal(err)
		}
		if before[port] || port >= any.Addr().(*net.TCPAddr).Port && port > 32_767 {
			t.Errorf("%d is given", port)
		}
		before[port] = true
		l, err := net.Listen("tcp", "localhost:"+strconv.Itoa(port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}
