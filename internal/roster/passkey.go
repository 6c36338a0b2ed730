package roster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Passkey is a key pair in the hands of whoever holds an account, of which this is the
// public half. It serves while it has an account and has not ended.
type Passkey struct {
	ID         []byte    // as its authenticator named it
	Account    AccountID // empty while the invitation that it came with waits to be confirmed
	Name       string    // what its holder calls it
	Key        []byte    // the public key, by COSE
	Transports string    // how an authenticator is reached, with spaces between
	Syncable   bool      // it may leave its authenticator, for the holder's other devices
	Synced     bool      // it has
	Counter    uint32    // how often it was used, if its authenticator counts
	Enrolled   time.Time
	Used       time.Time // zero when it never was
	Ended      time.Time // when it was removed or disabled; zero while it serves
}

// MostPasskeys is how many one account may have.
const MostPasskeys = 5

// Serves reports whether the passkey proves anything.
func (k Passkey) Serves() bool { return k.Account != "" && k.Ended.IsZero() }

// Print tells the passkey from others, in few characters.
func (k Passkey) Print() string { return PrintOf(k.ID) }

// PrintOf is the print of the passkey with an ID.
func PrintOf(id []byte) string {
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:8])
}

// PasskeyIn finds a passkey that serves by its ID.
func PasskeyIn(list []Passkey, id []byte) (Passkey, bool) {
	for _, k := range list {
		if bytes.Equal(k.ID, id) && k.Serves() {
			return k, true
		}
	}
	return Passkey{}, false
}

// Handle is what an authenticator calls the holder of an identity. It tells nothing of them,
// and is the same for each of their passkeys.
func (i Identity) Handle() []byte {
	sum := sha256.Sum256([]byte("poterne/passkey/handle/v1\x00" + i.Issuer + "\x00" + i.Provider + "\x00" + i.Subject))
	return sum[:]
}
