package semaphore_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

func TestMain(m *testing.M) {
	leaktest.Main(func() int {
		return mode.Each(mode.All, func() int {
			if !mode.Is("private") {
				semaphore.LeadAlways() // otherwise none of these tests waits often enough
			}
			return m.Run()
		})
	})
}
