// Command guest is the program of the virtual machine that ../kmod_test.go boots: it loads the modules and runs every
// check.
//
// Each check prints "ok NAME" or "FAIL NAME: why", and the exit status is 1 if one failed.
//
// The checks use the library as any program does: packages notify, semaphore and bridge.
package main
