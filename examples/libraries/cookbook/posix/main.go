//go:build linux && cgo

// Command posix lets four parts of glibc signal through SIGEV_THREAD: a timer, a message
// queue, asynchronous reads and the resolver. No C is called back but eventchan's own
// function. It exits with status 1 if a count is not what it should be.
package main

/*
#define _GNU_SOURCE
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

// mq_open is variadic, which cgo cannot call.
static mqd_t open_queue(const char *name)
{
	struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8 };

	return mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
}
*/
import "C"

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

var ctx, cancel = context.WithTimeout(context.Background(), time.Minute)

// event returns a struct sigevent that signals n in a thread of glibc's.
func event(n *notify.Notifier) (ev C.struct_sigevent) {
	ev.sigev_notify = C.SIGEV_THREAD
	*(*unsafe.Pointer)(unsafe.Pointer(&ev.sigev_value)) = n.Handle()
	*(*unsafe.Pointer)(unsafe.Pointer(&ev._sigev_un)) = callback.Signal()
	return ev
}

// wait waits until n has been signaled want times.
func wait(n *notify.Notifier, want uint64) {
	for got := uint64(0); got < want; {
		signals, err := n.Wait(ctx)
		if err != nil {
			log.Fatalf("%d of %d signals arrived: %v", got, want, err)
		}
		got += signals
	}
}

func main() {
	for _, part := range []func(*notify.Notifier){timer, queue, reads, names} {
		n, err := notify.New()
		if err != nil {
			log.Fatal(err)
		}
		part(n)
		n.Close() // after which a late thread does nothing
	}
	cancel()
}

// timer counts the CPU time of the process, which Go's timers cannot do.
func timer(n *notify.Notifier) {
	ev := event(n)
	var timer C.timer_t
	if _, err := C.timer_create(C.CLOCK_PROCESS_CPUTIME_ID, &ev, &timer); err != nil {
		log.Fatal("timer_create: ", err)
	}
	defer C.timer_delete(timer)
	every := C.struct_timespec{tv_nsec: 1_000_000}
	C.timer_settime(timer, 0, &C.struct_itimerspec{it_interval: every, it_value: every}, nil)
	var enough atomic.Bool
	defer enough.Store(true)
	go func() {
		for !enough.Load() { // uses CPU time
		}
	}()
	wait(n, 10)
	fmt.Println("timer_create: 10 expirations")
}

// queue receives from a POSIX message queue.
func queue(n *notify.Notifier) {
	name := C.CString(fmt.Sprintf("/eventchan-%d", os.Getpid()))
	defer C.free(unsafe.Pointer(name))
	q, err := C.open_queue(name)
	if err != nil {
		log.Fatal("mq_open: ", err)
	}
	defer C.mq_close(q)
	C.mq_unlink(name)
	ev := event(n)
	const messages = 1000
	go send(q, messages)

	buf := (*C.char)(C.malloc(8))
	defer C.free(unsafe.Pointer(buf))
	for received := 0; ; wait(n, 1) {
		// First ask for the signal, which is for the next message that finds the queue
		// empty, and then empty it.
		C.mq_notify(q, &ev)
		for C.mq_receive(q, buf, 8, nil) == 8 {
			received++
		}
		if received == messages {
			break
		}
	}
	fmt.Println("mq_notify: 1000 messages")
}

// send sends messages. On Linux a queue is a descriptor too.
func send(q C.mqd_t, messages int) {
	w, err := bridge.Watch(int(q), bridge.Writable)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	buf := (*C.char)(C.calloc(1, 8))
	defer C.free(unsafe.Pointer(buf))
	for range messages {
		for C.mq_send(q, buf, 8, 0) != 0 {
			w.Wait(ctx)
		}
	}
}

// reads reads a file by asynchronous requests. Their memory is C's, because they use it
// after the call.
func reads(n *notify.Notifier) {
	const requests, size = 16, 4096
	path := filepath.Join(os.TempDir(), fmt.Sprintf("eventchan-%d", os.Getpid()))
	if err := os.WriteFile(path, make([]byte, requests*size), 0o600); err != nil {
		log.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	os.Remove(path)

	list := unsafe.Slice((*C.struct_aiocb)(C.calloc(requests, C.sizeof_struct_aiocb)), requests)
	defer C.free(unsafe.Pointer(&list[0]))
	buf := C.malloc(requests * size)
	defer C.free(buf)
	for i := range list {
		cb := &list[i]
		cb.aio_fildes, cb.aio_offset = C.int(file.Fd()), C.__off_t(i*size)
		cb.aio_buf, cb.aio_nbytes = unsafe.Add(buf, i*size), size
		cb.aio_sigevent = event(n)
		if _, err := C.aio_read(cb); err != nil {
			log.Fatal("aio_read: ", err)
		}
	}
	wait(n, requests)
	for i := range list {
		if C.aio_error(&list[i]) != 0 || C.aio_return(&list[i]) != size {
			log.Fatalf("request %d of %d that are done is not", i, requests)
		}
	}
	fmt.Println("aio_read: 16 requests")
}

// names looks up names, all with one signal.
func names(n *notify.Notifier) {
	const requests = 4
	list := unsafe.Slice((**C.struct_gaicb)(C.calloc(requests, C.size_t(unsafe.Sizeof(uintptr(0))))), requests)
	for i := range list {
		list[i] = (*C.struct_gaicb)(C.calloc(1, C.sizeof_struct_gaicb))
		list[i].ar_name = C.CString(fmt.Sprintf("127.0.0.%d", i+1))
	}
	ev := event(n)
	if code := C.getaddrinfo_a(C.GAI_NOWAIT, &list[0], requests, &ev); code != 0 {
		log.Fatal("getaddrinfo_a: ", C.GoString(C.gai_strerror(code)))
	}
	wait(n, 1)
	for i, request := range list {
		if code := C.gai_error(request); code != 0 || request.ar_result == nil {
			log.Fatalf("name %d: %s", i, C.GoString(C.gai_strerror(code)))
		}
		C.freeaddrinfo(request.ar_result)
	}
	fmt.Println("getaddrinfo_a: 4 names")
}
