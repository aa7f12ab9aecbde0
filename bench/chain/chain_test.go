package chain_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

func TestPayloadHas96Bytes(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, 96, unsafe.Sizeof(load.A{}))
	assert.EqualValues(t, 96, unsafe.Sizeof(load.KeyedA{}))
}

// TestEveryContestantHandlesEveryStart feeds each one twice, and less than a batch at the end.
func TestEveryContestantHandlesEveryStart(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range chain.Contestants() {
		require.False(t, names[c.Name], "two are named %q", c.Name)
		names[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s, err := load.Round(ctx, c.Open, load.Plan{Window: 64, Batch: 16, Warm: 100, Starts: 1001, PerStart: chain.Hops})
			require.NoError(t, err)
			assert.Equal(t, 1001*chain.Hops, s.Events)
		})
	}
}

// TestHandlersOwnAllocations is not parallel: another test's allocations would count.
func TestHandlersOwnAllocations(t *testing.T) {
	r, err := chain.Run(t.Context(), chain.Config{}, nil, func(string) {})
	require.NoError(t, err)
	// Four payloads for four hops.
	assert.InDelta(t, 1.0, r.Own, 0.01)
}

func rows(took ...time.Duration) []measure.Sample {
	var all []measure.Sample
	for _, d := range took {
		all = append(all, measure.Sample{Events: 1000, Took: d})
	}
	return all
}

func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	t.Parallel()
	r := chain.Result{Rows: []chain.Row{
		{Name: "ours", Kind: chain.Ours, Samples: rows(20, 400, 20)},
		{Name: "slower", Kind: chain.Watermill, Samples: rows(300, 300, 300)},
		{Name: "faster", Kind: chain.Watermill, Samples: rows(100, 2000, 100)},
	}}
	best, ok := r.Of(chain.Watermill)
	require.True(t, ok)
	assert.Equal(t, "faster", best.Name)
	head, ok := r.Headline()
	require.True(t, ok)
	assert.InDelta(t, 5, r.Ratio(head, chain.Watermill).Median, 1e-9)
	assert.InDelta(t, 5, r.Ratio(head, chain.Watermill).High, 1e-9)
}

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		target chain.Target
		got    float64
		want   chain.Verdict
	}{
		{chain.Target{Kind: chain.Direct, Must: 0.35, Goal: 0.6}, 0.61, chain.Goal},
		{chain.Target{Kind: chain.Direct, Must: 0.35, Goal: 0.6}, 0.40, chain.Must},
		{chain.Target{Kind: chain.Direct, Must: 0.35, Goal: 0.6}, 0.34, chain.Missed},
		{chain.Target{Must: 2, Goal: 1}, 0.9, chain.Goal},
		{chain.Target{Must: 2, Goal: 1}, 1.5, chain.Must},
		{chain.Target{Must: 2, Goal: 1}, 2.5, chain.Missed},
	} {
		assert.Equal(t, x.want, x.target.Judge(x.got), "%+v: %v", x.target, x.got)
	}
}
