package load

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Window bounds the starts that are in flight: published, and not handled by the last organ
// of the chain. Whatever is measured is fed through one, so that all have the same load. Feed is for
// one goroutine, Done for any.
type Window struct {
	batch  int64
	tokens chan struct{} // one per batch that may be published
	done   atomic.Int64
	total  atomic.Int64 // of the present Feed
	over   chan struct{}
}

// NewWindow lets at most starts be in flight, published batch by batch. starts is a multiple of
// batch, at least one.
func NewWindow(starts, batch int) *Window {
	n := max(starts/batch, 1)
	w := &Window{batch: int64(batch), tokens: make(chan struct{}, n), over: make(chan struct{}, 1)}
	for range n {
		w.tokens <- struct{}{}
	}
	return w
}

// Done says that the last organ has handled a start. It never blocks.
func (w *Window) Done() {
	n := w.done.Add(1)
	if n%w.batch == 0 {
		w.tokens <- struct{}{}
	}
	if n == w.total.Load() {
		w.over <- struct{}{}
	}
}

// Feed calls publish for total starts, batch by batch, as the window allows, and returns when all
// of them are done. It ends with an error when publish does, or with ctx.
func (w *Window) Feed(ctx context.Context, total int, publish func(n int) error) error {
	w.done.Store(0)
	w.total.Store(int64(total))
	for rest := total; rest > 0; {
		if err := w.wait(ctx, w.tokens); err != nil {
			return err
		}
		n := min(int(w.batch), rest)
		if err := publish(n); err != nil {
			return err
		}
		rest -= n
	}
	if err := w.wait(ctx, w.over); err != nil {
		return err
	}
	if int64(total)%w.batch != 0 {
		w.tokens <- struct{}{} // of the last batch, which was not a whole one
	}
	return nil
}

// Parts is for starts that are done when so many handlers have had them, in whatever order the handlers
// take the starts.
type Parts struct {
	window *Window
	n      int64
	seen   atomic.Int64
}

// NewParts counts n parts as one start of w.
func NewParts(w *Window, n int) *Parts { return &Parts{window: w, n: int64(n)} }

// Done says that one handler has handled a start.
func (p *Parts) Done() {
	if p.seen.Add(1)%p.n == 0 {
		p.window.Done()
	}
}

func (w *Window) wait(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d of %d starts were handled: %w", w.done.Load(), w.total.Load(), context.Cause(ctx))
	}
}
