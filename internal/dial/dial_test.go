package dial_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/dial"
)

// door is what was opened at an address.
type door struct {
	at     string
	closed *[]string
}

func (d door) Close() error {
	*d.closed = append(*d.closed, d.at)
	return nil
}

// Each address is said with how long it takes, and whether it opens then.
func TestTheFirstAddressThatAnswersIsTakenAndTheOthersAreLetGo(t *testing.T) {
	const never = time.Hour
	type address struct {
		takes time.Duration
		opens bool
	}
	for name, test := range map[string]struct {
		each  map[string]address
		want  string
		after time.Duration
		shut  []string
	}{
		"the first":                {map[string]address{"a": {0, true}, "b": {0, true}}, "a", 0, nil},
		"one refuses":              {map[string]address{"a": {0, false}, "b": {0, true}}, "b", 0, nil},
		"one is silent":            {map[string]address{"a": {never, false}, "b": {0, true}}, "b", 250 * time.Millisecond, nil},
		"all but one are silent":   {map[string]address{"a": {never, false}, "b": {never, false}, "c": {never, false}, "d": {0, true}}, "d", 750 * time.Millisecond, nil},
		"slow, and the others not": {map[string]address{"a": {time.Second, true}, "b": {0, false}, "c": {0, false}}, "a", time.Second, nil},
		"two are slow":             {map[string]address{"a": {time.Second, true}, "b": {time.Second, true}}, "a", time.Second, []string{"b"}},
		"nobody":                   {map[string]address{"a": {time.Second, false}, "b": {0, false}}, "", time.Second, nil},
		"no address":               {nil, "", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var closed, addresses []string
				for at := range test.each {
					addresses = append(addresses, at)
				}
				slices.Sort(addresses)
				began := time.Now()
				got, err := dial.First(t.Context(), addresses, func(ctx context.Context, at string) (door, error) {
					one := test.each[at]
					if one.takes == never {
						<-ctx.Done()
						return door{}, ctx.Err()
					}
					time.Sleep(one.takes) // one that has come too far to be stopped
					if !one.opens {
						return door{}, errors.New(at + " refuses")
					}
					return door{at, &closed}, nil
				})
				if took := time.Since(began); got.at != test.want || took != test.after {
					t.Errorf("%q after %v, %v", got.at, took, err)
				}
				if test.want == "" {
					for _, at := range addresses {
						if err == nil || !strings.Contains(err.Error(), at+" refuses") {
							t.Errorf("it is not said that %s refuses: %v", at, err)
						}
					}
				} else if err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if !slices.Equal(closed, test.shut) {
					t.Errorf("closed: %q", closed)
				}
			})
		})
	}
}

// Whoever no longer asks is not waited for.
func TestWhoeverIsGoneIsNotConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := dial.First(ctx, []string{"a", "b"}, func(ctx context.Context, _ string) (door, error) {
			<-ctx.Done()
			return door{}, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
