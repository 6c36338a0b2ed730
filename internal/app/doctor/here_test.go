package doctor

import (
	"math"
	"path/filepath"
	"testing"

	"poterne/internal/config"
)

// Promise: RUN-5
func TestTheDoctorJudgesTheDiskByItsLimits(t *testing.T) {
	const much = math.MaxUint64
	for name, test := range map[string]struct {
		limits
		room, flush State
	}{
		"enough of both":  {limits{0, 0, math.MaxInt64, math.MaxInt64}, OK, OK},
		"little room":     {limits{much, 0, math.MaxInt64, math.MaxInt64}, Check, OK},
		"no room":         {limits{much, much, math.MaxInt64, math.MaxInt64}, Wrong, OK},
		"a slow disk":     {limits{0, 0, 1, math.MaxInt64}, OK, Check},
		"far too slow":    {limits{0, 0, 1, 1}, OK, Wrong},
		"nothing is good": {limits{much, much, 1, 1}, Wrong, Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			x := &examination{Settings: config.Settings{Database: filepath.Join(t.TempDir(), "poterne.db")}}
			x.disk(test.limits)
			if len(x.findings) != 2 || x.findings[0].State != test.room || x.findings[1].State != test.flush {
				t.Errorf("%+v", x.findings)
			}
		})
	}
}
