package spine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

func TestHistogramBucketsHoldWhatTheirBoundsSay(t *testing.T) {
	t.Parallel()
	for i := range 200 {
		top := bound(i)
		assert.Equal(t, i, bucketOf(top), "upper end of bucket %d", i)
		assert.Equal(t, i+1, bucketOf(top+1), "what follows bucket %d", i)
	}
	assert.Equal(t, 0, bucketOf(-time.Second))
	assert.Less(t, bucketOf(1<<63-1), len(histogram{}.buckets))
}

// TestHistogramQuantiles: a quantile is never too low, and at most 25 % too high.
func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	h := newHistogram()
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rnd.ExpFloat64() * float64(time.Millisecond))
		h.add(d, 1)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.9, 0.99, 1} {
		exact := all[int(q*float64(len(all))+0.5)-1]
		require.GreaterOrEqual(t, h.quantile(q), exact, "quantile %v", q)
		require.LessOrEqual(t, h.quantile(q), exact+exact/4, "quantile %v", q)
	}
	assert.Equal(t, all[len(all)-1], h.latency().Max)
}

func TestHistogramOfNothingIsZero(t *testing.T) {
	t.Parallel()
	h := newHistogram()
	assert.Equal(t, Latency{}, h.latency())
}

func TestHistogramCountsAllItemsOfABatch(t *testing.T) {
	t.Parallel()
	h := newHistogram()
	h.add(time.Millisecond, 99)
	h.add(time.Second, 1)
	assert.InEpsilon(t, time.Millisecond, h.quantile(0.5), 0.25)
	assert.InEpsilon(t, time.Millisecond, h.quantile(0.99), 0.25)
	assert.Equal(t, time.Second, h.quantile(1))
}

func TestStatsBoundTheNumberOfTypes(t *testing.T) {
	t.Parallel()
	s := newStatsBook()
	for i := range typesBound {
		_, first := s.enqueueTypes.add(fmt.Sprint("T", i))
		assert.True(t, first)
	}
	_, first := s.enqueueTypes.add("T0")
	assert.False(t, first)
	_, first = s.enqueueTypes.add("MORE")
	assert.True(t, first, "told once for all the others")
	_, first = s.enqueueTypes.add("STILL_MORE")
	assert.False(t, first)
	assert.Len(t, s.enqueueTypes.now(), typesBound+1)
	assert.Equal(t, 2, s.enqueueTypes.now()[otherTypes])
}

type sunset struct{}

func (sunset) EventType() string { return "SUNSET" }

func TestUnwantedEventsCountByTypeWhateverTheirNumber(t *testing.T) {
	t.Parallel()
	s := newStatsBook()
	now := time.Unix(1_900_000_000, 0)
	ev, other := ticks(t, 1, tick{}, now)[0], ticks(t, 1, sunset{}, now)[0]
	require.NotZero(t, ev.TypeNumber())
	assert.True(t, s.unwanted(ev, ev.TypeNumber()))
	assert.False(t, s.unwanted(ev, 0), "the same type")
	assert.False(t, s.unwanted(ev, ev.TypeNumber()))
	assert.True(t, s.unwanted(other, other.TypeNumber()))
	assert.Equal(t, map[string]int{ev.Type(): 3, other.Type(): 1}, s.unwantedTypes.now())
}

func TestWhatALetterDeskTellsIsNotUnwanted(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	for _, p := range []actors.Payload{supervision.LetterReplayed{}, supervision.LetterDropped{}} {
		s := newStatsBook()
		ev := ticks(t, 1, p, now)[0]
		require.NotZero(t, ev.TypeNumber())
		for _, number := range []uint16{0, ev.TypeNumber(), ev.TypeNumber(), 0} {
			assert.False(t, s.unwanted(ev, number), "%s, number %d", ev.Type(), number)
		}
		assert.Empty(t, s.unwantedTypes.now())
	}
}
