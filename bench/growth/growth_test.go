package growth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// TestEveryPointRuns measures a little of everything, so that no series rots.
func TestEveryPointRuns(t *testing.T) {
	t.Parallel()
	c := growth.Config{Rounds: 1, Events: 500, Most: 1000}
	r, err := growth.Run(t.Context(), c, growth.All(c), func(string) {})
	require.NoError(t, err)
	for _, curve := range r.Curves {
		require.NotEmpty(t, curve.Dots, curve.Name)
		for _, d := range curve.Dots {
			assert.Len(t, d.Samples, 1, "%s, %s", curve.Name, d.Label)
			assert.Positive(t, d.Cost().Median, "%s, %s", curve.Name, d.Label)
		}
	}
}

func costs(ns ...time.Duration) []measure.Sample {
	var all []measure.Sample
	for _, d := range ns {
		all = append(all, measure.Sample{Events: 1, Took: d})
	}
	return all
}

func TestFlatCurveIsKeptUpToItsBound(t *testing.T) {
	t.Parallel()
	curve := func(last time.Duration) growth.Curve {
		return growth.Curve{Flat: true, Dots: []growth.Dot{{Samples: costs(100, 200)}, {Samples: costs(last, 2*last)}}}
	}
	assert.True(t, curve(150).Kept())
	assert.False(t, curve(151).Kept())
	assert.InDelta(t, 1.51, curve(151).Growth(), 1e-9)
	steep := curve(1000)
	steep.Flat = false
	assert.True(t, steep.Kept(), "what promises nothing keeps it")
}

func TestMemoryOfALongRunIsJudgedByItsLastThirds(t *testing.T) {
	t.Parallel()
	steady := growth.Memory{Step: 1_000_000, Heap: []uint64{1, 50, 90, 100, 100, 100, 104}}
	require.NoError(t, steady.Err(), "what the first third needs to get going is no leak")
	leaking := growth.Memory{Step: 1_000_000, Heap: []uint64{1, 100, 100, 100, 100, 106, 106}}
	require.ErrorContains(t, leaking.Err(), "grew by 6.0 %")
	leaking.Step = 1000
	require.NoError(t, leaking.Err(), "too few events to tell")
	require.NoError(t, growth.Memory{Step: 1_000_000, Heap: []uint64{1, 2, 90}}.Err(), "too few stations to tell")
}

// TestMemoryIsMeasuredAtEachStation is not parallel: what others hold would count.
func TestMemoryIsMeasuredAtEachStation(t *testing.T) {
	m, err := growth.RunMemory(t.Context(), 3, 2000, func(string) {})
	require.NoError(t, err)
	require.Len(t, m.Heap, 4)
}

func TestKeysAreDifferentAndWrapAround(t *testing.T) {
	t.Parallel()
	keys := load.NewKeys(1000)
	seen := map[string]bool{}
	for i := range uint64(1000) {
		seen[keys.At(i)] = true
	}
	assert.Len(t, seen, 1000)
	assert.Equal(t, keys.At(7), keys.At(1007))
}
