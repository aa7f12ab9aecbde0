package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
)

// The names of an event say what its handling does.
var storms = []string{"", "", "", "", "", "", "", "error", "permanent", "panic", "goexit", "slow", "late", "stuck", "listen", "unencodable"}

// squall does what an event's name says.
func squall(ctx context.Context, name string) ([]actors.Payload, error) {
	switch name {
	case "error":
		return nil, errors.New("boom")
	case "permanent":
		return nil, actors.Permanent(errors.New("boom"))
	case "panic":
		panic("boom")
	case "goexit":
		runtime.Goexit()
	case "slow":
		time.Sleep(10 * time.Millisecond)
	case "late":
		time.Sleep(105 * time.Millisecond)
	case "stuck":
		time.Sleep(time.Second)
	case "listen":
		<-ctx.Done()
		return nil, ctx.Err()
	case "unencodable":
		return actors.Emit(unencodable{}), nil
	}
	return actors.Emit(pong{}), nil
}

// storm is an owner that gives its lanes random batches and checks everything that comes back.
type storm struct {
	t     *testing.T
	rnd   *rand.Rand
	store *persistence.Memory

	mu     sync.Mutex
	out    map[*host.Batch]bool // given and not back
	down   map[*host.Lane]bool
	free   []*host.Lane
	ran    map[actors.ID]int // when an event's handler began last; 0: never
	begun  int
	counts map[host.OutcomeCode]int
	ending bool
}

func newStorm(t *testing.T, seed uint64) *storm {
	return &storm{
		t: t, rnd: rand.New(rand.NewPCG(seed, 1)), store: persistence.NewMemory(),
		out: map[*host.Batch]bool{}, down: map[*host.Lane]bool{}, ran: map[actors.ID]int{},
		counts: map[host.OutcomeCode]int{},
	}
}

func (s *storm) handle(ctx context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
	s.mu.Lock()
	s.begun++
	s.ran[ev.ID()] = s.begun
	s.mu.Unlock()
	return squall(ctx, ev.Payload.Name)
}

// gust is a keyed ping.
type gust struct {
	ping
	Key string
}

func (gust) EventType() string  { return "GUST" }
func (g gust) EventKey() string { return g.Key }

func (s *storm) organ(sort string) actors.Definition {
	switch sort {
	case "keyed":
		return actors.NewKeyed("counter", func(string) *count { return &count{} },
			actors.Step(func(c *count, ev actors.EventOf[gust]) ([]actors.Payload, error) {
				c.Steps++
				return s.handle(context.Background(), actors.EventOf[ping]{Event: ev.Event, Payload: ev.Payload.ping})
			}),
			actors.Answer(func(c *count, _ sumQuery) (count, error) { return *c, nil }))
	case "batching":
		return actors.NewOrgan("batching", actors.SinkBatch(func(ctx context.Context, evs []actors.EventOf[ping]) error {
			for _, ev := range evs {
				if _, err := s.handle(ctx, ev); err != nil {
					return err
				}
			}
			return nil
		}))
	case "instances":
		return actors.PerWorker("instances", func() (actors.Organ, error) {
			return actors.NewOrgan("instance", actors.On(s.handle)), nil
		})
	default:
		return actors.NewOrgan("plain", actors.On(s.handle))
	}
}

// payload is an event that does anything, of a random key of the lane.
func (s *storm) payload(l *host.Lane, isKeyed bool, n int) actors.Payload {
	p := gustOf(s.rnd, isKeyed, n)
	if g, ok := p.(gust); ok {
		g.Key = fmt.Sprint("lane", l.Index(), "-", g.Key)
		return g
	}
	return p
}

// gustOf is an event that does anything, of a random key.
func gustOf(rnd *rand.Rand, isKeyed bool, n int) actors.Payload {
	p := ping{N: n, Name: storms[rnd.IntN(len(storms))]}
	if !isKeyed {
		return p
	}
	if p.Name == "listen" {
		p.Name = "" // a Step has no context
	}
	return gust{p, fmt.Sprint("k", rnd.IntN(5))}
}

