package host

// deque is a queue of tasks with two ends. It gives back what a burst made it take when it is
// empty again.
type deque struct {
	ring  []*task // its length is 0 or a power of two
	first int
	count int
}

// keepRing is the largest ring that an empty deque keeps.
const keepRing = 1024

func (d *deque) len() int { return d.count }

func (d *deque) pushBack(t *task) {
	d.grow()
	d.ring[(d.first+d.count)&(len(d.ring)-1)] = t
	d.count++
}

func (d *deque) pushFront(t *task) {
	d.grow()
	d.first = (d.first - 1) & (len(d.ring) - 1)
	d.ring[d.first] = t
	d.count++
}

// popFront takes the first task; there must be one.
func (d *deque) popFront() *task {
	t := d.ring[d.first]
	d.ring[d.first] = nil
	d.first = (d.first + 1) & (len(d.ring) - 1)
	d.count--
	if d.count == 0 && len(d.ring) > keepRing {
		*d = deque{}
	}
	return t
}

func (d *deque) grow() {
	if d.count < len(d.ring) {
		return
	}
	ring := make([]*task, max(8, 2*len(d.ring)))
	for i := range d.count {
		ring[i] = d.ring[(d.first+i)&(len(d.ring)-1)]
	}
	d.ring, d.first = ring, 0
}
