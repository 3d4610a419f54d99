// Package ctxdone is what a blocking call may ask of its context while it waits: only the Done channel, which
// it has got before. Methods of a context are code of the program and can do anything: wait for a lock,
// call this library, panic. They are therefore not called with a lock held, or while the call is queued.
package ctxdone

import "context"

// Closed reports whether the Done channel of a context is closed. A nil channel never is.
func Closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// Err returns the error of a context whose Done channel is closed. It is never nil, even if the context
// is wrong about that: a nil error would mean that the call has received something.
func Err(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Canceled
}
