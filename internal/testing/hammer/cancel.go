package hammer

import (
	"context"
	"math/rand/v2"
	"time"
)

// Cancel returns a context that is canceled at a random moment: before it is used,
// concurrently with its use, within 100 microseconds, or not by itself.
func Cancel(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	switch rand.IntN(5) {
	case 0:
		cancel()
	case 1:
		go cancel()
	case 2, 3:
		timer := time.AfterFunc(time.Duration(rand.IntN(100))*time.Microsecond, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	}
	return ctx, cancel
}
