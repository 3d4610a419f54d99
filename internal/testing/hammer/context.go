package hammer

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
)

// A CountedContext counts the calls of its AfterFunc, and the calls of stop.
type CountedContext struct {
	context.Context
	Begun, Ended atomic.Int32
}

// Value hides the inner context, which package context would use otherwise.
func (c *CountedContext) Value(any) any { return nil }

// AfterFunc is called by package context.
func (c *CountedContext) AfterFunc(f func()) (stop func() bool) {
	c.Begun.Add(1)
	end := context.AfterFunc(c.Context, f)
	return func() bool { c.Ended.Add(1); return end() }
}

// A HookedContext calls Hook whenever one of its methods, or the stop function of its AfterFunc, is
// called. Hook can do what methods of a context can do: panic, wait for a lock, or use the object that
// has called it.
type HookedContext struct {
	context.Context
	Hook func()
}

func (c *HookedContext) Done() <-chan struct{} { c.Hook(); return c.Context.Done() }
func (c *HookedContext) Err() error            { c.Hook(); return c.Context.Err() }

// Value hides the inner context, which package context would use otherwise.
func (c *HookedContext) Value(any) any { c.Hook(); return nil }

// AfterFunc is called by package context.
func (c *HookedContext) AfterFunc(f func()) (stop func() bool) {
	c.Hook()
	end := context.AfterFunc(c.Context, f)
	return func() bool { c.Hook(); return end() }
}

// PanicEach calls round with a context again and again. In the first round the first call of a method of
// the context panics, in the second round the second call, and so on; only calls in [Recover] count. The
// last round is the first one in which no call panics.
func PanicEach(round func(ctx context.Context, cancel func())) {
	for n := int32(1); ; n++ {
		inner, cancel := context.WithCancel(context.Background())
		var calls atomic.Int32
		round(&HookedContext{inner, func() {
			if recovers() && calls.Add(1) == n {
				panic(errHook)
			}
		}}, cancel)
		cancel()
		if calls.Load() < n {
			return
		}
	}
}

// errHook is what the contexts of PanicEach panic with.
var errHook = errors.New("the context panics")

// Recover calls f and returns its error, or another one if a context of PanicEach panics.
func Recover(f func() error) (err error) {
	defer func() {
		if r := recover(); r == errHook {
			err = errHook
		} else if r != nil {
			panic(r)
		}
	}()
	return f()
}

// recovers reports whether it is called in Recover. Package context calls methods in goroutines of its own,
// too.
func recovers() bool {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	for frame, more := frames.Next(); more; frame, more = frames.Next() {
		if strings.HasSuffix(frame.Function, "hammer.Recover") {
			return true
		}
	}
	return false
}

// A SilentContext has no error even when it is done, which package context forbids.
type SilentContext struct{ context.Context }

func (SilentContext) Err() error { return nil }
