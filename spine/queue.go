package spine

// queue is a double-ended queue of work numbers: a ring that doubles when it is full. What
// it holds is bounded by the credits. It must not be copied.
type queue struct {
	ring []uint32
	head int
	n    int
	few  [8]uint32 // ring, while it is large enough
}

func (q *queue) len() int { return q.n }

func (q *queue) at(i int) uint32 { return q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *queue) push(w uint32) {
	q.grow()
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = w
	q.n++
}

// pushFront puts ws before everything else, in their order.
func (q *queue) pushFront(ws []uint32) {
	for i := len(ws) - 1; i >= 0; i-- {
		q.grow()
		q.head = (q.head - 1) & (len(q.ring) - 1)
		q.ring[q.head] = ws[i]
		q.n++
	}
}

func (q *queue) pop() uint32 {
	w := q.ring[q.head]
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return w
}

// filter keeps what keep says, in order.
func (q *queue) filter(keep func(uint32) bool) {
	kept := 0
	for i := range q.n {
		w := q.at(i)
		if keep(w) {
			q.ring[(q.head+kept)&(len(q.ring)-1)] = w
			kept++
		}
	}
	q.n = kept
}

func (q *queue) grow() {
	if q.n < len(q.ring) {
		return
	}
	if q.ring == nil {
		q.ring = q.few[:]
		return
	}
	ring := make([]uint32, 2*len(q.ring))
	for i := range q.n {
		ring[i] = q.at(i)
	}
	q.ring, q.head = ring, 0
}
