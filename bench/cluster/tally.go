package cluster

import "sync"

// tally counts starts that nodes say are done, up to how many are expected.
type tally struct {
	mu   sync.Mutex
	left int64
	each func()
}

// expect begins anew with n starts; each is called for every one of them that is done, one at a time.
func (t *tally) expect(n int, each func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left, t.each = int64(n), each
}

// done says that n starts more are done. More than are expected are ignored: whether all were handled once is for the store
// to say.
func (t *tally) done(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; n > 0 && t.left > 0; n-- {
		t.left--
		t.each()
	}
}
