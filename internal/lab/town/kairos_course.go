package town

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type askedRow struct {
	request
	By    string // the body that asks
	Typed string // a price that was refused
}

type askedPage struct {
	*visit
	Rows    []askedRow // those that wait for a price first, then the newest
	Problem string
	About   string // the number of the request that the problem is of
	Done    bool
}

// asked is what bodies that accompany people ask a price for, before they enrol anybody. It names
// nobody.
func (k *kairos) asked(v *visit) (answer, error) {
	page := k.askedPage(v)
	page.Done = v.URL.Query().Has("done")
	return answer{page: "kairos-quotes.html", data: page}, nil
}

func (k *kairos) askedPage(v *visit) askedPage {
	page := askedPage{visit: v}
	for _, r := range k.training.requests(func(r request) bool { return r.Course.Organisation == v.Caller.Organisation }) {
		by, _ := k.Staff.Agent(r.by)
		page.Rows = append(page.Rows, askedRow{request: r, By: k.nameOf(by.Organisation)})
	}
	slices.Reverse(page.Rows)
	slices.SortStableFunc(page.Rows, func(a, b askedRow) int {
		first := map[bool]int{true: 0, false: 1}
		return first[a.State == asked] - first[b.State == asked]
	})
	return page
}

// offer offers a price for a course that was asked for.
func (k *kairos) offer(v *visit) (answer, error) {
	number, typed := v.PathValue("number"), strings.TrimSpace(v.PostFormValue("rate"))
	page := k.askedPage(v)
	at := slices.IndexFunc(page.Rows, func(r askedRow) bool { return r.Number == number })
	if at < 0 {
		return answer{}, errAbsent
	}
	cents, ok := centsAnHour(typed)
	if !ok {
		page.Problem, page.About, page.Rows[at].Typed = noRate, number, typed
		return answer{status: http.StatusUnprocessableEntity, page: "kairos-quotes.html", data: page}, nil
	}
	switch err := k.training.offers(v.Context(), number, v.Caller.Organisation, cents); {
	case errors.Is(err, errNoQuote):
		page.Problem, page.About = "Ce devis n’attend plus de prix.", number
		return answer{status: http.StatusUnprocessableEntity, page: "kairos-quotes.html", data: page}, nil
	case err != nil:
		return answer{}, err
	}
	return answer{to: "/quotes?done=sent"}, nil
}

// daysOfTraining are those of a week on which courses are given.
const daysOfTraining = 5

type weekRow struct {
	FT, Surname, First string
	Days               [daysOfTraining]string // présence, absence or nothing
	Hours              int
}

type weekPage struct {
	*visit
	Course        Course
	Days          [daysOfTraining]time.Time
	Before, After time.Time // the Mondays of the weeks around
	Rows          []weekRow
	Hours         int
}

// Words says what a day of the table is.
func (weekPage) Words(d time.Time) string {
	return [...]string{"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."}[d.Weekday()]
}

// open reads who came to a course in the week of a day: the one asked for, or today.
func (k *kairos) open(v *visit) (weekPage, error) {
	courses := k.courses(v)
	at := slices.IndexFunc(courses, func(c Course) bool { return c.ID == v.PathValue("id") })
	if at < 0 {
		return weekPage{}, errAbsent
	}
	now := k.Now().In(paris)
	monday := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	if asked := v.URL.Query().Get("from"); asked != "" {
		day, err := time.Parse(time.DateOnly, asked)
		if err != nil {
			return weekPage{}, invalid("le jour s’écrit 2026-11-23")
		}
		monday = day
	}
	monday = monday.AddDate(0, 0, -(int(monday.Weekday())+6)%7)
	page := weekPage{visit: v, Course: courses[at], Before: monday.AddDate(0, 0, -7), After: monday.AddDate(0, 0, 7)}
	for i := range page.Days {
		page.Days[i] = monday.AddDate(0, 0, i)
	}
	for _, e := range k.training.in(page.Course.ID) {
		p := k.Register.Person(e.person)
		row := weekRow{FT: p.FT, Surname: p.Surname, First: p.First}
		for _, said := range e.days {
			for i, day := range page.Days {
				if said.Day != day.Format(time.DateOnly) {
					continue
				}
				row.Days[i] = "absence"
				if said.Present {
					row.Days[i] = "présence"
					row.Hours += hoursADay
				}
			}
		}
		page.Rows = append(page.Rows, row)
		page.Hours += row.Hours
	}
	slices.SortStableFunc(page.Rows, func(a, b weekRow) int { return strings.Compare(fold(a.Surname+a.First), fold(b.Surname+b.First)) })
	return page, nil
}

// week is the attendance sheet of a course: who came on which day of a week, with room to sign once
// it is printed.
func (k *kairos) week(v *visit) (answer, error) {
	page, err := k.open(v)
	return answer{page: "kairos-week.html", data: page}, err
}

func (k *kairos) download(v *visit) (answer, error) {
	page, err := k.open(v)
	if err != nil {
		return answer{}, err
	}
	rows := [][]string{{"ftid", "surname", "first", "week", "monday", "tuesday", "wednesday", "thursday", "friday", "hours"}}
	for _, r := range page.Rows {
		rows = append(rows, append(append([]string{r.FT, r.Surname, r.First, page.Days[0].Format(time.DateOnly)}, r.Days[:]...), strconv.Itoa(r.Hours)))
	}
	return answer{file: "presences-" + page.Course.ID + "-" + page.Days[0].Format(time.DateOnly) + ".csv", rows: rows}, nil
}
