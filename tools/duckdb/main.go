// Command duckdb runs SQL statements from its standard input in a DuckDB database
// and prints, for each, how many milliseconds it took and the first number it
// gave. make bench-index uses it to compare; nothing of the program imports it.
// Statements end with a semicolon at the end of a line.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	_ "github.com/marcboeker/go-duckdb"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	script, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer db.Close()
	for statement := range strings.SplitSeq(strings.TrimSpace(string(script)), ";\n") {
		began := time.Now()
		var first int64
		if err := db.QueryRow(statement).Scan(&first); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%s: %w", statement, err)
		}
		fmt.Println(time.Since(began).Milliseconds(), first)
	}
	return nil
}
