package desk_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
	"github.com/necrostack/necrostack/spine"
)

// mixed is a stream of n commands: 60 % orders that rest, 30 % cancels, 10 % that take.
func mixed(n int, seed uint64) []desk.OrderValidated {
	random := rand.New(rand.NewPCG(seed, 1))
	var resting []string
	commands := make([]desk.OrderValidated, 0, n)
	for i := range n {
		c := desk.OrderValidated{Symbol: symbol, Action: desk.ActionNew, OrderType: "LIMIT", TIF: "GTC"}
		c.OrderID, c.TraderID = fmt.Sprintf("order-%08d", i), fmt.Sprintf("trader-%03d", random.IntN(200))
		c.Quantity = desk.Quantity(1 + random.IntN(100))
		c.Side = []string{"BUY", "SELL"}[random.IntN(2)]
		away := 1 + random.IntN(100)
		kind := random.IntN(10)
		switch {
		case kind < 3 && len(resting) > 0:
			k := random.IntN(len(resting))
			c = desk.OrderValidated{Symbol: symbol, Action: desk.ActionCancel, OrderID: resting[k]}
			resting[k] = resting[len(resting)-1]
			resting = resting[:len(resting)-1]
		case kind < 4:
			away, c.TIF, c.Quantity = -10, "IOC", c.Quantity*3
		default:
			resting = append(resting, c.OrderID)
		}
		if c.Action == desk.ActionNew {
			if c.Side == "BUY" {
				away = -away
			}
			c.Price = desk.Decimal(fmt.Sprintf("%d.%02d", (10_000+away)/100, (10_000+away)%100))
		}
		commands = append(commands, c)
	}
	return commands
}

// BenchmarkMatchingStep is one command through the cell of MatchingEngine: no Spine, no validation.
func BenchmarkMatchingStep(b *testing.B) {
	const many = 20_000 // of one life of the book; at its end some 6,000 orders rest
	stamper := actors.NewStamper(actors.StamperOptions{Service: "bench"})
	var events []actors.Event
	for _, c := range mixed(many, 42) {
		ev, err := stamper.Root(c, time.Unix(0, 0))
		require.NoError(b, err)
		events = append(events, ev)
	}
	keyed := engine(b, config())
	b.ReportAllocs()
	emitted, steps := 0, 0
	var cell actors.Cell
	for b.Loop() {
		if steps%many == 0 {
			b.StopTimer()
			var err error
			cell, err = keyed.NewCell(symbol)
			require.NoError(b, err)
			b.StartTimer()
		}
		out, err := cell.Step(events[steps%many])
		if err != nil {
			b.Fatal(err)
		}
		emitted += len(out)
		steps++
	}
	b.ReportMetric(float64(emitted)/float64(steps), "emitted/op")
}

// BenchmarkAuditStep is one event through the cell of AuditTrail, of each audited type in turn.
func BenchmarkAuditStep(b *testing.B) {
	stamper := actors.NewStamper(actors.StamperOptions{Service: "bench"})
	var events []actors.Event
	for _, p := range auditedPayloads() {
		ev, err := stamper.Root(p, time.Unix(0, 0))
		require.NoError(b, err)
		events = append(events, ev)
	}
	cell, err := organ[actors.KeyedOrgan](b, config(), desk.AuditTrail).NewCell(symbol)
	require.NoError(b, err)
	b.ReportAllocs()
	steps := 0
	for b.Loop() {
		if _, err := cell.Step(events[steps%len(events)]); err != nil {
			b.Fatal(err)
		}
		steps++
	}
}

// BenchmarkDesk is orders through a Spine in memory, 4,096 of them in flight: through the matching organ
// alone, and through the whole desk, whose clearing house takes no time. One op is one order, with all
// that follows from it.
func BenchmarkDesk(b *testing.B) {
	c := config()
	c.Symbols = nil
	for i := range 8 {
		c.Symbols = append(c.Symbols, matching.DefaultSpec(fmt.Sprintf("S%d", i)))
	}
	d, err := desk.New(c)
	require.NoError(b, err)
	b.Run("matching", func(b *testing.B) {
		matchingOnly := spine.WithOrgan(engine(b, c))
		throughSpine(b, func(v desk.OrderValidated) actors.Payload { return v }, matchingOnly)
	})
	b.Run("whole", func(b *testing.B) {
		throughSpine(b, func(v desk.OrderValidated) actors.Payload { return desk.OrderSubmitted(v) }, d.Options()...)
	})
}

func throughSpine(b *testing.B, order func(desk.OrderValidated) actors.Payload, opts ...spine.Option) {
	const batch = 256
	room := make(chan struct{}, 4096/batch)
	left := atomic.Int64{}
	done := make(chan struct{})
	matched := func(r spine.Result) {
		if r.Organ == desk.MatchingEngine {
			if n := left.Add(-1); n%batch == 0 {
				<-room
				if n == 0 {
					close(done)
				}
			}
		}
	}
	s, err := spine.New(spine.NewMemory(), append(opts, spine.WithHooks(spine.Hooks{Settled: matched}),
		spine.WithLogger(slog.New(slog.DiscardHandler)))...)
	require.NoError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	n := (b.N + batch - 1) / batch * batch
	left.Store(int64(n))
	stream := mixed(min(n, 1<<18), 42)
	b.ReportAllocs()
	b.ResetTimer()
	payloads := make([]actors.Payload, batch)
	for i := 0; i < n; i += batch {
		for k := range payloads {
			v := stream[(i+k)%len(stream)]
			v.Symbol = fmt.Sprintf("S%d", (i+k)%8)
			payloads[k] = order(v)
		}
		room <- struct{}{}
		if _, err := s.Publish(ctx, payloads...); err != nil {
			b.Fatal(err)
		}
	}
	<-done
	require.NoError(b, s.WaitIdle(ctx))
	b.StopTimer()
	stats := s.Stats()
	b.ReportMetric(float64(stats.Received)/float64(n), "events/order")
	stop()
	require.NoError(b, <-ended)
}
