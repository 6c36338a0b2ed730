package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// The state follows from the ledger. So that a start need not read four weeks of it, a
// node keeps it in parts beside the ledger, each with the number of the first entry that
// it has not seen: some accounts, or what all were charged together. Whatever of it is
// missing, or is not as a node wrote it, or is of another ledger, has all of it made anew.

// Kept is a part of the state. Those that keep it MUST give it back as it is or not at
// all, and only when the ledger's entries before Number are those it was kept with.
type Kept struct {
	What   string
	Number ledger.Number // the entries before it are in the state
	State  []byte
}

// Keeper keeps parts of a state. It is derived: it may be dropped at any time.
type Keeper interface {
	// Keep replaces parts.
	Keep(context.Context, []Kept) error
	// Parts yields every part. One that does not hold is an error.
	Parts(context.Context) iter.Seq2[Kept, error]
	// UpTo returns the number of a part; 0 when it is not kept.
	UpTo(ctx context.Context, what string) (ledger.Number, error)
	// Discard drops all parts.
	Discard(context.Context) error
}

const (
	parts    = 256        // that the accounts are in: each of 60,000 has some 230 and takes less than a megabyte
	together = "together" // names what accounts were charged together, which sessions ended and which requests wait or were answered
	// keptVersion begins each part. It MUST change with what is in it, and with what a
	// meter makes of an entry.
	keptVersion = 15
	// recentKept is how many numbers of an account's newest entries are kept: as many as
	// a page shows, and some more.
	recentKept = 256
	// keepEvery is how often a running node keeps a part: each is no older than some four minutes.
	keepEvery = time.Second
)

// byAccount is what is known of each account, in parts.
type byAccount[T any] [parts]map[roster.AccountID]T

func partOf(account roster.AccountID) int {
	hash := uint32(2166136261) // FNV-1a
	for i := range len(account) {
		hash = (hash ^ uint32(account[i])) * 16777619
	}
	return int(hash % parts)
}

func (b *byAccount[T]) of(account roster.AccountID) T { return b[partOf(account)][account] }

func (b *byAccount[T]) set(account roster.AccountID, to T) {
	part := &b[partOf(account)]
	if *part == nil {
		*part = make(map[roster.AccountID]T)
	}
	(*part)[account] = to
}

func partName(i int) string { return "accounts " + strconv.Itoa(i) }

// part is one part as it is now.
func (j *Journal) part(i int) Kept {
	j.mu.RLock()
	defer j.mu.RUnlock()
	meters, recent := j.state.meters[i], j.recent.by[i]
	at := j.recent.last.at
	b := begin(at)
	accounts := slices.Collect(maps.Keys(meters))
	for account := range recent {
		if _, both := meters[account]; !both {
			accounts = append(accounts, account)
		}
	}
	slices.Sort(accounts)
	var body []byte
	for _, account := range accounts {
		body = body[:0]
		if m := meters[account]; m != nil {
			body = m.Append(body, at)
		}
		b = chunk(chunk(b, account), body)
		body = body[:0]
		numbers := recent[account]
		before := ledger.Number(0)
		for _, number := range numbers[max(0, len(numbers)-recentKept):] {
			body = binary.AppendUvarint(body, uint64(number-before))
			before = number
		}
		b = chunk(b, body)
	}
	return Kept{partName(i), j.recent.upTo, b}
}

// together is what accounts were charged together, as it is now.
func (j *Journal) together() Kept {
	j.mu.RLock()
	defer j.mu.RUnlock()
	at := j.recent.last.at
	b := binary.AppendVarint(begin(at), j.state.watched.UnixMicro())
	b = chunk(b, j.state.wider.register.Append(nil, at))
	b = appendTallies(b, j.state.wider.organisations, at)
	b = appendTallies(b, j.state.wider.services, at)
	b = appendTallies(b, j.state.wider.givers, at)
	b = appendTallies(b, j.state.wider.entrusters, at)
	b = j.state.ended.append(b, at)
	b = j.state.requests.append(b, at)
	return Kept{together, j.recent.upTo, b}
}

func appendTallies[ID ~string](b []byte, tallies map[ID]meter.Tally, at time.Time) []byte {
	counting := make(map[ID][]byte, len(tallies))
	for id, tally := range tallies {
		if body := tally.Append(nil, at); len(body) > 0 {
			counting[id] = body
		}
	}
	b = binary.AppendUvarint(b, uint64(len(counting)))
	for _, id := range slices.Sorted(maps.Keys(counting)) {
		b = chunk(chunk(b, id), counting[id])
	}
	return b
}

