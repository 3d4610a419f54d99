package queue

// A ring holds the values of a private Queue. It is guarded by the lock of the Queue.
type ring[T any] struct {
	values []T    // allocated by the first send
	next   uint64 // the position to take from
	length uint64 // the number of values
}

// send adds v. The ring must have fewer than places values.
func (r *ring[T]) send(v *T, places uint64) {
	if r.values == nil {
		r.values = make([]T, places)
	}
	r.values[(r.next+r.length)&(places-1)] = *v
	r.length++
}

func (r *ring[T]) ready() bool { return r.length > 0 }

// front returns the value to take. The caller must have called ready.
func (r *ring[T]) front() *T { return &r.values[r.next&uint64(len(r.values)-1)] }

// take moves values to dst and returns their number.
func (r *ring[T]) take(dst []T) (n int) {
	for ; n < len(dst) && r.ready(); n++ {
		dst[n] = *r.front()
		r.drop()
	}
	return n
}

// drop removes the value at front.
func (r *ring[T]) drop() { r.next++; r.length-- }
