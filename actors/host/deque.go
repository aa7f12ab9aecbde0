package host

// deque is a queue with two ends. It gives back what a burst made it take when it is
// empty again. It must not be copied.
type deque[T any] struct {
	ring  []T // its length is 0 or a power of two
	first int
	count int
	few   [2]T // ring, while it is large enough
}

// keepRing is the largest ring that an empty deque keeps.
const keepRing = 1024

func (d *deque[T]) len() int { return d.count }

func (d *deque[T]) pushBack(x T) {
	d.grow()
	d.ring[(d.first+d.count)&(len(d.ring)-1)] = x
	d.count++
}

func (d *deque[T]) pushFront(x T) {
	d.grow()
	d.first = (d.first - 1) & (len(d.ring) - 1)
	d.ring[d.first] = x
	d.count++
}

// front is the first; there must be one.
func (d *deque[T]) front() T { return d.ring[d.first] }

// popFront takes the first; there must be one.
func (d *deque[T]) popFront() T {
	var none T
	x := d.ring[d.first]
	d.ring[d.first] = none
	d.first = (d.first + 1) & (len(d.ring) - 1)
	d.count--
	if d.count == 0 {
		d.first = 0 // the same memory as last time, not what is cold
		if len(d.ring) > keepRing {
			d.ring = nil
		}
	}
	return x
}

func (d *deque[T]) grow() {
	if d.count < len(d.ring) {
		return
	}
	if d.ring == nil {
		d.ring = d.few[:]
		return
	}
	ring := make([]T, max(8, 2*len(d.ring)))
	for i := range d.count {
		ring[i] = d.ring[(d.first+i)&(len(d.ring)-1)]
	}
	d.ring, d.first = ring, 0
}
