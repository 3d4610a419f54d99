//go:build linux && cgo

// Command jack records the port that its argument names, such as system:capture_1, in a
// Go select. JACK's real-time thread sends each block of samples through a queue, without
// a lock, an allocation or a call into Go. It exits with status 1 if a block is missing
// that the queue has not refused. It counts the blocks that JACK itself skipped (an xrun).
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../../bridge/callback
#cgo pkg-config: jack
#include <jack/jack.h>
#include <stdlib.h>
#include "eventchan.h"

struct block { uint32_t number; jack_nframes_t time, frames; float samples[1024]; };
struct tap { jack_client_t *client; jack_port_t *port; void *queue; uint32_t blocks; };

int on_process(jack_nframes_t frames, void *user)
{
	struct tap *tap = user;
	struct block block = { tap->blocks++, jack_last_frame_time(tap->client), frames < 1024 ? frames : 1024 };
	memcpy(block.samples, jack_port_get_buffer(tap->port, frames), block.frames * sizeof(float));
	return EVENTCHAN_SEND(tap->queue, block) & 0; // the queue counts what it refuses
}

// jack_client_open is variadic, which cgo cannot call.
static jack_client_t *open_client(const char *name) { return jack_client_open(name, JackNoStartServer, NULL); }
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"slices"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/notify"
)

func main() {
	var client *C.jack_client_t
	for tries := 5; client == nil; tries-- { // on a busy machine, JACK can give up too early
		if client = C.open_client(C.CString("eventchan")); client == nil && tries == 1 {
			log.Fatal("no JACK server")
		}
	}
	blocks, _ := queue.New[C.struct_block](512)
	xruns, _ := notify.New()
	shutdown, _ := notify.New()
	in := C.jack_port_register(client, C.CString("in"), C.CString(C.JACK_DEFAULT_AUDIO_TYPE), C.JackPortIsInput, 0)
	tap := (*C.struct_tap)(C.calloc(1, C.sizeof_struct_tap)) // C's memory: JACK keeps the pointer
	tap.client, tap.port, tap.queue = client, in, blocks.Handle()
	C.jack_set_process_callback(client, (*[0]byte)(C.on_process), unsafe.Pointer(tap))
	C.jack_set_xrun_callback(client, (*[0]byte)(callback.Signal()), xruns.Handle()) // int (*)(void *)
	C.jack_on_shutdown(client, (*[0]byte)(callback.Signal()), shutdown.Handle())    // void (*)(void *)
	if C.jack_activate(client) != 0 || C.jack_connect(client, C.CString(os.Args[1]), C.jack_port_name(in)) != 0 {
		log.Fatal("cannot connect to ", os.Args[1])
	}

	var policy C.int // of the thread that calls on_process
	C.pthread_getschedparam(C.jack_client_thread_id(client), &policy, &C.struct_sched_param{})
	var received, lost, skips, reported uint64
	last := C.struct_block{number: 1<<32 - 1} // the one before block 0
	var peak C.float
	stop := time.After(3 * time.Second)
	for open := true; open; {
		select {
		case block, ok := <-blocks.C():
			if open = ok; !ok {
				break // out of the select
			}
			lost += uint64(block.number - last.number - 1)
			if received > 0 && block.number == last.number+1 && block.time != last.time+last.frames {
				skips++
			}
			peak = max(peak, slices.Max(block.samples[:block.frames]))
			received++
			last = block
		case n := <-xruns.C():
			reported += n
		case <-shutdown.C():
			log.Fatal("the JACK server has ended")
		case <-stop:
			C.jack_client_close(client) // no callback runs any more
			blocks.Close()              // what was sent before is still received
		}
	}
	fmt.Printf("%d of %d blocks arrived, %d were refused; the frame times skip %d times, and JACK reported %d xruns\n",
		received, tap.blocks, blocks.Refused(), skips, reported)
	fmt.Printf("peak %.2f, real-time scheduling %t\n", peak, policy != C.SCHED_OTHER)
	if received == 0 || received+blocks.Refused() != uint64(tap.blocks) || lost > blocks.Refused() {
		log.Fatalf("%d blocks are missing in between", lost)
	}
}
