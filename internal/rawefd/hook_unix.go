//go:build unix

package rawefd

import (
	"sync/atomic"
	"syscall"
)

// A Call is a system call that this package is about to make.
type Call struct {
	Name string  // as in its manual page
	Num  int     // the descriptor that the call is about, or -1
	Arg  uintptr // the flags of preadv2, the operation of epoll_ctl, the command of fcntl
}

// A Hook is called before each system call, in tests. If it returns an errno other than 0, the
// call fails with that errno and is not made. A Hook can also block, as a call can.
type Hook func(Call) syscall.Errno

// hook is nil unless a test has set it.
var hook atomic.Pointer[Hook]

// SetHook sets a Hook for each system call of this package except close(2), and returns a
// function that removes it. Both forget what the package has found out about the system,
// because it can differ with another Hook.
//
// TryAdd does not call the Hook, because it would not be inlined any more. An FD that is created
// while a Hook is set therefore leaves all adding to Add.
func SetHook(h Hook) (restore func()) {
	hook.Store(&h)
	forget()
	return func() {
		hook.Store(nil)
		forget()
	}
}

// refusal returns what the hook returns for a call, and 0 if there is no hook.
func refusal(name string, num int, arg uintptr) syscall.Errno {
	if hook.Load() == nil {
		return 0
	}
	return ask(name, num, arg)
}

// ask is the slow path of refusal. It is a separate function so that refusal is inlined.
//
//go:noinline
func ask(name string, num int, arg uintptr) syscall.Errno {
	if h := hook.Load(); h != nil {
		return (*h)(Call{name, num, arg})
	}
	return 0
}

// retrying makes a call, and repeats it while a signal interrupts it.
func retrying(name string, num int, arg uintptr, call func() error) error {
	for {
		var err error
		if errno := refusal(name, num, arg); errno != 0 {
			err = errno
		} else {
			err = call()
		}
		if err != syscall.EINTR {
			return err
		}
	}
}
