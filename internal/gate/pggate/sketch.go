package pggate

import (
	"context"
	"log/slog"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate/shape"
	"poterne/internal/policy"
)

// sketch notes what a statement that was refused looks like, and its columns where the service
// learns. Nothing of it is kept but words that everybody uses, and what kinds of values there are.
func (x *exchange) sketch(ctx context.Context) {
	defer func() {
		if recover() != nil {
			x.door.Log.ErrorContext(ctx, "noting an undeclared statement panicked", slog.Any("stack", fault.Stack()))
		}
	}()
	said := shape.ReadSQL(x.text)
	s := shape.Shape{
		Method: shape.SQL, Path: said.Verb, Document: said.Kept, Exact: said.Exact, Query: said.Parameters, Why: policy.NotDeclared.String(), More: said.More, Times: 1, Last: x.door.Now().Unix(),
	}
	if x.service.Learn != "" && said.Reads() {
		x.describe(ctx, said.Asks, &s)
	}
	x.door.Shapes.Saw(x.service.ID, x.session.Account, s)
}

// describe has the server say what a statement would take and answer, by an account that may use
// the service for what it learns for. It is prepared and never run, and none of its constants is in it.
func (x *exchange) describe(ctx context.Context, text string, s *shape.Shape) {
	ask := x.ask(policy.Attempt)
	ask.Purpose = x.service.Learn
	if decision, err := x.door.Gate.Check(ctx, ask); err != nil || !decision.Shown() {
		return
	}
	const long = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, min(long, x.service.Timeout))
	defer cancel()
	server, err := x.connected(ctx)
	if err != nil {
		return
	}
	described, err := server.Prepare(ctx, "", text, nil)
	if err != nil {
		s.Code = codeOf(err)
		return
	}
	var columns []string
	var types []uint32
	for _, f := range described.Fields {
		columns, types = append(columns, f.Name), append(types, f.DataTypeOID)
	}
	all, more := shape.Parameters(described.ParamOIDs)
	s.Query, s.More = shape.Describe(s.Query, all), s.More || more
	s.Parts, more = shape.Columns(columns, types)
	s.More = s.More || more
}
