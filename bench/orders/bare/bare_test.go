package bare_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/flow"
)

func quiet(string) {}

func small() bare.Contest {
	return bare.Contest{
		Name: "small", Operations: flow.Record(flow.Config{Seed: 1}, 200, 3000), Contestants: bare.Contestants(), Singles: true,
	}
}

func TestAllBooksComeToTheSameTotals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		require.NoError(t, bare.Check(flow.Record(flow.Config{Seed: seed}, 500, 20_000)))
	}
}

func TestCheckFindsWrongTotals(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*flow.Totals){
		func(w *flow.Totals) { w.Traded++ }, func(w *flow.Totals) { w.Notional++ }, func(w *flow.Totals) { w.Trades++ },
		func(w *flow.Totals) { w.Refused++ }, func(w *flow.Totals) { w.Resting++ },
	} {
		r := flow.Record(flow.Config{Seed: 1}, 10, 1000)
		change(&r.Want)
		require.ErrorContains(t, bare.Check(r), "came to")
	}
}

func TestEveryContestantIsMeasuredInEveryRound(t *testing.T) {
	t.Parallel()
	r, err := bare.Run(t.Context(), small(), 2, quiet)
	require.NoError(t, err)
	require.Len(t, r.Rows, len(bare.Contestants()))
	for i, row := range r.Rows {
		require.Len(t, row.Samples, 2, row.Name)
		assert.Equal(t, 3000, row.Samples[0].Events)
		if bare.Contestants()[i].Ahead {
			assert.Empty(t, row.Singles, row.Name)
			continue
		}
		require.Len(t, row.Singles, 2, row.Name)
		assert.EqualValues(t, 3000, row.Singles[0].Count)
		assert.Positive(t, row.Singles[0].P50)
	}
	assert.Len(t, r.Clocks, 2)
}

func TestBookThatComesToSomethingElseEndsTheContest(t *testing.T) {
	t.Parallel()
	c := small()
	c.Operations.Want.Trades++
	_, err := bare.Run(t.Context(), c, 1, quiet)
	require.ErrorContains(t, err, "trades")
}

func TestSpeedIsThatOfTheSameRound(t *testing.T) {
	t.Parallel()
	row := func(took ...time.Duration) (r bare.Row) {
		for _, d := range took {
			r.Samples = append(r.Samples, measure.Sample{Events: 100, Took: d})
			r.Singles = append(r.Singles, latency.Quantiles{P50: d})
		}
		return r
	}
	engine, floor := row(20, 400, 20), row(10, 200, 10)
	assert.InDelta(t, 0.5, engine.Speed(floor).High, 1e-9)
	p50 := func(q latency.Quantiles) time.Duration { return q.P50 }
	assert.InDelta(t, 2, engine.SingleAgainst(floor, p50).Median, 1e-9)
	assert.InDelta(t, 20, engine.Single(p50).Median, 1e-9)
}

// stick is a yardstick that knows its part: it writes two orders that trade, and says it took 50 ns.
const stick = `package main

import (
	"fmt"
	"os"
)

func main() {
	for i, arg := range os.Args {
		if arg == "-dump" {
			os.WriteFile(os.Args[i+1], []byte("add,1,BUY,100,5\nadd,2,SELL,99,3\ncancel,1\n"), 0o644)
		}
	}
	fmt.Println("baseline: 50.0 ns/op, 20.0 M op/s; traded 3, notional 300, trades 1, resting 0")
	fmt.Println("expected: traded 3, notional 300, trades 1, resting 0")
}
`

func TestYardstickIsBuiltAskedAndMeasured(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module stick\n\ngo 1.26\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(stick), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := bare.BuildStick(ctx, folder, t.TempDir(), 42, 1, 2)
	require.NoError(t, err)
	ops, err := s.Operations(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, []flow.Op{{ID: 1, Price: 100, Qty: 5, Trader: 1, Kind: flow.Buy}}, ops.Fill)
	assert.Equal(t, []flow.Op{{ID: 2, Price: 99, Qty: 3, Trader: 1, Kind: flow.Sell}, {ID: 1}}, ops.Ops)
	require.NoError(t, bare.Check(ops))
	r, err := bare.Run(ctx, bare.Contest{Operations: ops, Contestants: append(bare.Contestants(), s.Contestant())}, 1, quiet)
	require.NoError(t, err)
	row, ok := r.Of(bare.Yardstick)
	require.True(t, ok)
	assert.InDelta(t, 50, row.Samples[0].Cost(), 1e-9)
	_, err = s.Operations(ctx, 2)
	require.ErrorContains(t, err, "3 operations, want 4")
}

func TestYardstickThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	_, err := bare.BuildStick(t.Context(), t.TempDir(), t.TempDir(), 1, 1, 1)
	require.ErrorIs(t, err, bare.ErrNoStick)
}

func TestMemoryIsLookedAtBeforeAndAfterEveryStep(t *testing.T) {
	t.Parallel()
	m, err := bare.Memory(t.Context(), 1, 3, 2000, quiet)
	require.NoError(t, err)
	assert.Len(t, m.Heap, 4)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	_, err = bare.Memory(ctx, 1, 3, 2000, quiet)
	assert.ErrorIs(t, err, enough)
}
