// Package vm makes virtual machines of a few bytes with /dev/kvm. Their writes to ports, and to addresses without
// memory, signal eventfds, and eventfds interrupt them. The package has the parts of linux/kvm.h that the example needs,
// for Linux on amd64.
package vm