func begin(at time.Time) []byte { return binary.AppendVarint([]byte{keptVersion}, at.UnixMicro()) }

func chunk[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// keptReader reads what a part holds.
type keptReader struct {
	rest []byte
	bad  bool
}

// open reads the beginning of a part: the time of the last entry in it.
func (r *keptReader) open() time.Time {
	if len(r.rest) == 0 || r.rest[0] != keptVersion {
		r.bad, r.rest = true, nil
		return time.Time{}
	}
	r.rest = r.rest[1:]
	return r.time()
}

func (r *keptReader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *keptReader) time() time.Time {
	us, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return time.Time{}
	}
	r.rest = r.rest[size:]
	return time.UnixMicro(us).UTC()
}

func (r *keptReader) chunk() (text []byte) {
	size := r.number()
	if size > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	text, r.rest = r.rest[:size], r.rest[size:]
	return text
}

var (
	errNotKept   = errors.New("nothing is kept")
	errOtherForm = errors.New("it is not in the form that this program keeps it in")
)

// resumed is how far a kept state had seen the ledger, part by part.
type resumed struct {
	state    *State
	recent   recent
	parts    [parts]ledger.Number
	together ledger.Number
	from, to ledger.Number // the least and the greatest of them

	sample    Kept // a part that has meters, chosen at random
	sampled   int  // how many it was chosen from
	togethers Kept
}

// resume reads the state that was kept. first is the oldest entry that a state made anew
// would begin with.
func (j *Journal) resume(ctx context.Context, first ledger.Number) (*resumed, error) {
	if j.kept == nil {
		return nil, errNotKept
	}
	r := &resumed{state: newState()}
	names := make(map[string]int, parts)
	for i := range parts {
		names[partName(i)] = i
	}
	found := 0
	for kept, err := range j.kept.Parts(ctx) {
		if err != nil {
			return nil, err
		}
		i, account := names[kept.What]
		switch {
		case kept.Number < max(first, 1):
			err = fmt.Errorf("%s ends at entry %d, and what counts begins with entry %d", kept.What, kept.Number, first)
		case account:
			r.parts[i] = kept.Number
			err = r.readPart(kept)
		case kept.What == together:
			r.together = kept.Number
			err = r.readTogether(kept, j.now())
		default:
			err = fmt.Errorf("%q is no part of it", kept.What)
		}
		if err != nil {
			return nil, err
		}
		if r.to = max(r.to, kept.Number); found == 0 || kept.Number < r.from {
			r.from = kept.Number
		}
		found++
	}
	switch found {
	case 0:
		return nil, errNotKept
	case parts + 1:
		return r, nil
	default:
		return nil, fmt.Errorf("%d of %d parts are kept", found, parts+1)
	}
}

func (r *resumed) readPart(kept Kept) error {
	in := keptReader{rest: kept.State}
	at, any := in.open(), false
	for len(in.rest) > 0 {
		account := roster.AccountID(in.chunk())
		if body := in.chunk(); len(body) > 0 {
			m, err := meter.Decode(body, at)
			if err != nil {
				return err
			}
			r.state.meters.set(account, m)
			any = true
		}
		numbers := keptReader{rest: in.chunk()}
		var list []ledger.Number
		for before := ledger.Number(0); len(numbers.rest) > 0; before = list[len(list)-1] {
			list = append(list, before+ledger.Number(numbers.number()))
		}
		if len(list) > 0 {
			r.recent.by.set(account, list)
		}
		in.bad = in.bad || numbers.bad
	}
	if in.bad {
		return errOtherForm
	}
	if any {
		if r.sampled++; rand.IntN(r.sampled) == 0 {
			r.sample = kept
		}
	}
	return nil
}

func (r *resumed) readTogether(kept Kept, now time.Time) (err error) {
	r.togethers = kept
	in := keptReader{rest: kept.State}
	in.open()
	r.state.watched = in.time()
	if since := now.Add(-meter.Reach); r.state.watched.Before(since) {
		r.state.watched = since
	}
	if r.state.wider.register, err = meter.DecodeTally(in.chunk()); err != nil {
		return err
	}
	if err := readTallies(&in, r.state.wider.organisations); err != nil {
		return err
	}
	if err := readTallies(&in, r.state.wider.services); err != nil {
		return err
	}
	if err := readTallies(&in, r.state.wider.givers); err != nil {
		return err
	}
	if err := readTallies(&in, r.state.wider.entrusters); err != nil {
		return err
	}
	r.state.ended.read(&in)
	r.state.requests.read(&in)
	if in.bad || len(in.rest) > 0 {
		return errOtherForm
	}
	return nil
}

