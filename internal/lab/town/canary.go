package town

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// ParticularNames are the columns of a file to make. There is no social-security
// number among them: one that is not somebody's cannot look like one.
var ParticularNames = []string{
	"identifier", "surname", "first_name", "sex", "birth", "birthplace", "birthplace_code", "street", "postcode", "commune", "commune_code",
	"phone", "mail", "status", "since", "job_code", "job", "experience", "last_activity", "next_appointment",
}

// Particulars invents the file of a canary: the same person each time, whose
// activity goes on with the months.
func Particulars(identifier string, life uint64, on time.Time) ([]string, error) {
	p, err := Invent(fmt.Sprint(life))
	if err != nil {
		return nil, err
	}
	last, next := activity(p, life, on)
	appointment := ""
	if !next.IsZero() {
		appointment = next.Format(time.DateOnly)
	}
	return []string{
		identifier, p.Surname, p.First, string(p.Sex), p.Birth.Format(time.DateOnly), p.Birthplace.Name, p.Birthplace.Code,
		p.Street, p.Postcode, p.Commune.Name, p.Commune.Code, p.Phone, p.Mail, string(p.Status), p.Since.Format(time.DateOnly),
		p.Sought.Code, p.Sought.Label, fmt.Sprint(p.Experience), last.Format(time.DateOnly), appointment,
	}, nil
}

// activity is when a canary last showed up before the month of a day, and when they
// are next expected, if they are. Who is registered comes most months, others a few
// times a year; from one month to the next it only moves forward.
func activity(p Person, life uint64, on time.Time) (last, next time.Time) {
	often := 0.15
	if p.Status == Registered {
		often = 0.9
	}
	month := time.Date(on.UTC().Year(), on.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	came := func(month time.Time) (time.Time, bool) {
		dice := rand.New(rand.NewPCG(life, uint64(month.Unix())))
		day := month.AddDate(0, 0, dice.IntN(26))
		for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			day = day.AddDate(0, 0, 1)
		}
		return day, dice.Float64() < often
	}
	last = p.Since
	for back := 1; back <= 23; back++ { // nobody's file goes cold
		if day, here := came(month.AddDate(0, -back, 0)); (here || back == 23) && day.After(p.Since) {
			last = day
			break
		}
	}
	if day, expected := came(month.AddDate(0, 1, 0)); expected && p.Status == Registered {
		next = day
	}
	return last, next
}
