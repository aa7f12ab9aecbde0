package load_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
)

func TestWindowBoundsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := load.NewWindow(12, 4)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("enough"))
		defer cancel()
		published := 0
		err := w.Feed(ctx, 100, func(n int) error {
			published += n
			return nil
		})
		require.ErrorContains(t, err, "0 of 100 starts were handled: enough")
		assert.Equal(t, 12, published)
	})
}

func TestFeedEndsWithTheLastStartHandled(t *testing.T) {
	t.Parallel()
	w := load.NewWindow(8, 4)
	var handled atomic.Int64
	todo := make(chan struct{}, 8)
	go func() { // ends with the test
		for range todo {
			handled.Add(1)
			w.Done()
		}
	}()
	defer close(todo)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	// Several times, and never a whole number of batches: nothing of the window may be lost.
	for _, total := range []int{10, 1, 35} {
		handled.Store(0)
		err := w.Feed(ctx, total, func(n int) error {
			require.LessOrEqual(t, n, 4)
			for range n {
				todo <- struct{}{}
			}
			return nil
		})
		require.NoError(t, err)
		assert.EqualValues(t, total, handled.Load())
	}
}

func TestFeedEndsWhenPublishFails(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	err := load.NewWindow(4, 4).Feed(t.Context(), 10, func(int) error { return bad })
	assert.ErrorIs(t, err, bad)
}

func TestPartsMakeAStart(t *testing.T) {
	t.Parallel()
	w := load.NewWindow(1, 1)
	p := load.NewParts(w, 3)
	published := 0
	err := w.Feed(t.Context(), 2, func(int) error {
		published++
		for range 3 {
			p.Done()
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, published)
}

// TestSpineThatStopsEndsTheRound: without this a benchmark of a broken Spine would wait for ever.
func TestSpineThatStopsEndsTheRound(t *testing.T) {
	t.Parallel()
	open := func(w *load.Window) (load.Line, error) {
		lazy := actors.NewOrgan("lazy", actors.Sink(func(context.Context, actors.EventOf[load.A]) error { return nil }))
		next := func(uint64) actors.Payload { return load.A{} }
		return load.StartSpine(w, spine.NewMemory(), next, spine.WithOrgan(lazy), spine.WithMaxSteps(10))
	}
	_, err := load.Round(t.Context(), open, load.Plan{Window: 16, Batch: 16, Starts: 64, PerStart: 1})
	require.ErrorIs(t, err, spine.ErrMaxSteps)
}
