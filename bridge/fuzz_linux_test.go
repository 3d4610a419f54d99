package bridge_test

import (
	"context"
	"testing"

	"github.com/eventchan/eventchan/bridge"
)

// FuzzWatcher runs a random program on the Watchers of a pipe and on a model of them, and
// compares the two after each step. The model knows how much data there is and which
// Watchers have an edge in C.
func FuzzWatcher(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 3, 0, 4, 0, 2, 0, 1, 0, 5, 0})
	f.Add([]byte{1, 0, 0, 0, 0, 1, 3, 0, 6, 0, 3, 0, 2, 0, 6, 0, 5, 0})
	f.Add([]byte{0, 0, 0, 0, 1, 0, 7, 0, 1, 0, 7, 1, 7, 0, 4, 0, 2, 0, 7, 0, 7, 1, 1, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		m := &model{pipe: newTube(t), sync: newTube(t)}
		m.synced = eachInstance(t, m.sync)
		for ; len(program) >= 2 && !t.Failed(); program = program[2:] {
			m.step(t, program[0]%8, program[1])
			m.settle(t)
		}
		for _, w := range m.watchers {
			w.Close()
		}
	})
}

type watcher struct {
	*bridge.Watcher
	edge bool // C should hold an edge
	deaf bool // Change has set its events to 0
}

type model struct {
	pipe     *tube
	data     int
	sync     *tube // its event is delivered after all others
	synced   []*bridge.Watcher
	watchers []*watcher
}

func (m *model) step(t *testing.T, op, arg byte) {
	var w *watcher
	if len(m.watchers) > 0 {
		w = m.watchers[int(arg)%len(m.watchers)]
	}
	switch {
	case op == 0 && len(m.watchers) < 10:
		m.watchers = append(m.watchers, &watcher{Watcher: mustWatch(t, m.pipe.r, bridge.Readable), edge: m.data > 0})
	case op == 1 && m.data < 1000:
		m.pipe.write(t)
		m.data++
		for _, w := range m.watchers {
			w.edge = w.edge || !w.deaf
		}
	case op == 2 && m.data > 0:
		for ; m.data > 0; m.data -= min(m.data, 64) {
			m.pipe.read(t)
		}
	case op == 3 && w != nil && w.edge:
		wantEdge(t, w.Watcher, bridge.Readable)
		w.edge = false
	case op == 4 && w != nil:
		m.wait(t, w)
	case op == 5 && w != nil:
		w.Close()
		m.watchers[int(arg)%len(m.watchers)] = m.watchers[len(m.watchers)-1]
		m.watchers = m.watchers[:len(m.watchers)-1]
	case op == 6 && w != nil:
		if err := w.Rearm(); err != nil {
			t.Errorf("Rearm = %v", err)
		}
		w.edge = w.edge || m.data > 0 && !w.deaf
	case op == 7 && w != nil:
		w.deaf = !w.deaf
		mustChange(t, w.Watcher, map[bool]bridge.Events{false: bridge.Readable}[w.deaf])
		w.edge = m.data > 0 && !w.deaf
	}
}

func (m *model) wait(t *testing.T, w *watcher) {
	if m.data > 0 && !w.deaf {
		wantWait(t, w.Watcher, bridge.Readable)
		return
	}
	ctx, cancel := context.WithCancel(background)
	done := make(chan error)
	go func() { _, err := w.Wait(ctx); done <- err }()
	cancel()
	wantIs(t, "Wait without data", <-done, context.Canceled)
}

// settle waits until all edges that are on their way have arrived, and checks C of each
// Watcher.
func (m *model) settle(t *testing.T) {
	m.sync.write(t)
	for _, w := range m.synced {
		wantEdge(t, w, bridge.Readable)
	}
	m.sync.read(t)
	for _, w := range m.watchers {
		if got := len(w.C()) == 1; got != w.edge {
			t.Errorf("C holds an edge: %v, want %v, with %d bytes of data", got, w.edge, m.data)
		}
	}
}
