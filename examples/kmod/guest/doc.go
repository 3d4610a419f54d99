// Command guest is the whole user space of the virtual machine that ../kmod_test.go boots: the kernel starts
// it as /init, process 1. It mounts what it needs, loads the modules, runs every check, and ends the machine.
//
// Each check prints "ok NAME" or "FAIL NAME: why", and the last line is "RESULT ok N checks" or
// "RESULT FAIL n of N checks". What the machine's exit status is, see exit_linux_amd64.go.
//
// The checks use the library as any program does: packages notify, semaphore and bridge.
package main
