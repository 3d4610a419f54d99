// Package check runs the checks of a program that shows what a kernel does.
package check

import (
	"errors"
	"fmt"
	"time"
)

// A Check is one claim.
type Check struct {
	Name  string
	Run   func() error
	Claim string // the claim in words, or "" if the name is enough
}

// stuck is how long one check can take before it counts as hung. A check that waits for the
// kernel gives up by itself well before, so this is for a call that does not return.
const stuck = 2 * time.Minute

// Run runs all checks in order, prints "ok NAME" or "FAIL NAME: reason" for each, and reports
// whether all passed. With failFast it ends with the first check that fails.
func Run(all []Check, failFast bool) bool {
	failed := 0
	for _, c := range all {
		if !c.report() {
			failed++
			if failFast {
				break
			}
		}
	}
	if failed > 0 {
		fmt.Printf("%d of %d checks failed\n", failed, len(all))
	}
	return failed == 0
}

func (c Check) report() bool {
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- c.Run() }()
	err := errors.New("hung")
	select {
	case err = <-done:
	case <-time.After(stuck):
	}
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", c.Name, err)
		return false
	}
	fmt.Printf("ok %s (%.2fs)", c.Name, time.Since(begin).Seconds())
	if c.Claim != "" {
		fmt.Printf(": %s", c.Claim)
	}
	fmt.Println()
	return true
}
