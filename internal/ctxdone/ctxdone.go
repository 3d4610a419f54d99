// Package ctxdone is what a blocking call may ask of its context while it waits: only the Done channel, which
// it has got before. Methods of a context are code of the program and can do anything: wait for a lock,
// call this library, panic. They are therefore not called with a lock held, or while the call is queued.
package ctxdone

import (
	"context"
	"time"
)

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

// AfterFunc is context.AfterFunc for a context whose Done channel is done. If ctx is not from package context,
// nor derived from one with the same Done channel, a goroutine waits for its end or for stop. AfterFunc calls
// one method of ctx, Value, before it returns. Neither the end of ctx nor stop, which does not block, calls
// another: they can happen in a goroutine that has nothing to do with ctx, which a method that waits or panics
// would stop or end. So would package context, if it found an Err that is nil although the Done channel is
// closed.
func AfterFunc(ctx context.Context, done <-chan struct{}, f func()) (stop func() bool) {
	return context.AfterFunc(&follower{ctx: ctx, done: done}, f)
}

// A follower is what package context sees of another context. It asks for only one value of it, by which it
// recognizes its own contexts, and first does so before AfterFunc returns.
type follower struct {
	ctx   context.Context // nil once value is known
	done  <-chan struct{}
	value any
}

func (f *follower) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

func (f *follower) Done() <-chan struct{} { return f.done }

func (f *follower) Err() error {
	if Closed(f.done) {
		return context.Canceled
	}
	return nil
}

func (f *follower) Value(key any) any {
	if ctx := f.ctx; ctx != nil {
		f.ctx, f.value = nil, ctx.Value(key)
	}
	return f.value
}
