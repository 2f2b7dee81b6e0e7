//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"context"
	"time"
)

// lockDir does nothing where there is no flock: starting one Postern per
// directory is left to the operator.
func lockDir(context.Context, string, time.Duration) (unlock func(), err error) {
	return func() {}, nil
}
