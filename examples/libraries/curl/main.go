//go:build linux && cgo

// Command curl fetches 200 pages concurrently with libcurl, in one goroutine's select: its
// argument with 1 to 200 appended. It exits with status 1 unless page n is of n thousand bytes.
package main

/*
#cgo pkg-config: libcurl
#include <curl/curl.h>
#include <stdlib.h>

// libcurl calls these in the goroutine that has called libcurl, which is main's.
extern int onSocket(void *easy, curl_socket_t socket, int what, void *user, void *data);
extern int onTimer(void *multi, long milliseconds, void *user);
extern size_t onBody(void *body, size_t one, size_t size, void *user);

// cgo cannot call variadic functions.
static void multi_setopt(CURLM *m)
{
	curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, onSocket);
	curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, onTimer);
}
static void easy_setopt(CURL *e, const char *url)
{
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, onBody);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, 60L);
}
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge"
)

var sockets, setErr = bridge.NewSet[C.curl_socket_t]()
var timer, got = time.NewTimer(0), 0

//export onSocket
func onSocket(easy unsafe.Pointer, fd C.curl_socket_t, what C.int, user, data unsafe.Pointer) C.int {
	events := [...]bridge.Events{0, bridge.Readable, bridge.Writable, bridge.Readable | bridge.Writable, 0}[what]
	if what == C.CURL_POLL_REMOVE {
		sockets.Remove(int(fd))
	} else if sockets.Change(int(fd), events) != nil { // it is new
		if err := sockets.Add(int(fd), events, fd); err != nil {
			log.Fatal(err)
		}
	}
	return 0
}

//export onTimer
func onTimer(multi unsafe.Pointer, milliseconds C.long, user unsafe.Pointer) C.int {
	timer.Stop()
	if milliseconds >= 0 {
		timer.Reset(time.Duration(milliseconds) * time.Millisecond)
	}
	return 0
}

//export onBody
func onBody(body unsafe.Pointer, one, size C.size_t, user unsafe.Pointer) C.size_t {
	got += int(size)
	return size
}

func main() {
	if setErr != nil {
		log.Fatal(setErr)
	}
	const pages, want = 200, 200 * 201 / 2 * 1000
	multi := C.curl_multi_init()
	C.multi_setopt(multi)
	for page := range pages {
		easy, url := C.curl_easy_init(), C.CString(fmt.Sprint(os.Args[1], page+1))
		C.easy_setopt(easy, url) // copies url
		C.free(unsafe.Pointer(url))
		C.curl_multi_add_handle(multi, easy)
	}
	ready := make([]bridge.Event[C.curl_socket_t], 64)
	for running := C.int(pages); running > 0; {
		select {
		case <-sockets.C():
			for _, event := range ready[:sockets.Poll(ready)] {
				C.curl_multi_socket_action(multi, event.Key, 0, &running) // 0: it finds the events
			}
		case <-timer.C:
			C.curl_multi_socket_action(multi, C.CURL_SOCKET_TIMEOUT, 0, &running)
		}
	}
	if got != want {
		log.Fatalf("%d bytes arrived, want %d", got, want)
	}
	fmt.Printf("%d pages arrived\n", pages)
}
