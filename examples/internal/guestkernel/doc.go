// Package guestkernel boots Debian's stock kernels in QEMU with a program of the
// caller's. It helps tests of what a kernel does with an eventfd.
//
// A test asks for a kernel ([FindKernel]), which apt downloads into a cache once and does not
// install. The test describes a [Machine], and calls [Machine.Boot] with the [Files] of
// its file system. The first process there, the program in the folder init, mounts /proc
// and other file systems, loads the modules in /modules, runs /program, searches
// the kernel's log for complaints, and ends the machine. The [Verdict] has the machine's exit
// status and its console.
//
// QEMU emulates the machine even if /dev/kvm exists, because a test must not depend on that. A
// kernel still boots in seconds.
package guestkernel
