//go:build linux && cgo

// Command mosquitto receives MQTT messages in a Go select, from the broker at the host and
// port that its arguments name. The library's thread sends a copy of each through a queue.
// It publishes the messages itself, and exits with status 1 unless all arrive, in order.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../../bridge/callback
#cgo pkg-config: libmosquitto
#include <mosquitto.h>
#include <stdlib.h>
#include "eventchan.h"

// A copy has its topic and payload in C's memory. The receiver frees them.
void on_message(struct mosquitto *client, void *queue, const struct mosquitto_message *message)
{
	struct mosquitto_message copy = { 0 };
	if (!mosquitto_message_copy(&copy, message) && EVENTCHAN_SEND(queue, copy))
		mosquitto_message_free_contents(&copy);
}
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
)

const (
	count    = 5000
	inFlight = 100 // published and not received yet
)

func check(call string, code C.int) {
	if code != C.MOSQ_ERR_SUCCESS {
		log.Fatalf("%s: %s", call, C.GoString(C.mosquitto_strerror(code)))
	}
}

// wanted returns the topic and payload of a message. Payloads have up to 999 bytes.
func wanted(number int) (topic, payload string) {
	return fmt.Sprint("eventchan/", number%7), strings.Repeat(strconv.Itoa(number), number+1)[:number%1000]
}

func publish(client *C.struct_mosquitto, number int) {
	topic, payload := wanted(number)
	t, p := C.CString(topic), C.CBytes([]byte(payload))
	defer C.free(unsafe.Pointer(t))
	defer C.free(p)
	check("publish", C.mosquitto_publish(client, nil, t, C.int(len(payload)), p, 1, false))
}

func main() {
	port, err := strconv.Atoi(os.Args[2]) // 0 if the host is the path of a unix socket
	if err != nil {
		log.Fatal(err)
	}
	// Twice as many, because C sees a place as free somewhat later than it is.
	messages, _ := queue.New[C.struct_mosquitto_message](2 * inFlight)
	C.mosquitto_lib_init()
	client := C.mosquitto_new(nil, true, messages.Handle())
	C.mosquitto_message_callback_set(client, (*[0]byte)(C.on_message))
	check("connect", C.mosquitto_connect(client, C.CString(os.Args[1]), C.int(port), 60))
	check("subscribe", C.mosquitto_subscribe(client, nil, C.CString("eventchan/#"), 1))
	check("loop_start", C.mosquitto_loop_start(client))

	deadline := time.After(time.Minute)
	for sent, received := 0, 0; received < count; {
		for ; sent < min(count, received+inFlight); sent++ {
			publish(client, sent)
		}
		select {
		case message := <-messages.C():
			topic, payload := wanted(received)
			if C.GoString(message.topic) != topic || string(C.GoBytes(message.payload, message.payloadlen)) != payload {
				log.Fatalf("message %d is %s of %d bytes; %d were refused", received, C.GoString(message.topic), message.payloadlen, messages.Refused())
			}
			C.mosquitto_message_free_contents(&message)
			received++
		case <-deadline:
			log.Fatalf("%d of %d messages arrived, %d were refused", received, sent, messages.Refused())
		}
	}
	fmt.Printf("%d messages arrived in order\n", count)
}
