package signin

// Factor is the strength of a sign-in, by the identity provider's word.
type Factor string

const (
	Weak    Factor = "weak"    // a password, or one with a code by e-mail or SMS
	Passkey Factor = "passkey" // a weak one, and a passkey of the account
	Strong  Factor = "strong"  // a second factor that a person cannot be talked into sending on
)
