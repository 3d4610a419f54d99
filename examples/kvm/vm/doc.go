// Package vm makes virtual machines of a few bytes with /dev/kvm, whose writes to ports and to addresses without memory
// signal eventfds, and which eventfds interrupt. It has what the example needs of linux/kvm.h, for Linux on amd64.
package vm
