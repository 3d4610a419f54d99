// Package queue provides [Queue], a bounded queue of values that C threads send without
// calling into Go and that goroutines receive one at a time, in batches or in a select
// statement.
//
// Use it for callbacks of C libraries that carry data: an event, a sample, a message of
// fixed size. A send costs the C thread two atomic operations and a copy. It takes no lock
// and allocates nothing, so signal handlers and real-time threads can send too.
//
//	type Event struct {    //  struct event {
//		ID    uint64       //      uint64_t id;
//		Value float64      //      double value;
//	}                      //  };
//
//	q, err := queue.New[Event](1024)
//	C.library_start(q.Handle())   //  EVENTCHAN_SEND(handle, event) in its callback
//	for event := range q.C() { … }
package queue
