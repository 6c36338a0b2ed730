package mailing

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"poterne/internal/ledger"
)

// The mail server's own log settles mails that are in doubt: the return path of each is its own,
// and nobody else can make it, so that a line that says that a mail from there was taken says
// whose. What a log does not have proves nothing: it may be another day's. That is settled by
// hand.

// logEnding is how the name of such a log ends, in the folder of mails that came back.
const logEnding = ".log"

// leftAlone is how long a log was left alone before it is read: it may still be copied.
const leftAlone = 2 * time.Second

// acceptances are lines by which Postfix and Exim say that they have a mail, by its return path. A
// mail that was refused has none of these, but others with the same address.
var acceptances = []*regexp.Regexp{
	regexp.MustCompile(`^\S.* postfix[^ \[]*/qmgr\[\d+\]: [0-9A-Za-z]+: from=<([^>]+)>, size=\d+`),
	regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*(?: \S+)?(?: \[\d+\])? [0-9A-Za-z]+-[0-9A-Za-z]+-[0-9A-Za-z]+ <= (\S+) `),
}

// relayLog reads a log in the folder of mails that came back, unless it may still be copied.
func (s *Sender) relayLog(ctx context.Context, root *os.Root, name string, open map[ledger.Number]bool) (read bool, err error) {
	file, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if about, err := file.Stat(); err != nil || time.Since(about.ModTime()) < leftAlone {
		return false, err
	}
	doubts, err := s.doubts(ctx, open)
	if err != nil {
		return false, err
	}
	found := 0
	err = s.said(file, func(at place) error {
		if !doubts[at] {
			return nil
		}
		delete(doubts, at)
		found++
		return s.had(ctx, at)
	})
	if err != nil {
		return false, err
	}
	s.Log.InfoContext(ctx, "the mail server's log was read", slog.String("file", name), slog.Int("settled", found), slog.Int("in doubt", len(doubts)))
	return true, nil
}

// said calls with each of our mails that a log says the server has.
func (s *settings) said(log io.Reader, with func(place) error) error {
	ours, _, _ := strings.Cut(s.Return, "@")
	lines := bufio.NewReaderSize(log, 1<<16)
	for {
		line, err := lines.ReadSlice('\n')
		for full := err; errors.Is(full, bufio.ErrBufferFull); { // a line that long is none of these
			_, full = lines.ReadSlice('\n')
			err, line = full, nil
		}
		if text := string(line); strings.Contains(text, ours+"+") {
			for _, form := range acceptances {
				if match := form.FindStringSubmatch(text); match != nil {
					if at, made := s.returned(match[1]); made {
						if err := with(at); err != nil {
							return err
						}
					}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// doubts are the mails in doubt of some lists, and those that were about to go when the program
// ended.
func (s *Sender) doubts(ctx context.Context, lists map[ledger.Number]bool) (map[place]bool, error) {
	doubts := make(map[place]bool)
	for list := range lists {
		part := 0
		for fates, err := range s.Rows.Fates(ctx, list) {
			if err != nil {
				return nil, err
			}
			for i, fate := range fates {
				if Fate(fate) == Doubted || Fate(fate) == Intended {
					doubts[place{list, part, i}] = true
				}
			}
			part++
		}
	}
	return doubts, nil
}

// had writes down that the mail server had the mail to somebody, of which that was in doubt.
func (s *Sender) had(ctx context.Context, at place) error {
	return s.becomes(ctx, at, Taken, Doubted, Intended)
}

// becomes writes down what became of telling somebody, if it was one of some fates before.
func (s *Sender) becomes(ctx context.Context, at place, fate Fate, from ...Fate) error {
	_, fates, err := s.Rows.Part(ctx, at.list, at.part)
	if err != nil || at.place >= len(fates) || !slices.Contains(from, Fate(fates[at.place])) {
		return err
	}
	fates[at.place] = byte(fate)
	return s.Rows.Save(ctx, at.list, s.hold(), map[int][]byte{at.part: fates})
}
