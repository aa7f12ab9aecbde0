package bare

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders/flow"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// MemoryStations and MemoryStep are twenty million orders.
const (
	MemoryStations = 20
	MemoryStep     = 1_000_000
)

// memoryLive is how many orders may rest in the long run: a book that grows with the day would be no
// leak, and would look like one.
const memoryLive = 50_000

// Memory lets an engine with everything on take step new orders between two stations, and the cancels among them;
// in the end it must be at what the orders come to.
func Memory(ctx context.Context, seed uint64, stations, step int, progress func(string)) (growth.Memory, error) {
	m := growth.Memory{Step: step}
	e, err := newEngine(matching.Config{L2: true, L3: true})
	if err != nil {
		return m, err
	}
	s := flow.New(flow.Config{Seed: seed, Live: memoryLive})
	m.Heap = append(m.Heap, measure.Heap())
	for i := range stations {
		progress(fmt.Sprintf("books, memory: %d of %d orders", i*step, stations*step))
		if err := ctx.Err(); err != nil {
			return m, context.Cause(ctx)
		}
		feed(e, s, step)
		m.Heap = append(m.Heap, measure.Heap())
	}
	if t := s.Totals(); int64(e.Trades()) != t.Trades || e.Live() != t.Resting {
		return m, fmt.Errorf("books, memory: the engine came to %d trades and %d orders resting, want %d and %d",
			e.Trades(), e.Live(), t.Trades, t.Resting)
	}
	return m, e.Verify()
}

func feed(e *matching.Engine, s *flow.Stream, orders int) {
	var c matching.Command
	for orders > 0 {
		op := s.Next()
		command(&c, &op)
		e.Apply(&c)
		if op.Kind != flow.Cancel {
			orders--
		}
	}
}
