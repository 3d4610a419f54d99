// Package queue provides [Queue]: values that C threads send without calling Go, and
// goroutines receive, singly, in batches or in select.
//
// It is for callbacks of C libraries that carry more than the fact that something
// has happened: an event, a sample, a message of fixed size. A value costs the C
// thread two atomic operations and a copy. No lock is taken and nothing is allocated,
// so signal handlers and real-time threads can send too.
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
