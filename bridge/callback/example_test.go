//go:build cgo && unix

package callback_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/notify"
)

func ExampleSignal() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	// Call stands for a C library that calls back from a thread of its own. For a
	// real one see examples/callback.
	library, err := chandle.Call(callback.Signal(), n.Handle(), 1)
	if err != nil {
		log.Fatal(err)
	}
	defer library.Join()

	fmt.Println(n.Wait(context.Background()))
	// Output: 1 <nil>
}
