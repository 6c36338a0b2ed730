package lookup

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"poterne/internal/register"
)

// Reserved looks for identifiers that are reserved to canaries.
type Reserved struct {
	Person   func(identifier string) (register.PersonID, error)
	Canaries register.Canaries
	Progress func(tried int) // called now and then
}

// In calls found with each identifier of a file that is reserved, one a line and in
// their order, until it returns false. It returns how many identifiers it tried.
func (r Reserved) In(ctx context.Context, file string, from io.Reader, found func(line int, identifier string) (more bool)) (tried int, err error) {
	const each = 1 << 14
	batch := make([]string, 0, each*runtime.GOMAXPROCS(0))
	reserved := make([]bool, cap(batch))
	lines := bufio.NewScanner(from)
	for line := 0; ; line += len(batch) {
		for batch = batch[:0]; len(batch) < cap(batch) && lines.Scan(); {
			batch = append(batch, strings.TrimSpace(lines.Text()))
		}
		if len(batch) == 0 {
			break
		}
		var group errgroup.Group
		for start := 0; start < len(batch); start += each {
			group.Go(func() error {
				for i := start; i < min(start+each, len(batch)); i++ {
					if reserved[i] = false; batch[i] == "" {
						continue
					}
					person, err := r.Person(batch[i])
					if err != nil {
						return fmt.Errorf("%s:%d: %w", file, line+i+1, err)
					}
					reserved[i] = r.Canaries.Reserved(person)
				}
				return ctx.Err()
			})
		}
		if err := group.Wait(); err != nil {
			return tried, err
		}
		for i, identifier := range batch {
			if identifier != "" {
				tried++
			}
			if reserved[i] && !found(line+i+1, identifier) {
				return tried, nil
			}
		}
		r.Progress(tried)
	}
	if err := lines.Err(); err != nil {
		return tried, fmt.Errorf("reading %s: %w", file, err)
	}
	return tried, nil
}
