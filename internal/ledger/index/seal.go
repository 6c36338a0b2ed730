package index

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"poterne/internal/register"
)

// seal puts every page of the draft, which is complete. The same entries and the
// same earlier segments always give the same rows in the same order.
func (d *draft) seal(ctx context.Context, mark [32]byte, to Sealing) (Segment, error) {
	s := Segment{Base: d.base, Number: d.number, First: d.first, Last: d.last, Disclosures: len(d.shown), Mark: mark}
	put := func(row Row) error {
		s.Rows++
		row.Segment = d.number
		return to.Put(ctx, row.seal())
	}
	numbers, err := d.sealPeople(ctx, to, put)
	if err != nil {
		return Segment{}, err
	}
	return s, d.sealAccounts(numbers, put)
}

// sealPeople puts the pages of people, and returns the number of the person in each
// disclosure.
func (d *draft) sealPeople(ctx context.Context, to Sealing, put func(Row) error) (numbers []uint64, err error) {
	type ranked struct {
		prefix uint64 // of the pseudonym: nearly always enough to compare
		shown  int
	}
	order := make([]ranked, len(d.shown))
	for i := range d.shown {
		order[i] = ranked{binary.BigEndian.Uint64(d.shown[i].person[:]), i}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return cmp.Or(bytes.Compare(d.shown[a.shown].person[:], d.shown[b.shown].person[:]), cmp.Compare(a.shown, b.shown))
	})
	numbers = make([]uint64, len(d.shown))
	var people []register.PersonID
	var of []int // for each disclosure of the page, its person's place in people
	for page := range d.shape.Pages {
		people, of = people[:0], of[:0]
		for _, r := range order {
			person := d.shown[r.shown].person
			if d.shape.personPage(person) != page {
				break
			}
			if len(people) == 0 || people[len(people)-1] != person {
				people = append(people, person)
			}
			of = append(of, len(people)-1)
		}
		places, fresh, err := d.place(ctx, to, page, people)
		if err != nil {
			return nil, err
		}
		sightings := make([]sighting, len(of))
		for i, r := range order[:len(of)] {
			place := places[of[i]]
			sightings[i] = sighting{place, int(d.shown[r.shown].offset)}
			numbers[r.shown] = uint64(page)<<placeBits | uint64(place)
		}
		slices.SortFunc(sightings, func(a, b sighting) int {
			return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.offset, b.offset))
		})
		order = order[len(of):]
		row := Row{Key{Side: People, Page: page}, fresh.body(), appendSightings(nil, sightings)}
		if err := put(row); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// place returns the places of the people of a page, and those who had none before.
func (d *draft) place(ctx context.Context, to Sealing, page int, people []register.PersonID) (places []int, fresh newcomers, err error) {
	places = slices.Repeat([]int{nowhere}, len(people))
	end := 0
	for row, err := range whole(to.People(ctx, page), Key{Side: People, Page: page}, 0, d.number, false) {
		if err != nil {
			return nil, fresh, err
		}
		earlier, err := openNewcomers(row)
		if err != nil {
			return nil, fresh, err
		}
		earlier.find(people, places)
		end = earlier.end()
	}
	fresh = welcome(end, people, places)
	if fresh.end() > 1<<placeBits {
		return nil, fresh, fmt.Errorf("page %d of people is full: the index needs more pages", page)
	}
	return places, fresh, nil
}

// sealAccounts puts the pages of accounts, and the pieces of those who were shown
// too many people for a page.
func (d *draft) sealAccounts(numbers []uint64, put func(Row) error) error {
	accounts := make([]uint32, len(d.names))
	pages := make([]int, len(d.names))
	for i, name := range d.names {
		accounts[i], pages[i] = uint32(i), d.shape.accountPage(name)
	}
	slices.SortFunc(accounts, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(pages[a], pages[b]), cmp.Compare(d.names[a], d.names[b]))
	})
	byAccount := d.byAccount(accounts, numbers)
	for page := range d.shape.Pages {
		count := 0
		for count < len(accounts) && pages[accounts[count]] == page {
			count++
		}
		if err := d.sealPage(page, accounts[:count], byAccount[:count], put); err != nil {
			return err
		}
		accounts, byAccount = accounts[count:], byAccount[count:]
	}
	return nil
}

// byAccount returns the postings of each account, in the order of numbers and then
// of time.
func (d *draft) byAccount(accounts []uint32, numbers []uint64) [][]posting {
	count := make([]int, len(d.names))
	for i := range d.shown {
		count[d.shown[i].account]++
	}
	all := make([]posting, len(d.shown))
	of := make([][]posting, len(d.names))
	for _, account := range accounts {
		of[account], all = all[:0:count[account]], all[count[account]:]
	}
	start := d.first.UnixMicro()
	for i := range d.shown {
		s := &d.shown[i]
		of[s.account] = append(of[s.account], posting{numbers[i], s.fields, s.at - start})
	}
	sorted := make([][]posting, len(accounts))
	for i, account := range accounts {
		slices.SortFunc(of[account], func(a, b posting) int {
			if a.number != b.number {
				return cmp.Compare(a.number, b.number)
			}
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.fields, b.fields))
		})
		sorted[i] = of[account]
	}
	return sorted
}

// sealPage puts one page of accounts.
func (d *draft) sealPage(page int, accounts []uint32, postings [][]posting, put func(Row) error) error {
	piece := 0
	body, more := binary.AppendUvarint(nil, uint64(len(accounts))), []byte(nil)
	for i, account := range accounts {
		name := d.names[account]
		body = append(binary.AppendUvarint(body, uint64(len(name))), name...)
		body = binary.AppendUvarint(body, uint64(len(postings[i])))
		if len(postings[i]) <= d.shape.Piece {
			whom, when := appendPostings(nil, nil, postings[i])
			body = append(binary.AppendUvarint(body, uint64(len(whom))), whom...)
			body = binary.AppendUvarint(body, uint64(len(when)))
			more = append(more, when...)
			continue
		}
		body = binary.AppendUvarint(body, uint64(piece+1))
		for part := range slices.Chunk(postings[i], d.shape.Piece) {
			body = binary.AppendUvarint(body, part[0].number)
			piece++
			whom, when := appendPostings(nil, nil, part)
			if err := put(Row{Key{Side: Accounts, Page: page, Piece: piece}, whom, when}); err != nil {
				return err
			}
		}
	}
	return put(Row{Key{Side: Accounts, Page: page}, body, more})
}
