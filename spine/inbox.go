package spine

import "sync"

// inbox holds the router's messages until it takes them, all at once. What it holds is bounded by
// what is in flight: one message per pull, batch and chunk, and those of callers who wait.
type inbox struct {
	mu     sync.Mutex
	msgs   []any
	spare  []any
	opened bool
}

// open lets put wake the router from now on.
func (b *inbox) open() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = true
}

// put adds a message, and reports whether to wake the router: it is the first one, and the inbox is open.
func (b *inbox) put(msg any) (wake bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.msgs = append(b.msgs, msg)
	return b.opened && len(b.msgs) == 1
}

// take empties the inbox.
func (b *inbox) take() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	msgs := b.msgs
	b.msgs, b.spare = b.spare, nil
	return msgs
}

// giveBack returns what take gave, to be used again.
func (b *inbox) giveBack(msgs []any) {
	clear(msgs)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spare = msgs[:0]
}
