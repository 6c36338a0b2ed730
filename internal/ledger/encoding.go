package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// An entry is encoded as a version byte, its number, its time in microseconds
// since 1970 and its kind, then the fields that are not zero, each after its tag,
// tags ascending. Numbers are unsigned varints of the shortest form, texts are a
// length and UTF-8. An entry has one encoding only, and golden files hold it.
const version = 1

const (
	tagReceipt = iota + 1
	tagAccount
	tagOrganisation
	tagSession
	tagService
	tagPurpose
	tagRoute
	tagPerson
	tagFields
	tagVerdict
	tagWhy
	tagReason
	tagSource
	tagFact
	tagCost
	tagCounted
	tagLimit
	tagDevice
	tagNetwork
	tagSigns
	tagObserved
	tagEpoch
	tagSpared
	tagApprover
	tagSubject
	tagEffect
	tagReach
	tagTarget
	tagCause
	tagSince
	tagUntil
	tagFrom
	tagEnd
	tagFirst
	tagLast
	tagCount
	tagRejected
	tagDigest
	tagState
	tagNote
	tagsEnd
)

// maxText bounds a text in an entry, in bytes.
const maxText = 4096

// fits returns an error for a text in the entry that is too long or not UTF-8. Nothing is
// cut.
func (e Entry) fits() error {
	for _, text := range []struct{ name, is string }{
		{"account", string(e.Account)},
		{"organisation", string(e.Organisation)},
		{"session", string(e.Session)},
		{"service", string(e.Service)},
		{"purpose", string(e.Purpose)},
		{"route", e.Route},
		{"source", e.Reason.Source},
		{"fact", e.Reason.ID},
		{"device", e.Device},
		{"network", e.Network},
		{"approver", string(e.Approver)},
		{"subject", string(e.Subject)},
		{"effect", string(e.Effect)},
		{"reach", string(e.Reach)},
		{"target", e.Target},
		{"state", string(e.State)},
		{"note", e.Note},
	} {
		switch {
		case len(text.is) > maxText:
			return fmt.Errorf("its %s is %d bytes long, at most %d are written", text.name, len(text.is), maxText)
		case !utf8.ValidString(text.is):
			return fmt.Errorf("its %s is not UTF-8", text.name)
		}
	}
	return nil
}

// Append appends the encoding of e to dst.
func (e Entry) Append(dst []byte) []byte {
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(e.Number))
	dst = binary.AppendUvarint(dst, uint64(e.Time.UnixMicro()))
	dst = append(dst, byte(e.Kind))
	dst = appendNumber(dst, tagReceipt, uint64(e.Receipt))
	dst = appendText(dst, tagAccount, string(e.Account))
	dst = appendText(dst, tagOrganisation, string(e.Organisation))
	dst = appendText(dst, tagSession, string(e.Session))
	dst = appendText(dst, tagService, string(e.Service))
	dst = appendText(dst, tagPurpose, string(e.Purpose))
	dst = appendText(dst, tagRoute, e.Route)
	if !e.Person.IsZero() {
		dst = append(append(dst, tagPerson), e.Person[:]...)
	}
	dst = appendNumber(dst, tagFields, uint64(e.Fields))
	dst = appendNumber(dst, tagVerdict, uint64(e.Verdict))
	dst = appendNumber(dst, tagWhy, uint64(e.Why))
	dst = appendNumber(dst, tagReason, uint64(e.Reason.Kind))
	dst = appendText(dst, tagSource, e.Reason.Source)
	dst = appendText(dst, tagFact, e.Reason.ID)
	dst = appendNumber(dst, tagCost, uint64(e.Cost))
	dst = appendNumber(dst, tagCounted, uint64(e.Counted))
	dst = appendNumber(dst, tagLimit, uint64(e.Limit))
	dst = appendText(dst, tagDevice, e.Device)
	dst = appendText(dst, tagNetwork, e.Network)
	dst = appendNumber(dst, tagSigns, uint64(e.Signs))
	if e.Observed {
		dst = appendNumber(dst, tagObserved, 1)
	}
	dst = appendNumber(dst, tagEpoch, uint64(e.Epoch))
	dst = appendNumber(dst, tagSpared, uint64(e.Spared))
	return e.appendAct(dst)
}

// appendAct appends what only acts have.
func (e Entry) appendAct(dst []byte) []byte {
	dst = appendText(dst, tagApprover, string(e.Approver))
	dst = appendText(dst, tagSubject, string(e.Subject))
	dst = appendText(dst, tagEffect, string(e.Effect))
	dst = appendText(dst, tagReach, string(e.Reach))
	dst = appendText(dst, tagTarget, e.Target)
	dst = appendNumber(dst, tagCause, uint64(e.Cause))
	dst = appendTime(dst, tagSince, e.Since)
	dst = appendTime(dst, tagUntil, e.Until)
	dst = appendNumber(dst, tagFrom, uint64(e.From))
	dst = appendNumber(dst, tagEnd, uint64(e.End))
	dst = appendNumber(dst, tagFirst, uint64(e.First))
	dst = appendNumber(dst, tagLast, uint64(e.Last))
	dst = appendNumber(dst, tagCount, e.Count)
	dst = appendNumber(dst, tagRejected, e.Rejected)
	if !e.Digest.IsZero() {
		dst = append(append(dst, tagDigest), e.Digest[:]...)
	}
	dst = appendText(dst, tagState, string(e.State))
	dst = appendText(dst, tagNote, e.Note)
	return dst
}

func appendNumber(dst []byte, tag byte, value uint64) []byte {
	if value == 0 {
		return dst
	}
	return binary.AppendUvarint(append(dst, tag), value)
}

func appendTime(dst []byte, tag byte, at time.Time) []byte {
	if at.IsZero() {
		return dst
	}
	return appendNumber(dst, tag, uint64(at.UnixMicro()))
}

