package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Machine is a virtual machine with one processor in real mode and 64 KiB.
type Machine struct {
	kvm, vm, cpu int
	memory, run  []byte

	running  sync.Mutex // held by Run
	stopping atomic.Bool
	thread   atomic.Int64 // the thread that runs the guest, or 0
}

// New makes a machine with a program, and with interrupt controllers if it is interruptible.
func New(interruptible bool, code ...[]byte) (m *Machine, err error) {
	m = &Machine{kvm: -1, vm: -1, cpu: -1}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	if m.kvm, err = open(); err != nil {
		return nil, err
	}
	if m.vm, err = ioctl(m.kvm, createVM, 0); err != nil {
		return nil, fmt.Errorf("KVM_CREATE_VM: %w", err)
	}
	if interruptible {
		if _, err := ioctl(m.vm, createIRQChip, 0); err != nil {
			return nil, fmt.Errorf("KVM_CREATE_IRQCHIP: %w", err)
		}
	}
	if err := errors.Join(m.addMemory(), m.addProcessor()); err != nil {
		return nil, err
	}
	copy(m.memory[codeAt:], slices.Concat(code...))
	return m, m.Reset()
}

func (m *Machine) addMemory() (err error) {
	m.memory, err = unix.Mmap(-1, 0, memorySize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	region := struct { // kvm_userspace_memory_region
		slot, flags            uint32
		guest, size, userspace uint64
	}{size: memorySize, userspace: uint64(uintptr(unsafe.Pointer(&m.memory[0])))}
	if err := ioctlPtr(m.vm, setUserMemory, unsafe.Pointer(&region)); err != nil {
		return fmt.Errorf("KVM_SET_USER_MEMORY_REGION: %w", err)
	}
	return nil
}

func (m *Machine) addProcessor() (err error) {
	if m.cpu, err = ioctl(m.vm, createVCPU, 0); err != nil {
		return fmt.Errorf("KVM_CREATE_VCPU: %w", err)
	}
	size, err := ioctl(m.kvm, getVCPUMmapSize, 0)
	if err != nil {
		return fmt.Errorf("KVM_GET_VCPU_MMAP_SIZE: %w", err)
	}
	if m.run, err = unix.Mmap(m.cpu, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("mmap of kvm_run: %w", err)
	}
	return nil
}

// Reset makes the program start again, in real mode, with 0 in the segment registers.
func (m *Machine) Reset() error {
	var sregs [312]byte // kvm_sregs, which begins with cs
	if err := ioctlPtr(m.cpu, getSregs, unsafe.Pointer(&sregs)); err != nil {
		return fmt.Errorf("KVM_GET_SREGS: %w", err)
	}
	binary.NativeEndian.PutUint64(sregs[0:], 0)  // its base
	binary.NativeEndian.PutUint16(sregs[12:], 0) // its selector
	if err := ioctlPtr(m.cpu, setSregs, unsafe.Pointer(&sregs)); err != nil {
		return fmt.Errorf("KVM_SET_SREGS: %w", err)
	}
	var regs [18]uint64                              // kvm_regs
	regs[6], regs[16], regs[17] = stackAt, codeAt, 2 // rsp, rip, rflags
	if err := ioctlPtr(m.cpu, setRegs, unsafe.Pointer(&regs)); err != nil {
		return fmt.Errorf("KVM_SET_REGS: %w", err)
	}
	return nil
}

// OnInterrupt makes the program answer each interrupt of a line, which is 4 or 5, with a write to a port.
func (m *Machine) OnInterrupt(line byte, port uint16) {
	at := handlersAt + 0x100*uint16(line)
	copy(m.memory[at:], handler(line, port))
	binary.LittleEndian.PutUint32(m.memory[4*(vectors+int(line)):], uint32(at)) // in segment 0
}

// Interrupts returns how many interrupts of a line the program has counted.
func (m *Machine) Interrupts(line byte) uint64 {
	return uint64(atomic.LoadUint32((*uint32)(unsafe.Pointer(&m.memory[countersAt+4*int(line)]))))
}

// IOEventFD calls KVM_IOEVENTFD.
func (m *Machine) IOEventFD(e IOEventFD) error { return ioctlPtr(m.vm, ioeventfd, unsafe.Pointer(&e)) }

// IRQFD calls KVM_IRQFD.
func (m *Machine) IRQFD(e IRQFD) error { return ioctlPtr(m.vm, irqfdRequest, unsafe.Pointer(&e)) }

// Device returns the descriptor of /dev/kvm, which is not an eventfd.
func (m *Machine) Device() int { return m.kvm }

// Close stops the guest, and frees everything.
func (m *Machine) Close() {
	m.Stop()
	for _, mapping := range [][]byte{m.run, m.memory} {
		if mapping != nil {
			unix.Munmap(mapping)
		}
	}
	for _, fd := range []int{m.cpu, m.vm, m.kvm} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Stop stops the guest for good. Run returns os.ErrClosed.
func (m *Machine) Stop() {
	m.stopping.Store(true)
	for !m.running.TryLock() {
		m.run[1] = 1 // immediate_exit
		if thread := m.thread.Load(); thread != 0 {
			unix.Tgkill(unix.Getpid(), int(thread), unix.SIGURG) // Go's runtime expects and ignores it
		}
		runtime.Gosched()
	}
	m.running.Unlock()
}
