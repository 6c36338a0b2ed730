package socket_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"poterne/internal/gate/socket"
)

// answering is a response whose connection can be taken over.
type answering struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (a answering) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return a.conn, bufio.NewReadWriter(bufio.NewReader(a.conn), bufio.NewWriter(a.conn)), nil
}

func handshake() *http.Request {
	r := httptest.NewRequest("GET", "/live", nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		r.Header.Set(name, value)
	}
	return r
}

// plainly is what the text frames of a page hold, put together by the book (RFC 6455, section 5); nothing after the first
// that is no frame of a page, is binary, too long, or closes.
func plainly(sent []byte, most int) (messages []string) {
	var message []byte
	within := false
	for len(sent) >= 2 {
		final, kind, masked, n := sent[0]&0x80 != 0, sent[0]&0x0f, sent[1]&0x80 != 0, int(sent[1]&0x7f)
		if sent[0]&0x70 != 0 || !masked {
			return messages
		}
		sent = sent[2:]
		for _, long := range []struct{ says, bytes int }{{126, 2}, {127, 8}} {
			if n != long.says {
				continue
			}
			if len(sent) < long.bytes {
				return messages
			}
			n = 0
			for _, b := range sent[:long.bytes] {
				if n > 1<<40 {
					return messages
				}
				n = n<<8 | int(b)
			}
			sent = sent[long.bytes:]
			break
		}
		control := kind >= 8
		if kind == 8 || kind > 10 || kind > 2 && kind < 8 || kind == 2 || control && (n > 125 || !final) || !control && (kind == 0) != within || n < 0 || len(sent) < 4+n {
			return messages
		}
		mask, data := sent[:4], bytes.Clone(sent[4:4+n])
		sent = sent[4+n:]
		if control {
			continue
		}
		for i := range data {
			data[i] ^= mask[i%4]
		}
		if message = append(message, data...); len(message) > most {
			return messages
		}
		if within = !final; final {
			messages, message = append(messages, string(message)), nil
		}
	}
	return messages
}

// Whatever bytes a page sends, the messages that are read are those that a second reader, by the book, finds.
func FuzzMessagesAreWhatAnotherReaderFinds(f *testing.F) {
	const most = 64
	for _, seed := range []string{
		"\x81\x82\x00\x00\x00\x00{}", "\x81\x82\x01\x02\x03\x04z\x7f", "\x01\x81\x00\x00\x00\x00{\x80\x81\x00\x00\x00\x00}", "\x01\x81\x00\x00\x00\x00{\x89\x80\x00\x00\x00\x00\x80\x81\x00\x00\x00\x00}",
		"\x81\x02{}", "\xc1\x82\x00\x00\x00\x00{}", "\x82\x82\x00\x00\x00\x00{}", "\x88\x82\x00\x00\x00\x00\x03\xe8\x81\x82\x00\x00\x00\x00{}", "\x81\xfe\x00\x02\x00\x00\x00\x00{}",
		"\x81\xff\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00{}", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00{}", "\x81\xfe\x00\x41\x00\x00\x00\x00", "\x80\x80\x00\x00\x00\x00", "\x81\x80\x00\x00\x00\x00\x81\x82\x00\x00\x00\x00[]",
		"\x01\x82\x00\x00\x00\x00{}", // never finished, and cut off
	} {
		f.Add([]byte(seed))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = listener.Close() })
	f.Fuzz(func(t *testing.T, sent []byte) {
		theirs, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		mine, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = theirs.Write(sent)
			_ = theirs.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, theirs) // answers to what is no message
		}()
		line, err := socket.Accept(answering{httptest.NewRecorder(), mine}, handshake(), "")
		if err != nil {
			t.Fatal(err)
		}
		want := plainly(sent, most)
		var got []string
		for messages := line.Messages(most, time.Minute, func(r io.Reader) io.Reader { return r }); ; {
			m := <-messages
			if m.Err != nil {
				if !errors.Is(m.Err, io.EOF) && !errors.Is(m.Err, socket.ErrBinary) && !errors.Is(m.Err, socket.ErrLong) {
					t.Errorf("an error of another kind: %v", m.Err)
				}
				break
			}
			got = append(got, string(m.Text))
			line.Next()
		}
		line.Close(socket.Done, "")
		if len(got) > len(want) {
			t.Fatalf("%q: read %q, by the book %q", sent, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%q: read %q, by the book %q", sent, got, want)
			}
		}
		if len(got) < len(want) {
			t.Fatalf("%q: read only %q of %q", sent, got, want)
		}
	})
}
