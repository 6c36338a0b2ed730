package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/lab/town/life"
)

// caller is a client with a connection of its own. It sends a request that it holds
// ready and reads the answer with as little work as it can, so that the load leaves
// the processors to what is measured.
type caller struct {
	conn    net.Conn
	answers *bufio.Reader
	request []byte
	body    []byte // of the last answer
}

// dial connects a caller to a server, as the browser that signed in for it. Each line
// of header ends in \r\n.
func dial(address, path, header string) (*caller, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nAccept-Language: %s\r\n%s\r\n", path, address, life.Agent, life.Language, header)
	return &caller{conn: conn, answers: bufio.NewReaderSize(conn, 64<<10), request: []byte(request)}, nil
}

// ask sends the request and reads the answer, which must be a good one of a length
// told beforehand.
func (c *caller) ask() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	first, err := c.answers.ReadSlice('\n')
	if err != nil {
		return err
	}
	status := string(first[:min(len(first), len("HTTP/1.1 200"))])
	length := -1
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("%s: an answer without a length", status)
	}
	c.body = slices.Grow(c.body[:0], length)[:length]
	if _, err := io.ReadFull(c.answers, c.body); err != nil {
		return err
	}
	if status != "HTTP/1.1 200" {
		return fmt.Errorf("%s: %.300s", status, c.body)
	}
	return nil
}

// closedLoop lets each client ask again as soon as it is answered, until the time is
// over, and returns how many answers there were in which time.
func closedLoop(clients int, during time.Duration, ask func(client int) error) (answers int, took time.Duration, err error) {
	var count atomic.Int64
	failures := make([]error, clients)
	var wait sync.WaitGroup
	began := time.Now()
	for client := range clients {
		wait.Go(func() {
			for time.Since(began) < during {
				if failures[client] = ask(client); failures[client] != nil {
					return
				}
				count.Add(1)
			}
		})
	}
	wait.Wait()
	return int(count.Load()), time.Since(began), errors.Join(failures...)
}

// openLoop sends n requests at a constant rate, however slow the answers are, each by
// a client that is free. It returns how long each took from the time it was due to be
// sent: where all clients wait for answers, the requests that are due wait with them,
// and their waiting is counted.
func openLoop(clients, n int, rate float64, sleep func(time.Duration), ask func(client int) error) (took []time.Duration, err error) {
	took = make([]time.Duration, n)
	failures := make([]error, clients)
	sent := make(chan int, n)
	due := func(i int) time.Duration { return time.Duration(float64(i) / rate * float64(time.Second)) }
	var wait sync.WaitGroup
	began := time.Now()
	for client := range clients {
		wait.Go(func() {
			for i := range sent {
				if failures[client] == nil {
					failures[client] = ask(client)
				}
				took[i] = time.Since(began) - due(i)
			}
		})
	}
	for i := range n {
		if early := due(i) - time.Since(began); early > 0 {
			sleep(early)
		}
		sent <- i
	}
	close(sent)
	wait.Wait()
	return took, errors.Join(failures...)
}

// sleepExactly sleeps in the kernel: the runtime's timers may be a millisecond late
// where nothing else runs.
func sleepExactly(d time.Duration) {
	left := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&left, nil) // whoever is woken early is early
}

// quantile returns the smallest value that at least the share q of the sorted values
// do not exceed.
func quantile[T any](sorted []T, q float64) T {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// The waiting of requests that were due while the server stood still is counted.
func TestOpenLoopHidesNoWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const service, stall = 2 * time.Millisecond, 100 * time.Millisecond
		first := true
		took, err := openLoop(1, 40, 100, time.Sleep, func(int) error {
			time.Sleep(service)
			if first {
				first = false
				time.Sleep(stall)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// One is due every 10 ms. The i-th waits for those before it, until they have caught up.
		free := stall
		for i, got := range took {
			due := time.Duration(i) * 10 * time.Millisecond
			free = max(free, due) + service
			if want := free - due; got != want {
				t.Errorf("request %d took %v, want %v", i, got, want)
			}
		}
	})
}

// With clients enough nothing waits for an answer, and the rate is kept.
func TestOpenLoopKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		took, err := openLoop(8, 400, 400, time.Sleep, func(int) error { time.Sleep(15 * time.Millisecond); return nil })
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range took {
			if got != 15*time.Millisecond {
				t.Errorf("request %d took %v", i, got)
			}
		}
		if all, want := time.Since(began), 399*2500*time.Microsecond+15*time.Millisecond; all != want {
			t.Errorf("400 requests at 400/s took %v, want %v", all, want)
		}
	})
}

func TestClosedLoopCountsWhatIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, took, err := closedLoop(4, time.Second, func(int) error { time.Sleep(300 * time.Millisecond); return nil })
		if n != 16 || took != 1200*time.Millisecond || err != nil {
			t.Errorf("%d answers in %v, %v", n, took, err)
		}
		broken := errors.New("broken")
		if _, _, err := closedLoop(4, time.Second, func(int) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("a failure was not told: %v", err)
		}
	})
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, test := range []struct {
		values []int
		q      float64
		want   int
	}{
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 0, 1},
		{hundred, 1, 100},
		{hundred[:3], 0.5, 2},
		{hundred[:3], 0.99, 3},
		{hundred[:1], 0.5, 1},
	} {
		if got := quantile(test.values, test.q); got != test.want {
			t.Errorf("quantile %v of %d values is %d, want %d", test.q, len(test.values), got, test.want)
		}
	}
}