func appendText(dst []byte, tag byte, text string) []byte {
	if text == "" {
		return dst
	}
	return append(binary.AppendUvarint(append(dst, tag), uint64(len(text))), text...)
}

// Decode reads what Append wrote, and nothing else.
func Decode(body []byte) (Entry, error) {
	r := reader{rest: body}
	if r.byte() != version {
		return Entry{}, errors.New("not an entry of version 1")
	}
	var e Entry
	e.Number = Number(r.number(math.MaxUint64))
	e.Time = time.UnixMicro(int64(r.number(math.MaxInt64))).UTC()
	e.Kind = Kind(r.byte())
	for last := byte(0); len(r.rest) > 0 && r.err == nil; {
		tag := r.byte()
		if tag <= last || tag >= tagsEnd {
			return Entry{}, fmt.Errorf("tag %d after tag %d", tag, last)
		}
		last = tag
		switch tag {
		case tagReceipt:
			e.Receipt = Number(r.some(math.MaxUint64))
		case tagAccount:
			e.Account = roster.AccountID(r.text())
		case tagOrganisation:
			e.Organisation = roster.OrganisationID(r.text())
		case tagSession:
			e.Session = roster.SessionID(r.text())
		case tagService:
			e.Service = roster.ServiceID(r.text())
		case tagPurpose:
			e.Purpose = roster.Purpose(r.text())
		case tagRoute:
			e.Route = r.text()
		case tagPerson:
			e.Person = r.person()
		case tagFields:
			e.Fields = register.Fields(r.some(math.MaxUint32))
		case tagVerdict:
			e.Verdict = policy.Verdict(r.some(math.MaxUint8))
		case tagWhy:
			e.Why = policy.Why(r.some(math.MaxUint8))
		case tagReason:
			e.Reason.Kind = reason.FactKind(r.some(math.MaxUint8))
		case tagSource:
			e.Reason.Source = r.text()
		case tagFact:
			e.Reason.ID = r.text()
		case tagCost:
			e.Cost = meter.Cost(r.some(math.MaxInt32))
		case tagCounted:
			e.Counted = meter.Cost(r.some(math.MaxInt32))
		case tagLimit:
			e.Limit = meter.Cost(r.some(math.MaxInt32))
		case tagDevice:
			e.Device = r.text()
		case tagNetwork:
			e.Network = r.text()
		case tagSigns:
			e.Signs = meter.Signs(r.some(math.MaxUint32))
		case tagObserved:
			e.Observed = r.some(1) == 1
		case tagEpoch:
			e.Epoch = Month(r.some(math.MaxUint32))
		case tagSpared:
			e.Spared = meter.Limits(r.some(math.MaxUint16))
		case tagApprover:
			e.Approver = roster.AccountID(r.text())
		case tagSubject:
			e.Subject = roster.AccountID(r.text())
		case tagEffect:
			e.Effect = order.Effect(r.text())
		case tagReach:
			e.Reach = order.Reach(r.text())
		case tagTarget:
			e.Target = r.text()
		case tagCause:
			e.Cause = Number(r.some(math.MaxUint64))
		case tagSince:
			e.Since = r.time()
		case tagUntil:
			e.Until = r.time()
		case tagFrom:
			e.From = Number(r.some(math.MaxUint64))
		case tagEnd:
			e.End = Number(r.some(math.MaxUint64))
		case tagFirst:
			e.First = Month(r.some(math.MaxUint32))
		case tagLast:
			e.Last = Month(r.some(math.MaxUint32))
		case tagCount:
			e.Count = r.some(math.MaxUint64)
		case tagRejected:
			e.Rejected = r.some(math.MaxUint64)
		case tagDigest:
			r.copy(e.Digest[:])
		case tagState:
			e.State = State(r.text())
		case tagNote:
			e.Note = r.text()
		}
	}
	if r.err != nil {
		return Entry{}, r.err
	}
	return e, nil
}

// reader takes an encoding apart; after the first error it yields zeroes.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(text string) {
	if r.err == nil {
		r.err = errors.New(text)
	}
	r.rest = nil
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("the entry ends too early")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number(limit uint64) uint64 {
	value, n := binary.Uvarint(r.rest)
	switch {
	case n <= 0:
		r.fail("a number is cut short or too long")
		return 0
	case n > 1 && r.rest[n-1] == 0:
		r.fail("a number is not in its shortest form")
		return 0
	case value > limit:
		r.fail("a number is out of range")
		return 0
	}
	r.rest = r.rest[n:]
	return value
}

// some is a number that is not zero: zeroes are left out.
func (r *reader) some(limit uint64) uint64 {
	value := r.number(limit)
	if value == 0 {
		r.fail("a zero is written out")
	}
	return value
}

func (r *reader) text() string {
	n := r.some(maxText)
	if n > uint64(len(r.rest)) {
		r.fail("a text is cut short")
		return ""
	}
	text := string(r.rest[:n])
	if !utf8.ValidString(text) {
		r.fail("a text is not UTF-8")
		return ""
	}
	r.rest = r.rest[n:]
	return text
}

func (r *reader) time() time.Time { return time.UnixMicro(int64(r.some(math.MaxInt64))).UTC() }

func (r *reader) person() (p register.PersonID) {
	r.copy(p[:])
	return p
}

// copy fills in bytes of a fixed length, which are not all zero.
func (r *reader) copy(to []byte) {
	if copied := copy(to, r.rest); copied < len(to) {
		r.fail("bytes of a fixed length are cut short")
		clear(to)
		return
	}
	r.rest = r.rest[len(to):]
	if !slices.ContainsFunc(to, func(b byte) bool { return b != 0 }) {
		r.fail("zeroes are written out")
	}
}
