package persistence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

func digest(t *testing.T, exact bool, at time.Time, ps ...actors.Payload) uint64 {
	t.Helper()
	s := actors.NewStamper(stamper)
	root, err := s.Root(paid{"a", 1}, noon)
	require.NoError(t, err)
	var emitted []actors.Event
	for i, p := range ps {
		ev, err := s.Emission(root, i, p, at)
		require.NoError(t, err)
		emitted = append(emitted, ev)
	}
	d, err := persistence.Digest(emitted, exact)
	require.NoError(t, err)
	return d
}

func TestDigestSaysHowStrongItIs(t *testing.T) {
	t.Parallel()
	for _, ps := range [][]actors.Payload{nil, {reminder{}}, {balance{1}, balance{2}}} {
		assert.True(t, persistence.Exact(digest(t, true, noon, ps...)))
		assert.False(t, persistence.Exact(digest(t, false, noon, ps...)))
	}
}

// Ids and times differ between a handling and its replay.
func TestDigestCoversTheStepAndNotTheHandling(t *testing.T) {
	t.Parallel()
	for _, exact := range []bool{true, false} {
		d := func(at time.Time) uint64 {
			return digest(t, exact, at, balance{1}, actors.After(time.Hour, reminder{}))
		}
		assert.Equal(t, d(noon), d(noon.Add(time.Hour)))
	}
}

func TestDigestTellsEmissionsApart(t *testing.T) {
	t.Parallel()
	common := map[string][]actors.Payload{
		"none":         nil,
		"one":          {balance{1}},
		"two":          {balance{1}, balance{1}},
		"another type": {reminder{}},
		"order":        {reminder{}, balance{1}},
		"other order":  {balance{1}, reminder{}},
		"key":          {actors.With(balance{1}, actors.Key("k"))},
		"another key":  {actors.With(balance{1}, actors.Key("l"))},
		"delay":        {actors.After(time.Hour, balance{1})},
		"longer delay": {actors.After(time.Hour+time.Microsecond, balance{1})},
		// The boundary between type and key must not be lost.
		"type is AB":       {actors.Raw{Type: "AB"}},
		"type is A, key B": {actors.With(actors.Raw{Type: "A"}, actors.Key("B"))},
	}
	for _, exact := range []bool{true, false} {
		seen := map[uint64]string{}
		for name, ps := range common {
			d := digest(t, exact, noon, ps...)
			assert.Emptyf(t, seen[d], "%s and %s have one digest", name, seen[d])
			seen[d] = name
		}
	}
	assert.NotEqual(t, digest(t, true, noon, balance{1}), digest(t, true, noon, balance{2}))
}

// Recorded digests outlive the process that made them: these values may never change.
func TestDigestIsStable(t *testing.T) {
	t.Parallel()
	ps := []actors.Payload{balance{1}, actors.With(reminder{}, actors.Key("k"), actors.After(time.Hour))}
	assert.Equal(t, uint64(0xe3b0c44298fc1c15), digest(t, true, noon))
	assert.Equal(t, uint64(0x4e4f4e4550574e00), digest(t, false, noon))
	assert.Equal(t, uint64(0x5bad11b786536ac5), digest(t, true, noon, ps...))
	assert.Equal(t, uint64(0x2b4179b3b3c03b36), digest(t, false, noon, ps...))
}

func TestExactDigestReportsWhatDoesNotEncode(t *testing.T) {
	t.Parallel()
	s := actors.NewStamper(stamper)
	ev, err := s.Root(actors.Raw{Type: "A", Data: []byte("[")}, noon)
	require.NoError(t, err)
	_, err = persistence.Digest([]actors.Event{ev}, true)
	require.ErrorIs(t, err, actors.ErrEncode)
	_, err = persistence.Digest([]actors.Event{ev}, false)
	require.NoError(t, err)
}

func BenchmarkDigest(b *testing.B) {
	s := actors.NewStamper(stamper)
	root, err := s.Root(paid{"a", 1}, noon)
	require.NoError(b, err)
	ev, err := s.Emission(root, 0, actors.With(balance{1}, actors.Key("account-17")), noon)
	require.NoError(b, err)
	for name, exact := range map[string]bool{"exact": true, "light": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = persistence.Digest([]actors.Event{ev}, exact)
			}
		})
	}
}

func TestLightDigestTellsNoKeyFromTheKeyBefore(t *testing.T) {
	t.Parallel()
	s := actors.NewStamper(actors.StamperOptions{})
	raw := actors.Raw{Type: "A"}
	mk := func(p actors.Payload) actors.Event {
		ev, err := s.Root(p, time.Unix(0, 0))
		require.NoError(t, err)
		return ev
	}
	a, none := mk(actors.With(raw, actors.Key("k"))), mk(raw)
	x, _ := persistence.Digest([]actors.Event{a, none}, false)
	y, _ := persistence.Digest([]actors.Event{a, a}, false)
	require.NotEqual(t, x, y)
}
