// Command init is the first process of the virtual machines that package guestkernel boots. The
// kernel starts it as /init. It mounts what programs expect, loads the modules in /modules, runs
// /program with its own arguments and environment, searches the kernel's log for complaints, and
// ends the machine.
//
// The last line on the console is "RESULT ok" or "RESULT FAIL: reason". For the machine's exit
// status, see exit_linux_amd64.go.
package main
