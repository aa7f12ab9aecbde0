package spine_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// hop is the payload of the benchmarks: 96 bytes, one type per stage.
type hop[S stage] struct {
	N   int
	Pad [11]int64
}

type stage interface{ name() string }

type (
	stageA struct{}
	stageB struct{}
	stageC struct{}
	stageD struct{}
)

func (stageA) name() string { return "HOP_A" }
func (stageB) name() string { return "HOP_B" }
func (stageC) name() string { return "HOP_C" }
func (stageD) name() string { return "HOP_D" }

func (hop[S]) EventType() string {
	var s S
	return s.name()
}

func pass[From, To stage](name string) actors.Organ {
	return actors.NewOrgan(name, actors.On(func(_ context.Context, ev actors.EventOf[hop[From]]) ([]actors.Payload, error) {
		return actors.Emit(hop[To]{N: ev.Payload.N}), nil
	}))
}

// BenchmarkChain measures hops of the chain A→B→C→D, window starts in flight. One op is one hop.
func BenchmarkChain(b *testing.B) {
	for _, window := range []int{1, 256, 4096} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) { benchChain(b, window) })
	}
}

func benchChain(b *testing.B, window int) {
	var handled atomic.Int64
	room := make(chan struct{}, window)
	done := make(chan struct{})
	starts := max(b.N/4, 1)
	last := actors.NewOrgan("d", actors.Sink(func(context.Context, actors.EventOf[hop[stageD]]) error {
		<-room
		if handled.Add(1) == int64(starts) {
			close(done)
		}
		return nil
	}))
	s, err := spine.New(spine.NewMemory(), spine.WithLogger(slog.New(slog.DiscardHandler)),
		spine.WithOrgan(pass[stageA, stageB]("a")), spine.WithOrgan(pass[stageB, stageC]("b")),
		spine.WithOrgan(pass[stageC, stageD]("c")), spine.WithOrgan(last))
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	const most = 256
	batch := make([]actors.Payload, 0, most)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < starts; {
		batch = batch[:0]
		for len(batch) < min(most, window) && n < starts {
			room <- struct{}{}
			batch = append(batch, hop[stageA]{N: n})
			n++
		}
		if _, err := s.Publish(ctx, batch...); err != nil {
			b.Fatal(err)
		}
	}
	<-done
	b.StopTimer()
	stats := s.Stats()
	b.ReportMetric(float64(stats.Deferred)/float64(max(stats.Received, 1)), "deferred/hop")
	b.ReportMetric(float64(stats.Processed)/float64(max(batches(stats), 1)), "hops/batch")
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

func batches(s spine.Stats) int {
	n := 0
	for _, o := range s.Organs {
		n += o.Batches
	}
	return n
}
