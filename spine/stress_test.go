package spine_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// stress counts what becomes of every deposit in every organ.
type stress struct {
	mu      sync.Mutex
	settled map[string]map[actors.ID]int // by organ
}

func (s *stress) add(x spine.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.Event.Type() != "DEPOSIT" {
		return
	}
	if s.settled[x.Organ] == nil {
		s.settled[x.Organ] = map[actors.ID]int{}
	}
	s.settled[x.Organ][x.Event.ID()]++
}

// mood fails at random: errors, errors that stay, and a few panics, which cost a lane its time.
type mood struct{ panics atomic.Int64 }

func (m *mood) err() error {
	switch n := rand.IntN(300); {
	case n < 15:
		return errFlaky
	case n < 20:
		return actors.Permanent(errBad)
	}
	m.mayPanic()
	return nil
}

func (m *mood) mayPanic() {
	if rand.IntN(300) == 0 && m.panics.Add(1) <= 3 {
		panic("moody")
	}
}

// TestStress runs in real time: publishers, pauses, questions and restarts at once, over organs that
// fail at random. In the end every event is accounted for exactly once by every organ.
func TestStress(t *testing.T) {
	t.Parallel()
	const publishers, accountsKept = 4, 20
	book := &stress{settled: map[string]map[actors.ID]int{}}
	p := supervision.Policy{
		Retry:     supervision.Retry{Attempts: 6, Backoff: supervision.Exponential(time.Millisecond, 10*time.Millisecond)},
		Exhausted: supervision.Store,
	}
	moodyOrgan := func(name string) actors.Organ {
		var m mood
		return actors.NewOrgan(name, actors.On(func(context.Context, actors.EventOf[deposit]) ([]actors.Payload, error) {
			return actors.Emit(ping{1}), m.err()
		}))
	}
	var pings atomic.Int64
	var cells mood
	m := spine.NewMemory(spine.WithLetterLimit(1_000_000), spine.WithCapacity(5000))
	s, err := spine.New(m, spine.WithLogger(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))),
		spine.WithInFlight(500, 1<<20), spine.WithPolicy(p), spine.WithHooks(spine.Hooks{Settled: book.add}),
		spine.WithOrgan(moodyOrgan("many"), spine.Workers(4)),
		spine.WithOrgan(moodyOrgan("ordered"), spine.Ordered(), spine.Workers(2)),
		spine.WithOrgan(accounts("accounts", func(deposit) error {
			cells.mayPanic()
			return nil
		})),
		spine.WithOrgan(failing("pings", func(context.Context, int) error { pings.Add(1); return nil })))
	require.NoError(t, err)

	ctx, over := context.WithTimeout(t.Context(), 2*time.Second)
	defer over()
	var published atomic.Int64
	var group sync.WaitGroup
	for range publishers {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				ids, _ := s.Publish(ctx, deposit{fmt.Sprintf("a%d", i%accountsKept), 1}, deposit{fmt.Sprintf("a%d", rand.IntN(accountsKept)), 1})
				for _, id := range ids {
					if !id.IsZero() {
						published.Add(1)
					}
				}
				if i%50 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	group.Go(func() { disturb(ctx, s) })
	for ctx.Err() == nil { // several runs, each ended in the midst of things
		run, stop := context.WithTimeout(ctx, 300*time.Millisecond)
		require.NoError(t, s.Run(run))
		stop()
	}
	group.Wait()
	_, err = s.RunUntilIdle(t.Context())
	require.NoError(t, err)

	require.Greater(t, published.Load(), int64(1000))
	for _, organ := range []string{"many", "ordered", "accounts"} {
		got := book.settled[organ]
		assert.Len(t, got, int(published.Load()), organ)
		for id, n := range got {
			require.Equal(t, 1, n, "%s %s", organ, id)
		}
	}
	dead := map[string]int{}
	for l, err := range supervision.NewDesk(m, "main").List(t.Context(), supervision.Filter{}) {
		require.NoError(t, err)
		dead[l.Organ]++
	}
	done := 2*int(published.Load()) - dead["many"] - dead["ordered"]
	assert.EqualValues(t, done, pings.Load(), "every success has emitted once")
	assert.Equal(t, int(published.Load())-dead["accounts"], total(t, s, accountsKept), "no cent is lost")
}

// disturb pauses and asks until ctx ends.
func disturb(ctx context.Context, s *spine.Spine) {
	for ctx.Err() == nil {
		// Between two runs nobody answers; that is all that may go wrong here.
		_ = s.Pause("many")
		_, _ = spine.Ask[int](ctx, s, "accounts", "a1", howMuch{})
		time.Sleep(5 * time.Millisecond)
		_ = s.Resume("many")
		_ = s.Stats()
		time.Sleep(5 * time.Millisecond)
	}
}

// total is the sum of all accounts.
func total(t *testing.T, s *spine.Spine, n int) int {
	t.Helper()
	stop := running(t, s)
	defer func() { require.NoError(t, stop()) }()
	sum := 0
	for i := range n {
		var cents int
		require.Eventually(t, func() bool { // the run is still coming up at first
			var err error
			cents, err = spine.Ask[int](t.Context(), s, "accounts", fmt.Sprintf("a%d", i), howMuch{})
			return err == nil
		}, 5*time.Second, time.Millisecond)
		sum += cents
	}
	return sum
}
