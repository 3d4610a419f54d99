//go:build linux && cgo

// Command gstreamer takes the samples of a GStreamer pipeline in a Go select, and the end
// of the stream with them. No C is written. It exits with status 1 if a sample is lost.
package main

/*
#cgo pkg-config: gstreamer-app-1.0
#include <gst/gst.h>
#include <gst/app/gstappsink.h>
*/
import "C"

import (
	"fmt"
	"log"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

const buffers, frames = 5000, 64

func main() {
	C.gst_init(nil, nil)
	text := fmt.Sprintf("audiotestsrc num-buffers=%d samplesperbuffer=%d ! audio/x-raw,format=S16LE,channels=1,rate=48000 ! appsink name=sink sync=false", buffers, frames)
	var failure *C.GError
	pipeline := C.gst_parse_launch(C.CString(text), &failure)
	if failure != nil {
		log.Fatal(C.GoString(failure.message))
	}
	sink := (*C.GstAppSink)(unsafe.Pointer(C.gst_bin_get_by_name((*C.GstBin)(unsafe.Pointer(pipeline)), C.CString("sink"))))

	samples, _ := notify.New()
	// GstFlowReturn (*)(GstAppSink *, gpointer), and 0 is GST_FLOW_OK
	callbacks := C.GstAppSinkCallbacks{new_sample: (*[0]byte)(callback.SignalAt(1))}
	C.gst_app_sink_set_callbacks(sink, &callbacks, C.gpointer(samples.Handle()), nil)

	bus := C.gst_element_get_bus(pipeline)
	var poll C.GPollFD
	C.gst_bus_get_pollfd(bus, &poll)
	messages, err := bridge.Watch(int(poll.fd), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}

	C.gst_element_set_state(pipeline, C.GST_STATE_PLAYING)
	deadline := time.After(time.Minute)
	ended, received := false, C.GstClockTime(0)
	for !ended || received < buffers {
		select {
		case n := <-samples.C(): // n more samples are in the sink
			for range n {
				sample := C.gst_app_sink_try_pull_sample(sink, 0)
				if sample == nil {
					log.Fatalf("a signal without a sample, after %d", received)
				}
				buffer := C.gst_sample_get_buffer(sample)
				if buffer.offset != C.guint64(received*frames) || C.gst_buffer_get_size(buffer) != 2*frames {
					log.Fatalf("buffer %d is of offset %d", received, buffer.offset)
				}
				C.gst_sample_unref(sample)
				received++
			}
		case <-messages.C(): // the bus is drained, because what is left makes no new edge
			for m := C.gst_bus_pop(bus); m != nil; m = C.gst_bus_pop(bus) {
				if m._type == C.GST_MESSAGE_ERROR {
					log.Fatal("the pipeline failed")
				}
				ended = ended || m._type == C.GST_MESSAGE_EOS
				C.gst_message_unref(m)
			}
		case <-deadline:
			log.Fatalf("%d of %d buffers arrived; end of stream: %t", received, buffers, ended)
		}
	}
	C.gst_element_set_state(pipeline, C.GST_STATE_NULL)
	fmt.Printf("%d buffers of %d frames arrived in order, then the end of the stream\n", received, frames)
}
