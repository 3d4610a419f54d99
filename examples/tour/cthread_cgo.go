//go:build linux && cgo

package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

enum { BURSTS = 10, BURST = 100, SIGNALS = BURSTS * BURST };

// To signal Go, C code only writes 8 bytes to a descriptor. That takes no
// lock, runs no Go code, and is also allowed in a signal handler.
static void *signal_go(void *arg) {
	int fd = (intptr_t)arg;
	uint64_t one = 1;
	intptr_t failed = 0;
	for (int i = 0; i < SIGNALS; i++) {
		if (i % BURST == 0)
			usleep(10000);
		failed += write(fd, &one, sizeof one) != sizeof one;
	}
	return (void *)failed;
}

static int start(pthread_t *thread, int fd) {
	return pthread_create(thread, NULL, signal_go, (void *)(intptr_t)fd);
}

static int join(pthread_t thread) {
	void *failed;
	return pthread_join(thread, &failed) || failed;
}
*/
import "C"

import "syscall"

type cThread struct {
	*source
	handle C.pthread_t
}

// startThread starts a thread that Go's scheduler does not know.
func startThread(fd int) *cThread {
	t := &cThread{}
	if errno := C.start(&t.handle, C.int(fd)); errno != 0 {
		t.source = leftOut("C thread", syscall.Errno(errno))
		return t
	}
	t.source = newSource("C thread", C.SIGNALS,
		"a pthread adds 1 to descriptor %d with write(2), %d times in bursts", fd, C.SIGNALS)
	return t
}

// join waits until the thread has ended.
func (t *cThread) join() {
	if t.sends > 0 {
		t.expect(C.join(t.handle) == 0, "a write failed in the thread")
	}
}
