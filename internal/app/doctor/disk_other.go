//go:build !linux

package doctor

import (
	"errors"
	"os"
)

func room(string) (uint64, error) { return 0, errors.ErrUnsupported }

func nameless(string) (*os.File, error) { return nil, errors.ErrUnsupported }
