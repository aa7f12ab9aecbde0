package latency_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/bench/latency"
)

func TestQuantilesHaveThreeDigits(t *testing.T) {
	t.Parallel()
	h := latency.New()
	for i := range 10_000 {
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	q := h.Quantiles()
	assert.EqualValues(t, 10_000, q.Count)
	for _, x := range []struct{ want, got time.Duration }{
		{5000, q.P50}, {9000, q.P90}, {9900, q.P99}, {9990, q.P999}, {9999, q.P9999}, {10_000, q.Max}, {5000, q.Mean},
	} {
		assert.InEpsilon(t, x.want*time.Microsecond, x.got, 0.002)
	}
}

func TestDurationsOutOfBoundsCountAsTheBound(t *testing.T) {
	t.Parallel()
	h := latency.New()
	h.Add(-time.Second)
	h.Add(time.Hour)
	q := h.Quantiles()
	assert.EqualValues(t, 2, q.Count)
	assert.InEpsilon(t, latency.Most, q.Max, 0.002)
	assert.InDelta(t, latency.Least, q.P50, 1)
}

func TestEmptyHistogramTellsNothing(t *testing.T) {
	t.Parallel()
	assert.Zero(t, latency.New().Quantiles())
	assert.Empty(t, latency.New().Curve())
}

func TestCurveEndsWhereTheDurationsDo(t *testing.T) {
	t.Parallel()
	h := latency.New()
	for i := range 100 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	c := h.Curve()
	assert.Equal(t, 2.0, c[0].Odds)
	assert.InEpsilon(t, 50*time.Millisecond, c[0].Value, 0.002)
	last := c[len(c)-1]
	assert.Equal(t, 100.0, last.Odds)
	assert.InEpsilon(t, 99*time.Millisecond, last.Value, 0.002)
}
