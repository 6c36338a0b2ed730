// Command other is the witness of transparency-dev, on its own SQLite persistence,
// for one log.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	cosignature "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/sqlite"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

// main serves a witness whose key, database and log are its arguments. It prints
// where it listens.
func main() {
	signer, err := cosignature.NewSignerForCosignatureV1(os.Args[1])
	check(err)
	ctx := context.Background()
	kept, _, err := sqlite.New(ctx, sqlite.Opts{Path: os.Args[2], MaxOpenConns: 1})
	check(err)
	verifier, err := note.NewVerifier(os.Args[3])
	check(err)
	w, err := witness.New(ctx, witness.Opts{
		Persistence: kept,
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			return verifier, origin == verifier.Name(), nil
		},
	})
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("http://%s\n", listener.Addr())
	http.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(w).AddCheckpoint)
	check(http.Serve(listener, nil))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
