//go:build linux && amd64 && cgo

// Command kvm joins two eventfds to a virtual machine: one counts the guest's writes to a
// port, without a return from the guest for any, and one is an interrupt for the guest. It
// exits with status 1 if a write or the interrupt does not arrive.
package main

// #include <linux/kvm.h>
import "C"

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/notify"
)

const (
	writes = 1000
	start  = 0x1000
	port   = 0x10
	gsi    = 5
)

// code writes 1,000 times to the port: mov cx, 1000; again: out 0x10, al; loop again; hlt.
var code = []byte{0xb9, writes & 0xff, writes >> 8, 0xe6, port, 0xe2, 0xfc, 0xf4}

func ioctl(fd uintptr, name string, request uintptr, argument unsafe.Pointer) uintptr {
	result, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument))
	if errno != 0 {
		log.Fatal(name, ": ", errno)
	}
	return result
}

func main() {
	kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		fmt.Println("cannot run here:", err)
		return
	}
	defer kvm.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	countWrites(ctx, ioctl(kvm.Fd(), "KVM_CREATE_VM", C.KVM_CREATE_VM, nil), kvm.Fd())
	interrupt(ctx, ioctl(kvm.Fd(), "KVM_CREATE_VM", C.KVM_CREATE_VM, nil))
}

// countWrites lets the guest write to the port.
func countWrites(ctx context.Context, vm, kvm uintptr) {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	e := C.struct_kvm_ioeventfd{addr: port, len: 1, fd: C.__s32(n.FD()), flags: C.KVM_IOEVENTFD_FLAG_PIO}
	ioctl(vm, "KVM_IOEVENTFD", C.KVM_IOEVENTFD, unsafe.Pointer(&e))

	memory, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANONYMOUS)
	if err != nil {
		log.Fatal(err)
	}
	copy(memory, code)
	region := C.struct_kvm_userspace_memory_region{
		guest_phys_addr: start, memory_size: 4096, userspace_addr: C.__u64(uintptr(unsafe.Pointer(&memory[0]))),
	}
	ioctl(vm, "KVM_SET_USER_MEMORY_REGION", C.KVM_SET_USER_MEMORY_REGION, unsafe.Pointer(&region))
	cpu := ioctl(vm, "KVM_CREATE_VCPU", C.KVM_CREATE_VCPU, nil)
	size := ioctl(kvm, "KVM_GET_VCPU_MMAP_SIZE", C.KVM_GET_VCPU_MMAP_SIZE, nil)
	shared, err := syscall.Mmap(int(cpu), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		log.Fatal(err)
	}
	var segments C.struct_kvm_sregs
	ioctl(cpu, "KVM_GET_SREGS", C.KVM_GET_SREGS, unsafe.Pointer(&segments))
	segments.cs.base, segments.cs.selector = 0, 0
	ioctl(cpu, "KVM_SET_SREGS", C.KVM_SET_SREGS, unsafe.Pointer(&segments))
	ioctl(cpu, "KVM_SET_REGS", C.KVM_SET_REGS, unsafe.Pointer(&C.struct_kvm_regs{rip: start, rflags: 2}))
	halted := make(chan C.__u32)
	go func() {
		runtime.LockOSThread() // a virtual processor belongs to a thread
		for {                  // EINTR: a signal of Go's scheduler
			if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, cpu, C.KVM_RUN, 0); errno != syscall.EINTR {
				break
			}
		}
		halted <- (*C.struct_kvm_run)(unsafe.Pointer(&shared[0])).exit_reason
	}()

	for got := uint64(0); got < writes; {
		select {
		case signals := <-n.C():
			got += signals
		case <-ctx.Done():
			log.Fatalf("%d writes of %d arrived", got, writes)
		}
	}
	if reason := <-halted; reason != C.KVM_EXIT_HLT {
		log.Fatalf("the guest has ended with exit reason %d", reason)
	}
	fmt.Printf("ioeventfd: %d writes\n", writes)
}

// interrupt interrupts a guest that is not running, and checks that its interrupt controller
// has the request.
func interrupt(ctx context.Context, vm uintptr) {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	ioctl(vm, "KVM_CREATE_IRQCHIP", C.KVM_CREATE_IRQCHIP, nil)
	e := C.struct_kvm_irqfd{fd: C.__u32(n.FD()), gsi: gsi}
	ioctl(vm, "KVM_IRQFD", C.KVM_IRQFD, unsafe.Pointer(&e))
	if err := n.Notify(); err != nil {
		log.Fatal(err)
	}
	chip := C.struct_kvm_irqchip{chip_id: C.KVM_IRQCHIP_PIC_MASTER}
	for requested := C.__u8(0); requested&(1<<gsi) == 0; runtime.Gosched() {
		ioctl(vm, "KVM_GET_IRQCHIP", C.KVM_GET_IRQCHIP, unsafe.Pointer(&chip))
		requested = (*C.struct_kvm_pic_state)(unsafe.Pointer(&chip.chip)).irr
		if ctx.Err() != nil {
			log.Fatal("the interrupt has not arrived")
		}
	}
	fmt.Println("irqfd: 1 interrupt")
}
