package measure_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/measure"
)

var kept [][]byte // so that the allocations of a test are not optimised away

// TestTakeCountsAllocations is not parallel: another test's allocations would count.
func TestTakeCountsAllocations(t *testing.T) {
	s, err := measure.Take(1000, func() error {
		kept = make([][]byte, 1000)
		for i := range kept {
			kept[i] = make([]byte, 128)
		}
		return nil
	})
	require.NoError(t, err)
	assert.InDelta(t, 1, s.Allocs(), 0.1)
	assert.InDelta(t, 128+24, s.Size(), 20, "128 bytes and a slice header each")
	assert.Positive(t, s.Took)
}

func TestTakePassesTheErrorOn(t *testing.T) {
	bad := errors.New("bad")
	_, err := measure.Take(1, func() error { return bad })
	assert.ErrorIs(t, err, bad)
}

func TestSampleSpeaksPerEvent(t *testing.T) {
	t.Parallel()
	s := measure.Sample{Events: 1000, Took: 2 * time.Millisecond, Mallocs: 1500, Bytes: 96_000}
	assert.InDelta(t, 500_000, s.Rate(), 1e-6)
	assert.InDelta(t, 2000, s.Cost(), 1e-9)
	assert.InDelta(t, 1.5, s.Allocs(), 1e-9)
	assert.InDelta(t, 96, s.Size(), 1e-9)
}

func TestEffortIsProcessorTimeWhereKnown(t *testing.T) {
	t.Parallel()
	s := measure.Sample{Events: 10, Took: 1000}
	assert.InDelta(t, 100, s.Effort(), 1e-9)
	s.CPU = 500
	assert.InDelta(t, 50, s.Effort(), 1e-9)
}

func TestSpreadIsMedianAndExtremes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, measure.Spread{}, measure.Of(nil))
	assert.Equal(t, measure.Spread{Median: 3, Low: 1, High: 9}, measure.Of([]float64{9, 1, 3}))
	assert.Equal(t, measure.Spread{Median: 2.5, Low: 1, High: 9}, measure.Of([]float64{9, 1, 3, 2}))
}

func TestAgainstDividesWithinARound(t *testing.T) {
	t.Parallel()
	at := func(took ...time.Duration) (all []measure.Sample) {
		for _, d := range took {
			all = append(all, measure.Sample{Events: 1, Took: d})
		}
		return all
	}
	// The second round was slow for both: the ratio does not show it. The third was only begun.
	got := measure.Against(at(20, 200), at(10, 100, 7), measure.Sample.Cost)
	assert.Equal(t, measure.Spread{Median: 2, Low: 2, High: 2}, got)
}
