package hammer

import (
	"context"
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
