//go:build linux && cgo

// Command kafka consumes messages in a select. As its argument says, librdkafka signals by
// a "callback" or by write(2) to a "descriptor". Status 1: not all arrived, or not in order.
package main

/*
#cgo pkg-config: rdkafka
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

const char *topic = "eventchan", *mock = "test.mock.num.brokers", *one = "1", *group_id = "group.id", *group = "example";
const uint64_t payload = 1;
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

func main() {
	const messages = 20000
	n, _ := notify.New() // the error is always nil
	consumer := client(C.RD_KAFKA_CONSUMER, C.group_id, C.group)
	C.rd_kafka_poll_set_consumer(consumer)
	queue := C.rd_kafka_queue_get_consumer(consumer)
	if os.Args[1] == "callback" { // a void (*)(rd_kafka_t *, void *): argument 1 is the handle
		C.rd_kafka_queue_cb_event_enable(queue, (*[0]byte)(callback.SignalAt(1)), n.Handle())
	} else {
		C.rd_kafka_queue_io_event_enable(queue, C.int(n.FD()), unsafe.Pointer(&C.payload), C.sizeof_uint64_t)
	}

	producer := client(C.RD_KAFKA_PRODUCER, C.mock, C.one) // with a broker of its own
	cluster := C.rd_kafka_handle_mock_cluster(producer)
	C.rd_kafka_mock_topic_create(cluster, C.topic, 1, 1)
	topic := C.rd_kafka_topic_new(producer, C.topic, nil)
	for i := range uint32(messages) {
		if C.rd_kafka_produce(topic, 0, C.RD_KAFKA_MSG_F_COPY, unsafe.Pointer(&i), 4, nil, 0, nil) != 0 {
			log.Fatal(C.GoString(C.rd_kafka_err2str(C.rd_kafka_last_error())))
		}
	}
	C.rd_kafka_brokers_add(consumer, C.rd_kafka_mock_cluster_bootstraps(cluster))
	partitions := C.rd_kafka_topic_partition_list_new(1)
	C.rd_kafka_topic_partition_list_add(partitions, C.topic, 0).offset = C.RD_KAFKA_OFFSET_BEGINNING
	C.rd_kafka_assign(consumer, partitions)
	for next, deadline := uint32(0), time.After(time.Minute); next < messages; {
		select {
		case <-n.C(): // the queue was empty and is not any more: poll until it is again
			for m := C.rd_kafka_consumer_poll(consumer, 0); m != nil; m = C.rd_kafka_consumer_poll(consumer, 0) {
				if m.err != 0 {
					log.Print(C.GoString(C.rd_kafka_message_errstr(m))) // librdkafka goes on
				} else if i := *(*uint32)(m.payload); i != next {
					log.Fatalf("message %d arrived, want %d", i, next)
				} else {
					next++
				}
				C.rd_kafka_message_destroy(m)
			}
		case <-deadline:
			log.Fatalf("%d messages arrived, want %d", next, messages)
		}
	}
	C.rd_kafka_queue_io_event_enable(queue, -1, nil, 0) // before Close: the number can become another file's
	n.Close()
	C.rd_kafka_consumer_close(consumer)
	fmt.Printf("%d messages arrived in order\n", messages)
}

func client(kind C.rd_kafka_type_t, name, value *C.char) *C.rd_kafka_t {
	var reason [512]C.char
	conf := C.rd_kafka_conf_new()
	if C.rd_kafka_conf_set(conf, name, value, &reason[0], 512) == C.RD_KAFKA_CONF_OK {
		if client := C.rd_kafka_new(kind, conf, &reason[0], 512); client != nil {
			return client
		}
	}
	log.Fatal(C.GoString(&reason[0]))
	return nil
}
