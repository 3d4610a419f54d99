package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// An Exit is a write of the guest that came to user space, because it has no eventfd.
type Exit struct {
	MMIO  bool
	Addr  uint64
	Value byte
}

// Run runs the guest until its program ends, and returns the writes that came to user space. After Stop it returns
// os.ErrClosed.
func (m *Machine) Run() (exits []Exit, err error) {
	m.running.Lock()
	defer m.running.Unlock()
	runtime.LockOSThread() // a virtual processor belongs to a thread
	defer runtime.UnlockOSThread()
	m.thread.Store(int64(unix.Gettid()))
	defer m.thread.Store(0)
	for !m.stopping.Load() {
		_, err := ioctl(m.cpu, runVCPU, 0)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) { // a signal of Go's scheduler
			continue
		}
		if err != nil {
			return exits, fmt.Errorf("KVM_RUN: %w", err)
		}
		e, err := m.exit()
		if err != nil || e == (Exit{Addr: portEnd}) {
			return exits, err
		}
		exits = append(exits, e)
	}
	return exits, os.ErrClosed
}

// exit returns the write for which the guest has stopped, according to kvm_run.
func (m *Machine) exit() (Exit, error) {
	switch reason := binary.NativeEndian.Uint32(m.run[8:]); reason {
	case exitIO:
		port, at := binary.NativeEndian.Uint16(m.run[34:]), binary.NativeEndian.Uint64(m.run[40:])
		return Exit{false, uint64(port), m.run[at]}, nil
	case exitMMIO:
		return Exit{true, binary.NativeEndian.Uint64(m.run[32:]), m.run[40]}, nil
	default:
		return Exit{}, fmt.Errorf("KVM_RUN: exit reason %d, % x", reason, m.run[32:64])
	}
}
