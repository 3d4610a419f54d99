//go:build linux && cgo

// Command postgres receives PostgreSQL's notifications (LISTEN and NOTIFY) in a Go
// select, with libpq and without a thread in poll(2). Its argument is the connection
// string of any server. It exits with status 1 if it did not see every notification,
// in order.
package main

/*
#cgo pkg-config: libpq
#include <libpq-fe.h>
#include <stdlib.h>
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

const jobs = 20000

func main() {
	log.SetFlags(0)
	conn := connect(os.Args[1], "LISTEN jobs")
	defer C.PQfinish(conn) // closes the descriptor, which libpq owns, after the Watcher has ended
	w, err := bridge.Watch(int(C.PQsocket(conn)), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	go func() { // one transaction, at whose end all arrive in a burst
		C.PQfinish(connect(os.Args[1], fmt.Sprintf("SELECT pg_notify('jobs', n::text) FROM generate_series(0, %d) n", jobs-1)))
	}()

	deadline := time.After(time.Minute)
	for next := 0; next < jobs; {
		if n := C.PQnotifies(conn); n != nil {
			if job := C.GoString(n.extra); job != fmt.Sprint(next) {
				log.Fatalf("job %s arrived, want %d", job, next)
			}
			C.PQfreemem(unsafe.Pointer(n))
			next++
			continue
		}
		select { // not before, because the socket is not readable for what libpq has already read
		case <-w.C():
			if C.PQconsumeInput(conn) == 0 {
				log.Fatal(C.GoString(C.PQerrorMessage(conn)))
			}
			// libpq has read as much as its buffer had room for. Rearm makes an event of the rest.
			if err := w.Rearm(); err != nil {
				log.Fatal(err)
			}
		case <-deadline:
			log.Fatalf("%d jobs arrived, want %d", next, jobs)
		}
	}
	fmt.Printf("%d jobs arrived in order\n", jobs)
}

// connect returns a connection on which the query has been executed.
func connect(server, query string) *C.PGconn {
	s, q := C.CString(server), C.CString(query)
	defer C.free(unsafe.Pointer(s))
	defer C.free(unsafe.Pointer(q))
	conn := C.PQconnectdb(s)
	if C.PQstatus(conn) == C.CONNECTION_OK {
		result := C.PQexec(conn, q)
		defer C.PQclear(result)
		if status := C.PQresultStatus(result); status == C.PGRES_COMMAND_OK || status == C.PGRES_TUPLES_OK {
			return conn
		}
	}
	log.Fatal(C.GoString(C.PQerrorMessage(conn)))
	return nil
}
