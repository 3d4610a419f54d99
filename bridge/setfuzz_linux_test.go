package bridge_test

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// A setModel is the expected state of a Set: which numbers are members, and what the kernel
// has registered by number and file. Each file has a duplicate, so none is ever released.
type setModel struct {
	set     *bridge.Set[int]
	files   [3]*tube
	data    [3]bool    // by file
	numbers [3]int     // descriptor numbers
	means   [3]int     // by number: the file that it refers to now
	kernel  [3][3]bool // by number and file
	alien   [3]bool    // by number: a registration could not be deleted
	members map[int]setMember
	key     int
}

type setMember struct {
	file, key int
	deaf      bool
}

// FuzzSet runs a random program of additions, changes, removals, reused numbers, events and
// polls on a Set and on a model of it, and compares the two after each step.
func FuzzSet(f *testing.F) {
	f.Add([]byte{0, 0, 4, 0, 0, 1, 4, 1, 1, 0, 3, 0, 1, 0, 2, 0, 5, 0})
	f.Add([]byte{0, 0, 4, 0, 3, 1, 0, 0, 3, 0, 2, 0, 3, 1, 0, 0, 4, 1, 5, 0, 3, 4, 2, 0})
	f.Add([]byte{0, 0, 3, 3, 0, 0, 3, 0, 1, 0, 1, 0, 4, 1, 5, 1, 4, 0}) // a number becomes another file's, and then the first one's again
	f.Fuzz(func(t *testing.T, program []byte) {
		m := &setModel{set: mustSet[int](t), members: make(map[int]setMember)}
		for i := range 3 {
			m.files[i], m.numbers[i], m.means[i] = newTube(t), newTube(t).r, i
			dupTo(t, m.files[i].r, m.numbers[i])
		}
		for ; len(program) >= 2 && !t.Failed(); program = program[2:] {
			m.step(t, program[0]%6, int(program[1]))
			m.check(t)
		}
		m.set.Close()
	})
}

func (m *setModel) step(t *testing.T, op byte, arg int) {
	at := arg % 3
	number, file := m.numbers[at], m.means[at]
	known := &m.kernel[at][file]
	member, in := m.members[at]
	switch op {
	case 0:
		m.key++
		err := m.set.Add(number, bridge.Readable, m.key)
		if *known && !m.alien[at] {
			wantIs(t, "Add of a member", err, os.ErrExist)
			return
		}
		if err != nil {
			t.Errorf("Add = %v", err)
		}
		m.alien[at] = m.alien[at] || in
		m.members[at], *known = setMember{file, m.key, false}, true
	case 1:
		err := m.set.Change(number, map[bool]bridge.Events{true: bridge.Readable}[member.deaf])
		switch {
		case !in:
			wantIs(t, "Change of a number that is not a member", err, os.ErrNotExist)
		case !*known:
			wantIs(t, "Change of a reused number", err, unix.ENOENT)
		case err != nil:
			t.Errorf("Change = %v", err)
		default:
			m.members[at] = setMember{file, member.key, !member.deaf}
		}
	case 2:
		err := m.set.Remove(number)
		if !in {
			wantIs(t, "Remove of a number that is not a member", err, os.ErrNotExist)
			return
		}
		if err != nil {
			t.Errorf("Remove = %v", err)
		}
		m.alien[at] = m.alien[at] || !*known
		*known = false
		delete(m.members, at)
	case 3: // the number becomes another file's
		m.means[at] = arg / 3 % 3
		dupTo(t, m.files[m.means[at]].r, number)
	case 4:
		if !m.data[at] {
			m.files[at].write(t)
		}
		m.data[at] = true
	case 5:
		if m.data[at] {
			m.files[at].read(t)
		}
		m.data[at] = false
	}
}

// check compares the members that Poll returns with those that it should return.
func (m *setModel) check(t *testing.T) {
	var want, got []int
	for _, member := range m.members {
		if m.data[member.file] && !member.deaf {
			want = append(want, member.key)
		}
	}
	dst := make([]bridge.Event[int], 4)
	for _, ev := range dst[:m.set.Poll(dst)] {
		got = append(got, ev.Key)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("Poll gave members %v, want %v", got, want)
	}
}
