package host_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
)

// BenchmarkLane is the cost of an event on its way through a stateless organ's lane and back, with its share of
// the two messages of its batch. An operation is an event.
func BenchmarkLane(b *testing.B) {
	sink := actors.NewOrgan("sink", actors.Sink(func(context.Context, actors.EventOf[ping]) error { return nil }))
	looking := actors.NewOrgan("looking", actors.Sink(func(ctx context.Context, _ actors.EventOf[ping]) error { return ctx.Err() }))
	batching := actors.NewOrgan("batching", actors.SinkBatch(func(context.Context, []actors.EventOf[ping]) error { return nil }))
	for _, c := range []struct {
		name  string
		organ actors.Organ
	}{{"sink", sink}, {"emit", echo()}, {"context", looking}, {"sinkbatch", batching}} {
		for _, size := range []int{64, 512} {
			b.Run(fmt.Sprintf("%s/batch=%d", c.name, size), func(b *testing.B) {
				evs := pings(b, size)
				benchLane(b, c.organ, host.OrganConfig{}, evs, [][]actors.Event{evs})
			})
		}
	}
}

// benchLane runs b.N events, batch after batch, through one lane, after a first batch that does not count.
func benchLane(b *testing.B, def actors.Definition, c host.OrganConfig, first []actors.Event, rounds [][]actors.Event) {
	back := make(chan *host.Batch, 1)
	s := host.NewSystem(host.Options{Logger: discard()})
	c.Workers, c.Deliver = 1, func(x *host.Batch) { back <- x }
	o, err := s.Organ(def, c)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Stop(context.Background())) }()
	batch := &host.Batch{}
	run := func(evs []actors.Event) {
		batch.Reset()
		for _, ev := range evs {
			batch.Items = append(batch.Items, host.Item{Event: ev, Attempt: 1})
		}
		o.Lanes()[0].Run(batch)
		batch = <-back
	}
	run(first)
	batch = &host.Batch{}
	b.ReportAllocs()
	b.ResetTimer()
	for done, round := 0, 0; done < b.N; round++ {
		evs := rounds[round%len(rounds)]
		run(evs)
		done += len(evs)
	}
	b.StopTimer()
}

const cellBatch = 64

// cellRounds are batches of events with random keys out of n.
func cellRounds(b *testing.B, n int) [][]actors.Event {
	rnd := rand.New(rand.NewPCG(1, 2))
	rounds := make([][]actors.Event, 64)
	for i := range rounds {
		for range cellBatch {
			rounds[i] = append(rounds[i], event(b, keyed{fmt.Sprint("key-", rnd.IntN(n)), 1}))
		}
	}
	return rounds
}

// tally is a keyed organ that emits nothing.
func tally() *actors.Keyed[count] {
	return actors.NewKeyed("tally", func(string) *count { return &count{} },
		actors.Step(func(c *count, ev actors.EventOf[keyed]) ([]actors.Payload, error) {
			c.Sum += ev.Payload.N
			return nil, nil
		}))
}

var cellCounts = []int{1, 1000, 100_000}

// BenchmarkCellLane steps cells that live in one lane. An operation is an event.
func BenchmarkCellLane(b *testing.B) {
	for _, n := range cellCounts {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			config := host.OrganConfig{
				Store: blank{}, ResidentCells: 2 * n, Snapshots: persistence.SnapshotPolicy{Records: 1 << 30, InPlace: -1},
			}
			benchLane(b, tally(), config, everyKey(b, n), cellRounds(b, n))
		})
	}
}

// everyKey is one event per key.
func everyKey(b *testing.B, n int) (evs []actors.Event) {
	for i := range n {
		evs = append(evs, event(b, keyed{fmt.Sprint("key-", i), 1}))
	}
	return evs
}

// blank is a store that knows no cell and keeps nothing.
type blank struct{}

func (blank) Load(_ context.Context, cells []persistence.Cell, _ []persistence.History) ([]persistence.History, error) {
	return make([]persistence.History, len(cells)), nil
}
func (blank) Save(context.Context, persistence.Cell, persistence.Snapshot) error { return nil }
func (blank) Expire(context.Context, string, time.Time, int) (int, error)        { return 0, nil }

// cellActor is a cell as an actor of its own, the way the textbook has it. It makes the same record of a
// change as a lane does, but has no deadline and no care for failures.
type cellActor struct {
	cell   actors.Cell
	change persistence.Change
	done   *sync.WaitGroup
}

func (a *cellActor) Receive(ctx actor.Context) {
	ev, ok := ctx.Message().(actors.Event)
	if !ok {
		return
	}
	defer a.done.Done()
	if _, err := a.cell.Step(ev); err != nil {
		return
	}
	digest, err := persistence.Digest(nil, false)
	if err == nil {
		a.change = persistence.Change{Base: a.change.Base + 1, Version: 1, Digest: digest, At: epoch}
	}
}

// BenchmarkCellActor is BenchmarkCellLane with one actor per key. An operation is an event.
func BenchmarkCellActor(b *testing.B) {
	for _, n := range cellCounts {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			rounds := cellRounds(b, n)
			system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return discard() }))
			defer system.Shutdown()
			var done sync.WaitGroup
			organ := tally()
			pids := map[string]*actor.PID{}
			for _, ev := range everyKey(b, n) {
				pids[ev.Key()] = system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
					c, _ := organ.NewCell(ev.Key())
					return &cellActor{cell: c, done: &done}
				}))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for sent, round := 0, 0; sent < b.N; round++ {
				batch := rounds[round%len(rounds)]
				done.Add(len(batch))
				for _, ev := range batch {
					system.Root.Send(pids[ev.Key()], ev)
				}
				done.Wait()
				sent += len(batch)
			}
			b.StopTimer()
			for _, pid := range pids {
				system.Root.Stop(pid)
			}
		})
	}
}

// BenchmarkRef is the cost of an event told to a Ref, with all of its own bookkeeping.
func BenchmarkRef(b *testing.B) {
	s := host.NewSystem(host.Options{Logger: discard()})
	defer func() { require.NoError(b, s.Stop(context.Background())) }()
	r, err := s.Spawn(actors.NewOrgan("sink", actors.Sink(func(context.Context, actors.EventOf[ping]) error { return nil })), lasting())
	require.NoError(b, err)
	b.Run("tell", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for host.Tell(r, ping{N: 1}) != nil {
				require.NoError(b, r.Wait(context.Background()))
			}
		}
		require.NoError(b, r.Wait(context.Background()))
	})
	b.Run("handle", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := host.Handle(context.Background(), r, ping{N: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
