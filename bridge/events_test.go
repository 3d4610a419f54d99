package bridge_test

import (
	"testing"

	"github.com/eventchan/eventchan/bridge"
)

func TestEventsString(t *testing.T) {
	for events, want := range map[bridge.Events]string{
		0:                                 "0x0",
		bridge.Readable:                   "Readable",
		bridge.Priority:                   "Priority",
		bridge.Writable:                   "Writable",
		bridge.Failed:                     "Failed",
		bridge.HangUp:                     "HangUp",
		bridge.PeerClosed:                 "PeerClosed",
		bridge.Readable | bridge.HangUp:   "Readable|HangUp",
		bridge.Writable | bridge.Priority: "Writable|Priority",
		bridge.PeerClosed | bridge.Failed: "PeerClosed|Failed",
		bridge.Readable | 1<<30:           "Readable|0x40000000",
	} {
		if got := events.String(); got != want {
			t.Errorf("Events(%#x) = %q, want %q", uint32(events), got, want)
		}
	}
}
