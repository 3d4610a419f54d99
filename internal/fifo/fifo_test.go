package fifo_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/eventchan/eventchan/internal/fifo"
)

// A queue behaves as a slice does, whatever the sequence of operations.
func TestQueueAgainstSlice(t *testing.T) {
	var q fifo.Queue[int]
	var model []*fifo.Node[int]
	var out []*fifo.Node[int]
	for i := range 20000 {
		switch rand.IntN(4) {
		case 0, 1:
			n := &fifo.Node[int]{Value: i}
			if len(out) > 0 { // reuse a node
				n, out = out[0], out[1:]
			}
			q.Push(n)
			model = append(model, n)
		case 2:
			n := q.Pop()
			if len(model) == 0 {
				if n != nil {
					t.Fatalf("Pop = %d from an empty queue", n.Value)
				}
				continue
			}
			if n != model[0] {
				t.Fatalf("Pop = %v, want %d", n, model[0].Value)
			}
			model, out = model[1:], append(out, n)
		case 3:
			if len(model) > 0 {
				k := rand.IntN(len(model))
				n := model[k]
				if !q.Remove(n) || q.Remove(n) {
					t.Fatal("Remove should succeed once")
				}
				model, out = slices.Delete(model, k, k+1), append(out, n)
			}
		}
		if q.Len() != len(model) || len(model) > 0 && q.First() != model[0] {
			t.Fatalf("Len = %d, First = %v; want %d", q.Len(), q.First(), len(model))
		}
	}
}
