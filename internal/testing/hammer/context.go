package hammer

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
)

// A CountedContext counts how often something has begun to follow it, for which package context then has
// a goroutine.
type CountedContext struct {
	context.Context
	Followed atomic.Int32
}

// Value hides the inner context. Package context asks for a value when it begins to follow a context.
func (c *CountedContext) Value(any) any { c.Followed.Add(1); return nil }

// Followers returns how many goroutines of package context follow contexts of other packages.
func Followers() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "context.(*cancelCtx).propagateCancel")
}

// A HookedContext calls Hook whenever one of its methods is called. Hook can do what methods of a context
// can do: panic, wait for a lock, or use the object that has called it.
type HookedContext struct {
	context.Context
	Hook func()
}

func (c *HookedContext) Done() <-chan struct{} { c.Hook(); return c.Context.Done() }
func (c *HookedContext) Err() error            { c.Hook(); return c.Context.Err() }

// Value hides the inner context, which package context would use otherwise.
func (c *HookedContext) Value(any) any { c.Hook(); return nil }

// EndEach calls round with a context again and again. In the first round the context ends, and then calls
// after, directly after the first call of a method of it has got its answer; in the second round after the
// second call, and so on. The last round is the first one in which the context does not end.
func EndEach(round func(ctx context.Context, after *func())) {
	for n := int32(1); ; n++ {
		inner, cancel := context.WithCancel(context.Background())
		ctx := &endingContext{Context: inner, end: cancel}
		ctx.left.Store(n)
		round(ctx, &ctx.after)
		cancel()
		if ctx.left.Load() > 0 {
			return
		}
	}
}

// An endingContext is the context of EndEach.
type endingContext struct {
	context.Context
	left  atomic.Int32 // calls until the context ends
	end   func()
	after func()
}

func (c *endingContext) called() {
	if c.left.Add(-1) == 0 {
		c.end()
		c.after()
	}
}

func (c *endingContext) Done() <-chan struct{} { defer c.called(); return c.Context.Done() }
func (c *endingContext) Err() error            { defer c.called(); return c.Context.Err() }

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

// Value hides the inner context, so that package context starts a goroutine to wait for its end.
func (SilentContext) Value(any) any { return nil }
