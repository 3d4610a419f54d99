// Command guest is the program of the virtual machine that ../kmod_test.go boots. It loads the modules and runs every
// check.
//
// Each check prints "ok NAME" or "FAIL NAME: reason", and the exit status is 1 if one failed.
//
// The checks use the packages notify, semaphore and bridge as any program does.
package main
