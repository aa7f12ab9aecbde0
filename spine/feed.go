package spine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// feed pulls from the backend, one pull at a time, when it is told to. Pull waits, so it runs
// beside the router and answers with a message.
type feed struct {
	backend Backend
	tell    func(any)
	wants   chan Want   // holds one: the router begins a pull only when the last has ended
	message pulledMsg   // of the present pull; given back before the next begins
	coming  atomic.Bool // message was told, and nothing of it is with its organs yet
	back    bool        // the router's own: message was given back

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
	w.Into, w.Hand = f.message.ds[:0], f.hand
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
	f.back = true
}

// dispatched notes that what was given back is with its organs.
func (f *feed) dispatched() {
	if f.back {
		f.back = false
		f.coming.Store(false)
	}
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
		switch {
		case errors.Is(err, ErrHanded):
			continue
		case err != nil && ctx.Err() != nil:
			err = nil // we ended it ourselves
		}
		f.answer(ds, err)
	}
}

// hand takes what a pull brings from who has found it. Nothing begins the next pull before the router has had it.
func (f *feed) hand(ds []Delivery) { f.answer(ds, nil) }

func (f *feed) answer(ds []Delivery, err error) {
	f.message.ds, f.message.err = ds, err
	f.coming.Store(true)
	f.tell(&f.message)
}
