//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/notify"
)

// C code of your own includes eventchan.h and calls its functions with the handle:
//
//	#include "eventchan.h"
//
//	static void on_samples(void *handle) { eventchan_add(handle, 3); }
func Example_header() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	// chandle.Add stands for your C code: it starts a thread that calls eventchan_add.
	library, err := chandle.Add(n.Handle(), 3, 1, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer library.Join()

	fmt.Println(n.Wait(context.Background()))
	// Output: 3 <nil>
}

// The C library takes a callback and a void * argument for it.
func ExampleSignal() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	// chandle.Call stands for a C library that calls back from a thread of its own. For a
	// real one see examples/callback.
	library, err := chandle.Call(callback.Signal(), n.Handle(), 1)
	if err != nil {
		log.Fatal(err)
	}
	defer library.Join()

	fmt.Println(n.Wait(context.Background()))
	// Output: 1 <nil>
}
