package queue

// A ring holds the values of a queue that only goroutines send to. The lock of the
// Queue protects it.
type ring[T any] struct {
	values []T // made by the first send
	next   uint64
	length uint64
}

// send adds v. There are fewer than places values.
func (r *ring[T]) send(v *T, places uint64) {
	if r.values == nil {
		r.values = make([]T, places)
	}
	r.values[(r.next+r.length)&(places-1)] = *v
	r.length++
}

func (r *ring[T]) ready() bool { return r.length > 0 }

// front returns the value to take, after ready.
func (r *ring[T]) front() *T { return &r.values[r.next&uint64(len(r.values)-1)] }

// take moves values to dst, and returns how many.
func (r *ring[T]) take(dst []T) (n int) {
	for ; n < len(dst) && r.ready(); n++ {
		dst[n] = *r.front()
		r.drop()
	}
	return n
}

// drop goes on to the next value.
func (r *ring[T]) drop() { r.next++; r.length-- }
