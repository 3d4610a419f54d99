// Package guestkernel boots stock kernels of Debian in QEMU with a program of the
// caller's in them. It is help for tests of what a kernel does with an eventfd.
//
// A test asks for a kernel ([FindKernel]), which apt fetches into a cache once and which is
// installed nowhere, describes a [Machine], and calls [Machine.Boot] with the [Files] of
// its file system. The first process there, the program in the folder init, mounts /proc
// and the like, loads the modules that are in /modules, runs /program, looks for
// complaints in the kernel's log, and ends the machine. The [Verdict] is its exit status
// and its console.
//
// QEMU emulates, also where /dev/kvm exists: a test must not depend on it, and a kernel
// boots in seconds.
package guestkernel
