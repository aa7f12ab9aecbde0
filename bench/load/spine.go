package load

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// Spine is a line through a running Spine in memory.
type Spine struct {
	*spine.Spine
	window *Window
	next   func(i uint64) actors.Payload
	at     uint64
	batch  []actors.Payload

	backend spine.Backend
	cancel  context.CancelFunc
	run     context.Context // ends with the run
	err     error           // of the run, once that has ended
}

var errEnded = errors.New("the run has ended")

// StartSpine runs a Spine on backend. next makes the payload of start i, counted from 0 over all
// calls of Feed. The Spine logs what it would log in production, to nowhere.
func StartSpine(w *Window, backend spine.Backend, next func(i uint64) actors.Payload, opts ...spine.Option) (*Spine, error) {
	quiet := spine.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	s, err := spine.New(backend, append([]spine.Option{quiet}, opts...)...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	run, ended := context.WithCancelCause(context.Background())
	line := &Spine{Spine: s, window: w, next: next, backend: backend, cancel: cancel, run: run}
	go func() { // ends with Close
		line.err = s.Run(ctx)
		ended(errors.Join(errEnded, line.err))
	}()
	return line, nil
}

// Feed implements Line.
func (s *Spine) Feed(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(s.run, func() { cancel(context.Cause(s.run)) })
	defer stop()
	return s.window.Feed(ctx, n, func(n int) error {
		s.batch = s.batch[:0]
		for range n {
			s.batch = append(s.batch, s.next(s.at))
			s.at++
		}
		_, err := s.Publish(ctx, s.batch...)
		return err
	})
}

// Close implements Line.
func (s *Spine) Close() error {
	s.cancel()
	<-s.run.Done()
	return errors.Join(s.err, s.backend.Close(context.Background()))
}
