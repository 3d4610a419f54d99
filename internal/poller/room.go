package poller

import "github.com/eventchan/eventchan/internal/rawefd"

// Room returns an error if the kernel has no room for one more registration in each of the
// instances. It is called before a poll that takes a pulse: if the registration then fails,
// the pulse is lost, and a caller that removes something and tries again never hears of it.
// Afterwards another process can still take the room.
//
// Room does not find out whether the file to be polled is in as many instances as the kernel allows.
// The kernel decides that (EINVAL) only when it registers that file, which polls it. A call that then
// fails has taken the pulse; the next one that succeeds is followed by reading the file, as the
// comment of bridge.Watch says.
//
// It registers an epoll instance that nothing else knows of. When that is closed, the kernel
// deletes its registrations. If there is no descriptor for it, Room does not find out.
func Room(instances ...*Instance) error {
	spare, err := rawefd.NewEpoll()
	if err != nil {
		return nil
	}
	defer spare.Close()
	for _, in := range instances {
		if err := in.Add(int(spare), 0, 0); err != nil {
			return err
		}
	}
	return nil
}
