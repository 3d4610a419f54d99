package vm

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests, exit reasons and capabilities of linux/kvm.h.
const (
	getAPIVersion   = 0xAE00
	createVM        = 0xAE01
	checkExtension  = 0xAE03
	getVCPUMmapSize = 0xAE04
	createVCPU      = 0xAE41
	setUserMemory   = 0x4020AE46
	createIRQChip   = 0xAE60
	irqfdRequest    = 0x4020AE76
	ioeventfd       = 0x4040AE79
	runVCPU         = 0xAE80
	setRegs         = 0x4090AE82
	getSregs        = 0x8138AE83
	setSregs        = 0x4138AE84

	apiVersion = 12

	exitIO   = 2
	exitMMIO = 6
)

// Extensions that the example needs: KVM_CAP_IRQFD, _IOEVENTFD, _IRQFD_RESAMPLE and _IMMEDIATE_EXIT.
var extensions = map[string]int{"irqfd": 32, "ioeventfd": 36, "irqfd with resample": 82, "immediate exit": 136}

// Flags of an [IOEventFD].
const (
	DataMatch  = 1 // only writes of the value in DataMatch
	PIO        = 2 // Addr is a port
	DeassignIO = 4
)

// IOEventFD is struct kvm_ioeventfd: a write of Len bytes to Addr adds 1 to an eventfd.
type IOEventFD struct {
	DataMatch, Addr uint64
	Len             uint32
	FD              int32
	Flags           uint32
	_               [36]byte
}

// Port returns an IOEventFD with which each write of a byte to a port signals fd.
func Port(port uint16, fd int) IOEventFD {
	return IOEventFD{Addr: uint64(port), Len: 1, FD: int32(fd), Flags: PIO}
}

// PortValue returns an IOEventFD with which each write of this byte to a port signals fd.
func PortValue(port uint16, value byte, fd int) IOEventFD {
	return IOEventFD{Addr: uint64(port), Len: 1, FD: int32(fd), Flags: PIO | DataMatch, DataMatch: uint64(value)}
}

// MMIO returns an IOEventFD with which each store of a byte to an address signals fd.
func MMIO(addr uint64, fd int) IOEventFD { return IOEventFD{Addr: addr, Len: 1, FD: int32(fd)} }

// Flags of an [IRQFD].
const (
	DeassignIRQ = 1
	Resample    = 2 // level-triggered: ResampleFD is signaled when the guest has ended the interrupt
)

// IRQFD is struct kvm_irqfd: a signal of FD raises the interrupt line GSI.
type IRQFD struct {
	FD, GSI, Flags, ResampleFD uint32
	_                          [16]byte
}

// ioctl makes a request whose argument is a number.
func ioctl(fd int, request, argument uintptr) (int, error) {
	result, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, argument)
	if errno != 0 {
		return 0, errno
	}
	return int(result), nil
}

// ioctlPtr makes a request whose argument is a pointer.
func ioctlPtr(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}

// Available returns nil, or an error that says why machines cannot be made here.
func Available() error {
	kvm, err := open()
	if err != nil {
		return err
	}
	defer unix.Close(kvm)
	if version, err := ioctl(kvm, getAPIVersion, 0); err != nil || version != apiVersion {
		return fmt.Errorf("/dev/kvm: API version %d (%v), want %d", version, err, apiVersion)
	}
	for name, number := range extensions {
		if has, err := ioctl(kvm, checkExtension, uintptr(number)); err != nil || has == 0 {
			return fmt.Errorf("/dev/kvm has no %s (%v)", name, err)
		}
	}
	vm, err := ioctl(kvm, createVM, 0) // fails if the processor cannot, or another hypervisor uses it
	if err != nil {
		return fmt.Errorf("KVM_CREATE_VM: %w", err)
	}
	return unix.Close(vm)
}

func open() (kvm int, err error) {
	kvm, err = unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("/dev/kvm: %w", err)
	}
	return kvm, nil
}
