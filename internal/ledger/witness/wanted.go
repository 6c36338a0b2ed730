package witness

import "fmt"

// QuorumOf is the quorum that somebody names on a command line: the keys of witnesses, and
// how many of them are enough, all when need is zero.
func QuorumOf(keys []string, need int) (Quorum, error) {
	quorum := Quorum{Need: need}
	for _, text := range keys {
		key, err := ParseKey(text)
		if err != nil {
			return quorum, fmt.Errorf("--witness %s: %w", text, err)
		}
		quorum.Keys = append(quorum.Keys, key)
	}
	switch {
	case need < 0 || need > len(quorum.Keys):
		return quorum, fmt.Errorf("--need %d, of %d witnesses", need, len(quorum.Keys))
	case need == 0:
		quorum.Need = len(quorum.Keys)
	}
	return quorum, nil
}
