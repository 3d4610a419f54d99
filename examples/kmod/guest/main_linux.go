package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// A check is one claim about the library on this kernel.
type check struct {
	name string
	run  func() error
}

// The order matters in three places: modules are loaded first, unloaded when nothing uses them any more, and
// the kernel's log is read when everything that could have upset it is over.
func allChecks() []check {
	lists := [][]check{
		{{"modules-load", loadModules}},
		toUserChecks, toKernelChecks, semaphoreChecks, overflowChecks, refusalChecks, lifetimeChecks,
		{{"waiters-without-threads", waitersWithoutThreads}, {"example", exampleProgram}},
		{{"modules-unload-with-nothing-held", unloadModules}},
		suites(),
		{{"kernel-log-clean", kernelLogClean}},
	}
	var all []check
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == holdCommand {
		hold()
	}
	if err := machine(); err != nil {
		fmt.Println("FAIL machine:", err)
		end(false)
	}
	all := allChecks()
	failed := 0
	for _, c := range all {
		if !report(c) {
			failed++
		}
		if failed > 0 && os.Getenv("FAILFAST") != "" { // the kernel's command line becomes our environment
			break
		}
	}
	if failed > 0 {
		fmt.Printf("RESULT FAIL %d of %d checks\n", failed, len(all))
	} else {
		fmt.Printf("RESULT ok %d checks\n", len(all))
	}
	end(failed == 0)
}

// stuck is how long one check may take before it is called hung. Whatever waits for the kernel gives up by itself
// well before (silence), so this is for a library call that does not come back.
const stuck = 2 * time.Minute

func report(c check) bool {
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- c.run() }()
	err := errors.New("hung")
	select {
	case err = <-done:
	case <-time.After(stuck):
	}
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", c.name, err)
		return false
	}
	fmt.Printf("ok %s (%.2fs)\n", c.name, time.Since(begin).Seconds())
	return true
}
