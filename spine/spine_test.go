package spine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

type ping struct{ N int }

func (ping) EventType() string { return "PING" }

type pong struct{ N int }

func (pong) EventType() string { return "PONG" }

type deposit struct {
	Account string
	Cents   int
}

func (deposit) EventType() string  { return "DEPOSIT" }
func (d deposit) EventKey() string { return d.Account }

type balance struct{ Cents int }

var errFlaky = errors.New("flaky")

func TestRunUntilIdleHandlesAChain(t *testing.T) {
	var pongs atomic.Int64
	a := actors.NewOrgan("a", actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		return actors.Emit(pong{ev.Payload.N}), nil
	}))
	b := actors.NewOrgan("b", actors.Sink(func(_ context.Context, ev actors.EventOf[pong]) error {
		pongs.Add(1)
		return nil
	}))
	s, err := spine.New(spine.NewMemory(), spine.WithOrgan(a), spine.WithOrgan(b))
	require.NoError(t, err)
	var ps []actors.Payload
	for i := range 1000 {
		ps = append(ps, ping{i})
	}
	stats, err := s.RunUntilIdle(t.Context(), ps...)
	require.NoError(t, err)
	require.EqualValues(t, 1000, pongs.Load())
	require.Equal(t, 2000, stats.Acked)
	require.Equal(t, 2000, stats.Processed)
	require.Equal(t, 1000, stats.Emitted)
}
