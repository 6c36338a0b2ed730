package campaign

import (
	"bytes"
	"encoding/gob"
	"reflect"
)

// Resumed returns aggregates that go on from what was kept of others.
func Resumed(agg *Aggregates) (*Aggregates, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&agg.sums); err != nil {
		return nil, err
	}
	resumed, kept := NewAggregates(agg.rules), newSums()
	if err := gob.NewDecoder(&b).Decode(&kept); err != nil {
		return nil, err
	}
	resumed.sums, resumed.fresh = kept, true
	return resumed, nil
}

// Same reports whether both come to the same.
func (agg *Aggregates) Same(other *Aggregates) bool { return reflect.DeepEqual(agg.sums, other.sums) }

// Remembered is how many bonds are known, and how many of them are to be judged again.
func (agg *Aggregates) Remembered() (known, busy int) { return len(agg.Pools), len(agg.busy) }
