package intake

import (
	"errors"
	"fmt"
	"slices"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// Undue is why covers of a batch were refused.
type Undue []UndueCover

// UndueCover is one of them: the column at fault, and what is wrong, in words that hold
// nothing of the line.
type UndueCover struct {
	Place            int // among the batch's covers
	Column, Sentence string
}

func (u Undue) Error() string { return fmt.Sprintf("%d covers may not be declared", len(u)) }

// due returns Undue for covers that may not be declared as things stand under the head.
func (b *FactBatch) due(tx *journal.Tx, rows FactRows) error {
	var undue Undue
	var taken []reason.CoverDuty
	for i, c := range b.Covers {
		c.Source = b.Source
		column, sentence, err := b.against(tx, rows, c, taken)
		if err != nil {
			return err
		}
		if column != "" {
			undue = append(undue, UndueCover{i, column, sentence})
			continue
		}
		taken = append(taken, c)
	}
	if undue != nil {
		return &fault.Error{Kind: fault.Refused, Public: undue[0].Column + ": " + undue[0].Sentence, Err: undue}
	}
	return nil
}

// against returns what stands against one more cover beside those that were taken.
func (b *FactBatch) against(tx *journal.Tx, rows FactRows, c reason.CoverDuty, taken []reason.CoverDuty) (column, sentence string, err error) {
	var named [3]roster.Account
	for i, id := range []roster.AccountID{c.Absent, c.DeclaredBy, c.Substitute} {
		if named[i], err = rows.Account(id); err != nil && !fault.Is(err, fault.Absent) {
			return "", "", err
		}
	}
	switch b.Bounds.Objection(c.Between(named[0], named[1]), named[2].Organisation) {
	case reason.OfThemself:
		return "substitute", "nobody covers themself", nil
	case reason.ByThemself:
		return "declared_by", "a cover is declared by somebody else than the substitute and the absent agent", nil
	case reason.NotByManager:
		return "declared_by", byManager, nil
	case reason.ElsewhereAbsent:
		return "substitute", "of another organisation than the absent agent", nil
	case reason.TooLong:
		return "until", "a cover lasts for at most " + span(b.Bounds.Longest), nil
	case reason.NoObjection:
	}
	_, err = approval.One(tx, rows, c.DeclaredBy, approval.Demand{For: "a cover", Of: c.Substitute})
	if fault.Is(err, fault.Refused) {
		return "declared_by", byManager, nil
	}
	if err != nil {
		return "", "", err
	}
	others, err := rows.Covers(c.Substitute)
	if err != nil {
		return "", "", err
	}
	others = slices.DeleteFunc(append(others, taken...), func(o reason.CoverDuty) bool {
		again := func(n reason.CoverDuty) bool { return n.Source == o.Source && n.ID == o.ID && n != o }
		return o.Substitute != c.Substitute || o.Source == c.Source && o.ID == c.ID || slices.ContainsFunc(taken, again)
	})
	if b.Bounds.Crowded(c, others) {
		return "absent", fmt.Sprintf("the substitute would cover more than %d absent agents at once", b.Bounds.Absent), nil
	}
	declared, err := rows.Declared(c.DeclaredBy, tx.Now())
	if err != nil {
		return "", "", err
	}
	same := func(o reason.CoverDuty) bool { return o.Source == c.Source && o.ID == c.ID }
	declared = slices.DeleteFunc(append(declared, taken...), func(o reason.CoverDuty) bool { return o.DeclaredBy != c.DeclaredBy || same(o) })
	if most := b.Bounds.Declared; most > 0 && len(declared) >= most && c.Until.After(tx.Now()) {
		return "declared_by", fmt.Sprintf("has declared %d covers that have not ended: another manager declares this one", most), nil
	}
	return "", "", nil
}

const byManager = "a cover is declared by a manager of the absent agent's organisation, under no order, who did not propose the substitute's account"

// within does the batch in a turn. Lines whose covers are refused are rejected, and the
// rest is taken in.
func (b *FactBatch) within(tx *journal.Tx, covers []*told) error {
	_, err := journal.Within(tx, b)
	undue, refused := errors.AsType[Undue](err)
	if !refused {
		return err
	}
	b.Covers = slices.Clone(b.Covers)
	for _, u := range slices.Backward(undue) {
		covers[u.Place].reject(u.Column, u.Sentence)
		b.Covers = slices.Delete(b.Covers, u.Place, u.Place+1)
	}
	b.Rejected += len(undue)
	_, err = journal.Within(tx, b)
	return err
}
