package bridge_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"weak"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// addAlien makes an alien in s that stays ready until the end of the test.
func addAlien(t *testing.T, s *bridge.Set[string]) {
	t.Helper()
	p := newTube(t)
	p.write(t)
	number := p.r
	duplicate, err := unix.FcntlInt(uintptr(number), unix.F_DUPFD_CLOEXEC, 0) // as in a child process
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(duplicate) })
	mustAddTo(t, s, number, bridge.Readable, "alien")
	p.close(&p.r)
	if err := s.Remove(number); err != nil {
		t.Fatal(err)
	}
}

func addReady(t *testing.T, s *bridge.Set[string], key string) {
	t.Helper()
	p := newTube(t)
	p.write(t)
	mustAddTo(t, s, p.r, bridge.Readable, key)
}

// Members take turns although aliens are ready, wherever in the kernel's list these are.
func TestSetMembersTakeTurnsBesideAliens(t *testing.T) {
	for _, aliens := range []int{1, 3} {
		for _, members := range []string{"a", "ab", "abc", "abcde"} {
			for _, room := range []int{1, 2, 4} {
				for before := range len(members) + 1 {
					name := fmt.Sprintf("%d aliens after %d of %d members, room for %d", aliens, before, len(members), room)
					t.Run(name, func(t *testing.T) {
						s := mustSet[string](t)
						for i, key := range members {
							if i == before {
								addAliens(t, s, aliens)
							}
							addReady(t, s, string(key))
						}
						if before == len(members) {
							addAliens(t, s, aliens)
						}
						wantTurns(t, s, members, room)
					})
				}
			}
		}
	}
}

func addAliens(t *testing.T, s *bridge.Set[string], n int) {
	t.Helper()
	for range n {
		addAlien(t, s)
	}
}

// wantTurns polls s and fails if a member is returned twice before every other one, each of
// which is ready, has been returned once.
func wantTurns(t *testing.T, s *bridge.Set[string], members string, room int) {
	t.Helper()
	turns := make([]int, len(members))
	dst := make([]event, room)
	for range 10 * len(members) {
		n := s.Poll(dst)
		if want := min(room, len(members)); n != want {
			t.Fatalf("Poll = %d, want %d", n, want)
		}
		for _, ev := range dst[:n] {
			turns[strings.Index(members, ev.Key)]++
		}
		if slices.Max(turns) > slices.Min(turns)+1 {
			t.Fatalf("the members have had %v turns", turns)
		}
	}
}

// Members take turns even if each Poll has another room for them. The turns begin anew after a Poll that has
// returned all of them.
func TestSetMembersTakeTurnsWithAnyRoom(t *testing.T) {
	for _, aliens := range []int{0, 1, 3} {
		for before := range 3 {
			s := mustSet[string](t)
			for i, key := range []string{"a", "b", "c"} {
				if i == before {
					addAliens(t, s, aliens)
				}
				addReady(t, s, key)
			}
			for sequence := range 6 * 6 * 6 {
				wantTurnsInRooms(t, s, 3, 1+sequence%6, 1+sequence/6%6, 1+sequence/36)
			}
		}
	}
}

// wantTurnsInRooms polls s, which has so many ready members, with each room repeatedly.
func wantTurnsInRooms(t *testing.T, s *bridge.Set[string], members int, rooms ...int) {
	t.Helper()
	had := make(map[string]bool) // the members that have had their turn
	s.Poll(make([]event, members+10))
	for i := range 4 * len(rooms) {
		dst := make([]event, rooms[i%len(rooms)])
		n := s.Poll(dst)
		if want := min(len(dst), members); n != want {
			t.Fatalf("rooms %v: Poll = %d, want %d", rooms, n, want)
		}
		for _, ev := range dst[:n] {
			if had[ev.Key] {
				t.Fatalf("rooms %v: %s comes again, and only %v had their turn", rooms, ev.Key, had)
			}
			had[ev.Key] = true
			if len(had) == members {
				clear(had)
			}
		}
		if n == members {
			clear(had)
		}
	}
}

