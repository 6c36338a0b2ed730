package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

func TestAServerOnAnotherMachineIsReachedOnlyKnowingWhoAnswers(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	const refused = "write sslmode=verify-full"
	for name, test := range map[string]struct{ connection, want string }{
		"a socket":                             {"host=/run/postgresql dbname=poterne", ""},
		"this machine":                         {"host=127.0.0.1 dbname=poterne", ""},
		"this machine, by IPv6":                {"postgres://poterne@[::1]/poterne", ""},
		"this machine, by name":                {"host=localhost dbname=poterne sslmode=disable", ""},
		"another, knowing who answers":         {"host=db.example dbname=poterne sslmode=verify-full", ""},
		"another, as it comes":                 {"host=db.example dbname=poterne", "on the way to db.example"},
		"another, without TLS":                 {"host=db.example dbname=poterne sslmode=disable", refused},
		"another, TLS or not":                  {"host=db.example dbname=poterne sslmode=prefer", refused},
		"another, TLS with anybody":            {"host=db.example dbname=poterne sslmode=require", refused},
		"another, TLS under any name":          {"host=db.example dbname=poterne sslmode=verify-ca", refused},
		"another, by a URL":                    {"postgres://poterne@192.0.2.7/poterne?sslmode=require", "on the way to 192.0.2.7"},
		"the second of two":                    {"host=127.0.0.1,db2.example dbname=poterne", "on the way to db2.example"},
		"two, knowing who answers":             {"host=db1.example,db2.example dbname=poterne sslmode=verify-full", ""},
		"a name that begins like this machine": {"host=localhost.example dbname=poterne", "on the way to localhost.example"},
		"what is no connection":                {"host=", ""},
		"what cannot be understood":            {"postgres://%zz", "write it as libpq does"},
		"an authority that is not there":       {"host=db.example sslmode=verify-full sslrootcert=nowhere.pem", "a file that it names cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := store.CheckPostgreSQL(test.connection); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestTLSToTheServerIsVerifiedInFull(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	trusted, other := newAuthority(t), newAuthority(t)
	over := func(mode, host string, from authority) string {
		c := strings.Replace(connection, "sslmode=disable", "sslmode="+mode+" sslrootcert="+from.file, 1)
		return strings.Replace(c, "host=127.0.0.1", "host="+host, 1)
	}
	opens := func(when, connection, want string) {
		t.Helper()
		s, err := store.OpenPostgreSQL(t.Context(), connection)
		if err == nil {
			storetest.Write(t, s, 1, storetest.At)
			_ = s.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: opened with %v, want %q", when, err, want)
		}
	}
	opens("a server that speaks no TLS", over("verify-full", "127.0.0.1", trusted), "server refused TLS connection")

	certificate, key := trusted.issue(t, net.IPv4(127, 0, 0, 1))
	cluster.Set(t, "ssl_cert_file", cluster.Put(t, "server.crt", certificate))
	cluster.Set(t, "ssl_key_file", cluster.Put(t, "server.key", key))
	cluster.Set(t, "ssl", "on")
	eventually(t, "the server speaks TLS", func() bool {
		var on string
		return direct(t, connection).QueryRowContext(t.Context(), `show ssl`).Scan(&on) == nil && on == "on"
	})
	opens("the server that is meant", over("verify-full", "127.0.0.1", trusted), "")
	opens("a server that somebody else vouches for", over("verify-full", "127.0.0.1", other), "certificate signed by unknown authority")
	opens("a server of another name", over("verify-full", "localhost", trusted), "wanted to match localhost")

	var encrypted bool
	const query = `select ssl from pg_stat_ssl where pid = pg_backend_pid()`
	if err := direct(t, over("verify-full", "127.0.0.1", trusted)).QueryRowContext(t.Context(), query).Scan(&encrypted); err != nil || !encrypted {
		t.Errorf("the server says TLS: %v, %v", encrypted, err)
	}
}

// authority is who vouches for servers, as a file that a connection names.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	file        string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(encoded)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key, certificate, filepath.Join(t.TempDir(), "authority.pem")}
	if err := os.WriteFile(a.file, block("CERTIFICATE", encoded), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue returns a certificate for a server at an address, and its key.
func (a authority) issue(t *testing.T, address net.IP) (certificate, key []byte) {
	t.Helper()
	own := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{address}}
	encoded, err := x509.CreateCertificate(rand.Reader, template, a.certificate, own.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", encoded), block("PRIVATE KEY", private)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(kind string, encoded []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: encoded})
}
