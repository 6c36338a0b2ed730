package campaign

import (
	"cmp"
	"math"
	"slices"
	"time"

	"poterne/internal/meter"
	"poterne/internal/roster"
)

// An hour is compared with the same hour of the last weeks.
const (
	weeks    = 4
	fewWeeks = 2 // before that, nothing is usual
	weekLong = 7 * 24
	ahead    = 24 // the hours that are looked at
	hoursAll = weeks*weekLong + ahead
)

// ring is as many hours as Reach has, each in its place until it comes round again.
type ring [hoursAll]meter.Cost

func (r *ring) at(hour int64) *meter.Cost { return &r[hour%hoursAll] }

// clock is what each role opened without a reason in each hour of the last weeks, in
// the whole register. Hours are of UTC.
type clock struct {
	Roles map[roster.Role]*ring
	Begun int64 // the first hour that is known
	Last  int64 // the last hour
}

func newClock() clock {
	return clock{Roles: make(map[roster.Role]*ring)}
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// begin moves on to the hour of a moment, and empties those that come round again.
func (c *clock) begin(now time.Time) {
	hour := hourOf(now)
	if c.Last == 0 {
		c.Begun, c.Last = hour, hour
	}
	for ; c.Last < hour; c.Last++ {
		for _, hours := range c.Roles {
			*hours.at(c.Last + 1) = 0
		}
	}
}

func (c *clock) take(role roster.Role, at time.Time, cost meter.Cost) {
	hours, known := c.Roles[role]
	if !known {
		hours = new(ring)
		c.Roles[role] = hours
	}
	*hours.at(hourOf(at)) += cost
}

// in is what was opened in an hour: nothing in those to come, and in those that came round again.
func (c *clock) in(hours *ring, hour int64) meter.Cost {
	if hour > c.Last || hour <= c.Last-hoursAll {
		return 0
	}
	return *hours.at(hour)
}

// Surges lists the hours of the last day that stand out of the same hour of the last
// weeks, newest first. It says nothing before there are two weeks to compare with. It changes
// nothing: it may be asked while the weeks before are still being read.
func (agg *Aggregates) Surges(now time.Time) (surges []Surge) {
	last := max(hourOf(now), agg.Week.Last)
	for role, hours := range agg.Week.Roles {
		for hour := last; hour > last-ahead; hour-- {
			if surge, high := agg.Week.surge(hours, hour); high {
				surge.Role = role
				surges = append(surges, surge)
			}
		}
	}
	slices.SortFunc(surges, func(a, b Surge) int { return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Role, b.Role)) })
	return surges
}

// Compares reports whether there are weeks enough to compare an hour with. It changes nothing.
func (agg *Aggregates) Compares(now time.Time) bool {
	return agg.Week.Last > 0 && max(hourOf(now), agg.Week.Last)-agg.Week.Begun >= fewWeeks*weekLong
}

// surge compares an hour with the middle of the same hours before it. It stands out
// when it is half as much again, and four times the spread beyond.
func (c *clock) surge(hours *ring, hour int64) (Surge, bool) {
	var before []float64
	for week := int64(1); week <= weeks && hour-week*weekLong >= c.Begun; week++ {
		before = append(before, c.in(hours, hour-week*weekLong).People())
	}
	if len(before) < fewWeeks {
		return Surge{}, false
	}
	slices.Sort(before)
	usual := (before[(len(before)-1)/2] + before[len(before)/2]) / 2
	people := c.in(hours, hour).People()
	high := people > 1.5*usual && people > usual+4*math.Sqrt(dispersion*(usual+1))
	return Surge{From: time.Unix(hour*3600, 0).UTC(), People: int(math.Round(people)), Usual: int(math.Round(usual)), Weeks: len(before)}, high
}