func (s *storm) batch(l *host.Lane, isKeyed bool) *host.Batch {
	b := &host.Batch{}
	for n := range 1 + s.rnd.IntN(8) {
		ev := event(s.t, s.payload(l, isKeyed, n))
		it := host.Item{Event: ev, Attempt: int32(1 + s.rnd.IntN(2)), Ref: uint32(n)}
		if s.rnd.IntN(20) == 0 {
			it.Failed = &actors.Failure{Kind: actors.KindError, Err: errors.New("before"), Attempt: 5}
		}
		b.Items = append(b.Items, it)
	}
	return b
}

// deliver checks what must hold for every batch.
func (s *storm) deliver(b *host.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Contains(s.t, s.out, b, "a batch comes back once")
	delete(s.out, b)
	require.Len(s.t, b.Outcomes, len(b.Items))
	begun, last := true, 0
	for i, o := range b.Outcomes {
		s.counts[o.Code]++
		ran := s.ran[b.Items[i].Event.ID()]
		if b.Items[i].Failed != nil {
			require.Zero(s.t, ran, "OnFailed is no handling")
			continue
		}
		if ran > 0 && !s.ending {
			require.Greater(s.t, ran, last, "in order")
			last = ran
		}
		switch o.Code {
		case host.Handled:
			require.Positive(s.t, ran, "a handled item's handler ran")
			require.True(s.t, begun, "nothing is handled behind what was not begun")
		case host.Failed:
			require.NotNil(s.t, o.Failure)
			require.Equal(s.t, int(b.Items[i].Attempt), o.Failure.Attempt)
		case host.Undone:
			begun = false
			require.True(s.t, b.Down || s.ending, "only a lane that is down leaves something undone here")
		}
		if o.Change != nil {
			ev := b.Items[i].Event
			require.NoError(s.t, s.store.Apply(persistence.Cell{Organ: "counter", Key: ev.Key()}, ev, *o.Change))
		}
	}
	if b.Down {
		require.False(s.t, s.down[b.Lane])
		s.down[b.Lane] = true
		return
	}
	s.free = append(s.free, b.Lane)
}

func (s *storm) notify(n host.Notice) {
	if n.Kind != host.LaneReady {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	require.True(s.t, s.down[n.Lane], "only a lane that is down becomes ready")
	delete(s.down, n.Lane)
	s.free = append(s.free, n.Lane)
}

// give gives every free lane a batch, and some a sweep before.
func (s *storm) give(isKeyed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := slices.Clone(s.free)
	s.free = s.free[:0]
	for _, l := range free {
		b := s.batch(l, isKeyed)
		s.out[b] = true
		if isKeyed && s.rnd.IntN(3) == 0 {
			l.Sweep()
		}
		l.Run(b)
	}
}

func TestStorm(t *testing.T) {
	t.Parallel()
	for _, sort := range []string{"plain", "batching", "instances", "keyed"} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(sort, " ", seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { weather(t, sort, seed) })
			})
		}
	}
}

func weather(t *testing.T, sort string, seed uint64) {
	s := newStorm(t, seed)
	isKeyed := sort == "keyed"
	system := host.NewSystem(host.Options{Logger: discard()})
	o, err := system.Organ(s.organ(sort), host.OrganConfig{
		Workers: 3, Policy: within(100 * time.Millisecond), Ordered: isKeyed || seed%2 == 0, Encode: true, Store: s.store,
		ResidentCells: 6, IdleAfter: time.Millisecond, Deliver: s.deliver, Notify: s.notify,
	})
	require.NoError(t, err)
	s.free = slices.Clone(o.Lanes())
	for range 60 {
		s.give(isKeyed)
		time.Sleep(time.Duration(s.rnd.IntN(300)) * time.Millisecond)
	}
	synctest.Wait()
	if seed%3 == 0 {
		s.mu.Lock()
		s.ending = true
		s.mu.Unlock()
		system.Interrupt()
	}
	time.Sleep(10 * time.Second)
	require.NoError(t, system.Stop(context.Background()))
	time.Sleep(10 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Empty(t, s.out, "every batch came back")
	require.Zero(t, system.Abandoned())
	require.Positive(t, s.counts[host.Handled])
	require.Positive(t, s.counts[host.Failed])
	require.Positive(t, s.counts[host.Undone])
	if isKeyed {
		require.LessOrEqual(t, o.CellStats().Resident, int64(0), "a lane that has ended has no cells")
	}
}