// A Poll makes one system call, and at most one more for each alien that is ready. If no
// member is ready, each call takes as many aliens as dst has room for.
func TestSetPollCallsBesideAliens(t *testing.T) {
	leaktest.Baseline() // waits until nothing else polls
	for _, aliens := range []int{1, 100} {
		for _, members := range []string{"", "a", "abc"} {
			t.Run(fmt.Sprint(aliens, " aliens and ", len(members), " members"), func(t *testing.T) {
				s := mustSet[string](t)
				for _, key := range members {
					addReady(t, s, string(key))
				}
				addAliens(t, s, aliens)
				for _, room := range []int{aliens + len(members), 1, 2, 7, aliens, aliens + 1, aliens + 10} {
					most := aliens + 1
					if members == "" {
						most = aliens/room + 1
					}
					wantCalls(t, s, room, min(room, len(members)), most)
				}
			})
		}
	}
}

// wantCalls fails unless a Poll with this room returns want members by at most so many system
// calls.
func wantCalls(t *testing.T, s *bridge.Set[string], room, want, most int) {
	t.Helper()
	var calls atomic.Int32
	restore := rawefd.SetHook(func(c rawefd.Call) unix.Errno {
		if c.Name == "epoll_pwait" && int(calls.Add(1)) > most {
			return unix.EIO // otherwise Poll might never end
		}
		return 0
	})
	got := poll(s, room)
	restore()
	if len(got) != want || int(calls.Load()) > most {
		t.Errorf("room for %d: Poll gave %v by %d system calls, want %d members by at most %d", room, got, calls.Load(), want, most)
	}
}

// A pulse that was kept for a member does not make Poll miss other members beside an alien.
func TestSetChangeOfAKeptPulseBesideAnAlien(t *testing.T) {
	m := openMountinfo(t)
	s := mustSet[string](t)
	m.pulse(t)
	mustAddTo(t, s, m.fd, bridge.Readable|bridge.Priority, "m") // keeps the pulse
	if err := s.Change(m.fd, bridge.Readable); err != nil {
		t.Fatal(err)
	}
	addAlien(t, s)
	addReady(t, s, "b")
	if got, want := poll(s, 3), []event{{"b", bridge.Readable}, {"m", bridge.Readable}}; !slices.Equal(got, want) {
		t.Errorf("Poll gave %v, want %v", got, want)
	}
}

// The key of a member that Add has replaced can be collected.
func TestSetForgetsTheKeyOfAReplacedMember(t *testing.T) {
	s := mustSet[*[64]byte](t)
	p, number := newTube(t), newTube(t).r
	key := new([64]byte)
	gone := weak.Make(key)
	mustAddTo(t, s, number, bridge.Readable, key)
	key = nil
	dupTo(t, p.r, number)
	mustAddTo(t, s, number, bridge.Readable, nil)
	runtime.GC()
	if gone.Value() != nil {
		t.Error("the Set still holds the key of the replaced member")
	}
	runtime.KeepAlive(s)
}

// If a member was closed before Remove, Add of a member with its number replaces that member.
func TestSetAddReplacesAMemberOfASuspectNumber(t *testing.T) {
	s := mustSet[string](t)
	p, q := newTube(t), newTube(t)
	number := p.r
	mustAddTo(t, s, number, bridge.Readable, "a")
	wantIs(t, "Add of a member", s.Add(number, 0, "b"), os.ErrExist)
	p.close(&p.r)
	if err := s.Remove(number); err != nil {
		t.Fatal(err)
	}
	q.write(t)
	dupTo(t, q.r, number)
	t.Cleanup(func() { unix.Close(number) })
	mustAddTo(t, s, number, bridge.Readable, "c")
	mustAddTo(t, s, number, bridge.Readable, "d")
	wantPoll(t, s, "d has replaced c", event{"d", bridge.Readable})
}
