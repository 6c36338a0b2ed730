package mailing

import (
	"context"

	"poterne/internal/ledger"
)

// PutForTest stores a list of people.
func PutForTest(ctx context.Context, rows Rows, list ledger.Number, count int, person func(int) Person) error {
	for part := 0; part*PerPart < count; part++ {
		var people []Person
		for i := part * PerPart; i < min(count, (part+1)*PerPart); i++ {
			people = append(people, person(i))
		}
		if err := rows.Put(ctx, list, part, encode(people), make([]byte, len(people))); err != nil {
			return err
		}
	}
	return nil
}

// Connect has a sender that sends nothing yet use so many connections.
func (s *Sender) Connect(connections int) { s.Connections = connections }
