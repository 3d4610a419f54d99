package notify_test

import (
	"context"
	"fmt"

	"github.com/eventchan/eventchan/notify"
)

func ExampleNotifier() {
	n, err := notify.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	n.Notify()
	n.Add(4)
	signals, err := n.Wait(context.Background())
	fmt.Println(signals, err)
	// Output: 5 <nil>
}

func ExampleNotifier_C() {
	n, err := notify.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	go n.Add(3) // or a C thread, another process, the kernel: write(2) to n.FD()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	select {
	case signals := <-n.C():
		fmt.Println(signals, "signals")
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output: 3 signals
}
