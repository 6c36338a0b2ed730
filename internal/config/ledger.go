package config

import (
	"net/url"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger/retention"
	"poterne/internal/ledger/witness"
	"poterne/internal/signin"
)

// retentionTable is for how many whole months a month of the ledger is kept after
// its end: 6 to 36, and 12 without the table. Longer than 12 takes a reason. Both are
// written in the ledger. A shorter time holds for what is written from then on; what
// is there keeps the term it was written under.
type retentionTable struct {
	Months int64  `toml:"months" need:"months = 12, how long the ledger is kept: 6 to 36"`
	Reason string `toml:"reason"`
}

// retention is how long the ledger is kept.
func (c *config) retention(s *Settings, wrong *document) {
	s.Retention = retention.Setting{Months: retention.Default}
	if c.Retention == nil {
		return
	}
	s.Retention = retention.Setting{Months: int(c.Retention.Months), Reason: c.Retention.Reason}
	if err := s.Retention.Check(); err != nil {
		wrong.Add("retention", "%s", fault.Public(err))
	}
}

// quorumTable says how many of the witnesses a checkpoint needs and, when strict is
// written, how long consultations go on without them.
type quorumTable struct {
	Need   int64         `toml:"need"`
	Strict time.Duration `toml:"strict"`
}

// witnessTable is somebody outside the organisation who co-signs checkpoints. It
// sees how many entries there are and when they come. It can stop Poterne, by
// saying that it has co-signed another history, and nothing else.
type witnessTable struct {
	Address string `toml:"address" need:"address = \"https://witness.example\", below which it takes add-checkpoint"`
	Key     string `toml:"key" need:"key = \"witness.example/w1+…\", its public key as it publishes it"`
}

// Witnessing is who co-signs the ledger, and what happens without them.
type Witnessing struct {
	Witnesses []witness.Witness
	Need      int
	Strict    time.Duration // consultations end after so long without a quorum; 0: they go on
}

// shortestStrict gives a quorum the time that one takes.
const shortestStrict = 10 * time.Second

func (c *config) witnesses(s *Settings, wrong *document) {
	s.Witnessing = Witnessing{Need: int(c.Quorum.Need), Strict: c.Quorum.Strict}
	named := make(map[string]bool)
	for i, w := range c.Witness {
		path := index("witness", i)
		address, err := url.Parse(w.Address)
		if w.Address != "" && (err != nil || address.Host == "" || address.RawQuery != "" || address.User != nil) {
			wrong.Add(path+".address", "not an address; write one such as https://witness.example")
		} else if w.Address != "" && !signin.Confidential(address) {
			wrong.Add(path+".address", "anybody on the way could stop Poterne; write https://%s", address.Host)
		}
		if w.Key == "" {
			continue
		}
		key, err := witness.ParseKey(w.Key)
		if err != nil {
			wrong.Add(path+".key", "%v", err)
			continue
		}
		if named[key.Name()] {
			wrong.Add(path+".key", "a witness of this name is declared twice; two witnesses are two names")
		}
		named[key.Name()] = true
		s.Witnessing.Witnesses = append(s.Witnessing.Witnesses, witness.Witness{Key: key, Address: w.Address})
	}
	switch {
	case len(c.Witness) == 0 && c.Quorum != (quorumTable{}):
		wrong.Add("quorum", "there is nobody who co-signs; write [[witness]] with address and key")
	case len(c.Witness) > 0 && (c.Quorum.Need < 1 || c.Quorum.Need > int64(len(c.Witness))):
		wrong.Add("quorum.need", "write between 1 and %d, how many of the witnesses a checkpoint needs", len(c.Witness))
	case c.Quorum.Strict != 0 && c.Quorum.Strict < shortestStrict:
		wrong.Add("quorum.strict", "too short for witnesses to answer; write at least %q, or nothing", shortestStrict)
	}
}