func readTallies[ID ~string](in *keptReader, to map[ID]meter.Tally) error {
	for range in.number() {
		id := ID(in.chunk())
		tally, err := meter.DecodeTally(in.chunk())
		if err != nil || in.bad {
			return errOtherForm
		}
		to[id] = tally
	}
	return nil
}

// count moves the state on by an entry, in the parts that have not seen it.
func (r *resumed) count(entry *ledger.Entry) {
	r.state.next, r.recent.upTo, r.recent.last = entry.Number+1, entry.Number+1, seenOf(entry)
	if entry.Number >= r.together {
		r.state.wider.count(entry)
		r.state.ended.count(entry)
		r.state.requests.count(entry)
	}
	if entry.Number >= r.parts[partOf(entry.Whose())] {
		r.state.measure(entry)
	}
	if entry.Number >= r.parts[partOf(entry.Account)] {
		r.recent.note(entry)
	}
}

// read makes the state: from what was kept and the entries since, or else from those of
// the last weeks. entries yields those from a number on.
func (j *Journal) read(ctx context.Context, entries func(from ledger.Number) iter.Seq2[ledger.Entry, error]) error {
	first, err := j.db.FirstAt(ctx, j.now().Add(-meter.Reach))
	if err != nil {
		return fmt.Errorf("finding the entries of the last weeks: %w", err)
	}
	r, err := j.resume(ctx, first)
	if err == nil {
		if err = r.readOn(entries(r.from - 1)); err == nil {
			r.state.orders, r.state.generation = j.state.orders, j.state.generation
			*j.state, j.recent, j.resumed = *r.state, r.recent, r // a draft may rest on the state
			r.state, r.recent = nil, recent{}
			return nil
		}
	}
	j.anew = err
	return j.rebuild(first, entries(first))
}

// readOn takes in the entries since; the first is the last that every part has seen.
func (r *resumed) readOn(entries iter.Seq2[ledger.Entry, error]) error {
	for entry, err := range entries {
		if err != nil {
			return fmt.Errorf("reading the entries since the state was kept: %w", err)
		}
		r.count(&entry)
	}
	if r.recent.upTo < r.to {
		return fmt.Errorf("it has seen %d entries, and the ledger has %d", r.to, r.recent.upTo)
	}
	return nil
}

// Resumed returns the number of the first entry that this node had to read when it began
// with a state that was kept, and otherwise what was wrong with that; neither when
// nothing was kept.
func (j *Journal) Resumed() (from ledger.Number, anew error) {
	if j.resumed != nil {
		return j.resumed.from, nil
	}
	if errors.Is(j.anew, errNotKept) {
		return 0, nil
	}
	return 0, j.anew
}

// Keep keeps the whole state, as at an orderly end.
func (j *Journal) Keep(ctx context.Context) error {
	if j.kept == nil {
		return nil
	}
	const atOnce = 16
	for i := 0; i < parts; i += atOnce {
		var some []Kept
		for p := i; p < i+atOnce; p++ {
			some = append(some, j.part(p))
		}
		if err := j.kept.Keep(ctx, some); err != nil {
			return fmt.Errorf("keeping the state: %w", err)
		}
	}
	if err := j.kept.Keep(ctx, []Kept{j.together()}); err != nil {
		return fmt.Errorf("keeping the state: %w", err)
	}
	return nil
}

// RunKeeping keeps one part of the state after the other until ctx ends, and first all of
// them where this node had to make the state anew. A part that another node keeps
// meanwhile is left to that node.
func (j *Journal) RunKeeping(ctx context.Context, log *slog.Logger) error {
	if j.kept == nil {
		return nil
	}
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	if j.resumed == nil {
		if err := j.Keep(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the next start reads more of the ledger", slog.Any("err", err))
		}
	}
	var known [parts + 1]ledger.Number // how far each part had seen the ledger when this node last looked, at most
	for i := range known {
		known[i] = j.Next()
	}
	failed := false
	for i := 0; ; i = (i + 1) % (parts + 1) {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := j.keepOne(ctx, i, &known[i])
		if err != nil && !failed && ctx.Err() == nil {
			log.WarnContext(ctx, "the state could not be kept: the next start reads more of the ledger", slog.Any("err", err))
		}
		failed = err != nil
	}
}

// keepOne keeps the i-th part, unless it has seen all there is, or has moved on since
// this node last looked.
func (j *Journal) keepOne(ctx context.Context, i int, known *ledger.Number) error {
	what := together
	if i < parts {
		what = partName(i)
	}
	upTo, err := j.kept.UpTo(ctx, what)
	if err != nil {
		return err
	}
	if upTo > *known || upTo == j.Next() {
		*known = upTo
		return nil
	}
	var kept Kept
	if i < parts {
		kept = j.part(i)
	} else {
		kept = j.together()
	}
	*known = kept.Number
	return j.kept.Keep(ctx, []Kept{kept})
}

