package ledger

import (
	"time"

	"poterne/internal/register"
)

// Concerned is one person in an answer to "who was shown".
type Concerned struct {
	Person      register.PersonID
	Fields      register.Fields // everything shown of them
	Times       int
	First, Last time.Time
}
