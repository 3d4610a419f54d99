//go:build cgo && unix && (amd64 || arm64 || loong64 || riscv64)

package callback_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/notify"
)

// The callback of the C library is a void (*)(int code, void *user), so the handle is
// argument 1.
func ExampleSignalAt() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	// CallShape stands for the C library. Shape 1 is the type of the callback.
	chandle.CallShape(1, callback.SignalAt(1), n.Handle())

	fmt.Println(n.Wait(context.Background()))
	// Output: 1 <nil>
}

// The callback of the C library is a void (*)(int code, void *user). Its arguments are
// received as a value.
func ExampleSendAt() {
	q, err := queue.New[callback.Args](1024)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	// CallShape stands for the C library, which passes -7 as the code.
	chandle.CallShape(1, callback.SendAt(1), q.Handle())

	args, err := q.Receive(context.Background())
	fmt.Println(int32(args[0]), err)
	// Output: -7 <nil>
}
