package main

import (
	"os"
	"slices"

	"github.com/eventchan/eventchan/examples/internal/check"
)

// allChecks returns the checks in their order. Modules are loaded first, and unloaded when nothing uses them any
// more.
func allChecks() []check.Check {
	lists := [][]check.Check{
		{{Name: "modules-load", Run: loadModules}},
		toUserChecks, toKernelChecks, semaphoreChecks, overflowChecks, refusalChecks, lifetimeChecks,
		{{Name: "waiters-without-threads", Run: waitersWithoutThreads}, {Name: "example", Run: exampleProgram}},
		{{Name: "modules-unload-with-nothing-held", Run: unloadModules}},
		suites(),
	}
	return slices.Concat(lists...)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == holdCommand {
		hold()
	}
	failFast := os.Getenv("FAILFAST") != "" // from the kernel's command line
	if !check.Run(allChecks(), failFast) {
		os.Exit(1)
	}
}