// ErrKeptWrong is in the error of a state that was kept and is not what the ledger says.
var ErrKeptWrong = errors.New("the state that was kept is not what the ledger says")

// Recount makes a random part of the state that this node began with anew from the ledger,
// and holds it against what was kept. It takes a quarter of a processor. It returns an
// error when the two differ, or the ledger holds what no node wrote: the program MUST
// then stop. What was kept is dropped, and the next start makes the state anew.
func (j *Journal) Recount(ctx context.Context, log *slog.Logger) error {
	if j.resumed == nil {
		return nil
	}
	switch err := j.recount(ctx, j.resumed); {
	case err == nil || ctx.Err() != nil:
		return nil
	case errors.Is(err, ErrKeptWrong):
		return errors.Join(err, j.kept.Discard(ctx))
	case errors.Is(err, seal.ErrBroken):
		return err
	default:
		log.WarnContext(ctx, "the state that was kept could not be held against the ledger", slog.Any("err", err))
		return nil
	}
}

// Pauses returns a function that pauses for three times as long as has passed since it last
// did, or until ctx ends: whoever calls it again and again takes a quarter of a processor.
func Pauses(ctx context.Context) func() {
	last := time.Now()
	return func() {
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Since(last)):
		}
		last = time.Now()
	}
}

func (j *Journal) recount(ctx context.Context, r *resumed) error {
	sample := resumed{state: newState()}
	first := r.togethers
	if r.sampled > 0 && r.sample.Number < first.Number {
		first = r.sample
	}
	began := (&keptReader{rest: first.State}).open()
	from, err := j.db.FirstAt(ctx, began.Add(-meter.Reach))
	if err != nil {
		return fmt.Errorf("finding the entries of the last weeks: %w", err)
	}
	state, pause := newState(), Pauses(ctx)
	for entry, err := range j.db.Entries(ctx, from) {
		if err != nil {
			return fmt.Errorf("recounting the state: %w", err)
		}
		if entry.Number >= max(r.sample.Number, r.togethers.Number) {
			break
		}
		if entry.Number < r.togethers.Number {
			state.wider.count(&entry)
			state.ended.count(&entry)
			state.requests.count(&entry)
		}
		if entry.Number < r.sample.Number && partName(partOf(entry.Whose())) == r.sample.What {
			state.measure(&entry)
		}
		if entry.Number%4096 == 0 {
			if pause(); ctx.Err() != nil {
				return nil
			}
		}
	}
	if err := sample.readTogether(r.togethers, began); err != nil {
		return err
	}
	at := (&keptReader{rest: r.togethers.State}).open()
	if !sample.state.wider.same(state.wider, at) {
		return fmt.Errorf("%w: what accounts were charged together up to entry %d", ErrKeptWrong, r.togethers.Number)
	}
	if string(sample.state.ended.append(nil, at)) != string(state.ended.append(nil, at)) {
		return fmt.Errorf("%w: which sessions ended up to entry %d", ErrKeptWrong, r.togethers.Number)
	}
	if string(sample.state.requests.append(nil, at)) != string(state.requests.append(nil, at)) {
		return fmt.Errorf("%w: which requests wait or were answered up to entry %d", ErrKeptWrong, r.togethers.Number)
	}
	if r.sampled == 0 {
		return nil
	}
	if err := sample.readPart(r.sample); err != nil {
		return err
	}
	at = (&keptReader{rest: r.sample.State}).open()
	for _, all := range []*byAccount[*meter.Meter]{&sample.state.meters, &state.meters} {
		for _, meters := range all {
			for account := range meters {
				kept, counted := sample.state.meters.of(account), state.meters.of(account)
				if kept == nil {
					kept = meter.New()
				}
				if counted == nil {
					counted = meter.New()
				}
				if !kept.Same(counted, at) {
					return fmt.Errorf("%w: the meter of %s up to entry %d", ErrKeptWrong, account, r.sample.Number)
				}
			}
		}
	}
	return nil
}

// same reports whether both count alike from a moment on.
func (w *wider) same(o wider, at time.Time) bool {
	all := func(w *wider) string {
		b := appendTallies(w.register.Append(nil, at), w.organisations, at)
		return string(appendTallies(appendTallies(appendTallies(b, w.services, at), w.givers, at), w.entrusters, at))
	}
	return all(w) == all(&o)
}
