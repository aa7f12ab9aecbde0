package spine

import (
	"context"
	"sync"
)

// feed pulls from the backend, one pull at a time, when it is told to. Pull waits, so it runs
// beside the router and answers with a message.
type feed struct {
	backend Backend
	tell    func(any)
	wants   chan Want // holds one: the router begins a pull only when the last has ended
	message pulledMsg // of the present pull; given back before the next begins

	mu   sync.Mutex
	ctx  context.Context // of the present pull
	stop context.CancelFunc
}

func newFeed(b Backend, tell func(any)) *feed {
	f := &feed{backend: b, tell: tell, wants: make(chan Want, 1)}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// pull begins a pull.
func (f *feed) pull(w Want) {
	f.mu.Lock()
	if f.ctx.Err() != nil {
		f.ctx, f.stop = context.WithCancel(context.Background())
	}
	f.mu.Unlock()
	w.Into = f.message.ds[:0]
	f.wants <- w
}

// cancel ends the present pull soon; it still answers.
func (f *feed) cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop()
}

// giveBack returns a pull's memory.
func (f *feed) giveBack(m *pulledMsg) {
	clear(m.ds)
	m.ds = m.ds[:0]
}

// close ends run, and the present pull.
func (f *feed) close() {
	f.cancel()
	close(f.wants)
}

func (f *feed) run() {
	for w := range f.wants {
		f.mu.Lock()
		ctx := f.ctx
		f.mu.Unlock()
		ds, err := f.backend.Pull(ctx, w)
		if err != nil && ctx.Err() != nil {
			err = nil // we ended it ourselves
		}
		f.message.ds, f.message.err = ds, err
		f.tell(&f.message)
	}
}
