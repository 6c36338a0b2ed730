package signin

import "slices"

// Factor is the strength of a sign-in, by the identity provider's word.
type Factor string

const (
	Weak   Factor = "weak"   // a password, or one with a code by e-mail or SMS
	Strong Factor = "strong" // a second factor that a person cannot be talked into sending on
)

// strongLevels are the levels of assurance that claim several factors.
var strongLevels = []string{"eidas0-mfa", "eidas1-mfa", "eidas2", "eidas3"}

// judge weighs the level that was reached and the means that were used, both
// together: a level alone may stand for a code sent by e-mail, a means alone for an
// unidentified person. A one-time code counts only if nothing says that
// it was sent.
func judge(acr string, amr []string) Factor {
	used := func(means ...string) bool {
		return slices.ContainsFunc(means, func(m string) bool { return slices.Contains(amr, m) })
	}
	key := used("hwk", "swk", "pop")
	code := used("otp") && !used("mail", "sms", "tel")
	if slices.Contains(strongLevels, acr) && (key || code) {
		return Strong
	}
	return Weak
}
