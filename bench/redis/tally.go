package redis

import "sync"

// tally hears which starts are done, and passes each on once: at-least-once peers may say so twice, and that must not
// hide one that is missing.
type tally struct {
	mu    sync.Mutex
	first uint64
	seen  []bool
	done  func(number uint64)
}

// expect begins with n starts from first on. done is called for each, one at a time.
func (t *tally) expect(first uint64, n int, done func(number uint64)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first, t.seen, t.done = first, make([]bool, n), done
}

// Done says that a start is done. Starts that are not expected are ignored.
func (t *tally) Done(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := number - t.first
	if i >= uint64(len(t.seen)) || t.seen[i] {
		return
	}
	t.seen[i] = true
	t.done(number)
}
