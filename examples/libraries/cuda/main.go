//go:build linux && cgo

// Command cuda waits for a stream of a GPU in a Go select: at the end of each batch the
// stream calls a host function, which signals. It exits with status 1 if the data of a
// batch is not there by then. Without a GPU it says why it cannot run.
package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// The driver is loaded at run time, so that this builds anywhere. With <cuda.h> and
// -lcuda there is no C: C.cuLaunchHostFunc(stream, (C.CUhostFn)(callback.Signal()), n.Handle())
static int call(void *function, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
	return function ? ((int (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t))function)(a, b, c, d) : -1;
}
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

const batches, inFlight, words, size = 2000, 16, 1024, 4 * words // size is that of a batch in bytes

// cuda calls a function of the driver. Arguments are integers or addresses in C's memory.
func cuda(library unsafe.Pointer, function string, args ...C.uintptr_t) {
	name := C.CString(function)
	defer C.free(unsafe.Pointer(name))
	var a [4]C.uintptr_t
	copy(a[:], args)
	if code := C.call(C.dlsym(library, name), a[0], a[1], a[2], a[3]); code != 0 && function == "cuInit" {
		fmt.Println("no CUDA: cuInit returns", code) // such as 100: no device
		os.Exit(0)
	} else if code != 0 {
		log.Fatalf("%s returns %d", function, code)
	}
}

func main() {
	runtime.LockOSThread() // a context belongs to a thread
	library := C.dlopen(C.CString("libcuda.so.1"), C.RTLD_NOW)
	if library == nil {
		fmt.Println("no CUDA:", C.GoString(C.dlerror()))
		return
	}
	out := (*[5]C.uintptr_t)(C.calloc(5, 8)) // C's memory, where CUDA writes results
	at := func(i int) C.uintptr_t { return C.uintptr_t(uintptr(unsafe.Pointer(&out[i]))) }
	cuda(library, "cuInit", 0)
	cuda(library, "cuDeviceGet", at(0), 0)
	cuda(library, "cuCtxCreate_v2", at(1), 0, out[0])
	cuda(library, "cuStreamCreate", at(2), 0)
	cuda(library, "cuMemAlloc_v2", at(3), inFlight*size)
	cuda(library, "cuMemAllocHost_v2", at(4), inFlight*size)
	stream, device, host := out[2], out[3], out[4]
	data := unsafe.Slice(*(**uint32)(unsafe.Pointer(&out[4])), inFlight*words)
	n, _ := notify.New()
	signal, handle := C.uintptr_t(uintptr(callback.Signal())), C.uintptr_t(uintptr(n.Handle()))

	for sent, done := C.uintptr_t(0), C.uintptr_t(0); done < batches; {
		for ; sent < min(batches, done+inFlight); sent++ {
			offset := sent % inFlight * size
			cuda(library, "cuMemsetD32Async", device+offset, sent, words, stream)
			cuda(library, "cuMemcpyDtoHAsync_v2", host+offset, device+offset, size, stream)
			cuda(library, "cuLaunchHostFunc", stream, signal, handle)
		}
		select {
		case ended := <-n.C():
			for range ended { // in order, as in every stream
				if got := data[(done%inFlight+1)*words-1]; C.uintptr_t(got) != done {
					log.Fatalf("batch %d has %d", done, got)
				}
				done++
			}
		case <-time.After(time.Minute):
			log.Fatalf("%d of %d batches ended", done, sent)
		}
	}
	fmt.Printf("%d batches ended in order\n", batches)
}
