package supervision_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// users are the keys of the events that were appended, in their order.
func (m *memory) users() []string {
	var keys []string
	for _, ev := range m.appended {
		keys = append(keys, ev.Key())
	}
	return keys
}

func TestReplayAllGoesOldestFirst(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c", "d", "e")
	var progress []int
	report, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{
		Progress: func(done int) { progress = append(progress, done) },
	})
	require.NoError(t, err)
	assert.Equal(t, supervision.Report{Replayed: 5, Failed: map[string]error{}}, report)
	assert.Equal(t, []string{"a", "b", "c", "d", "e"}, m.users())
	assert.Equal(t, []int{1, 2, 3, 4, 5}, progress)
	assert.Empty(t, m.left())
}

// A cause that is not mended makes a new dead letter of each replay. ReplayAll must not chase them.
func TestReplayAllLeavesNewLettersAlone(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c")
	m.onReplay = func(ev actors.Event) error {
		m.add(letter(t, 10, ev.Key()))
		return nil
	}
	report, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
	require.NoError(t, err)
	assert.Equal(t, 3, report.Replayed)
	assert.Equal(t, []string{"4", "5", "6"}, m.left())
}

func TestReplayAllTakesWhatMatchesUpToItsLimit(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "a", "b", "a")
	report, err := d.ReplayAll(t.Context(), supervision.Filter{Key: "a"}, supervision.ReplayOptions{Limit: 2})
	require.NoError(t, err)
	assert.Equal(t, 2, report.Replayed)
	assert.Equal(t, []string{"2", "4", "5"}, m.left())

	d, m = deskOf(t, "a", "a", "a", "a", "a")
	report, err = d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, 3, report.Replayed)
	assert.Equal(t, []string{"4", "5"}, m.left(), "of the second page one")
}

func TestDryRunReplaysNothing(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "a", "b", "a")
	report, err := d.ReplayAll(t.Context(), supervision.Filter{Key: "b"}, supervision.ReplayOptions{
		DryRun:   true,
		Progress: func(int) { assert.Fail(t, "nothing is done, so there is no progress") },
	})
	require.NoError(t, err)
	assert.Equal(t, supervision.Report{Failed: map[string]error{}, Dry: []string{"2", "4"}}, report)
	assert.Len(t, m.left(), 5)
	assert.Empty(t, m.appended)
}

func TestReplayAllReportsFailuresAndGoesOn(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c", "d")
	broken := errors.New("too large")
	m.failing["2"] = broken
	m.failing["3"] = supervision.ErrNoLetter
	report, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, supervision.ErrNoLetter)
	require.EqualError(t, err, "replay: 1 of 4 dead letters failed, first:\nreplay dead letter \"2\": too large")
	assert.Equal(t, 2, report.Replayed)
	assert.Equal(t, 1, report.Skipped, "the third was gone")
	require.Len(t, report.Failed, 1)
	assert.ErrorIs(t, report.Failed["2"], broken)
	assert.Equal(t, []string{"a", "d"}, m.users())
}

func TestReplayAllNamesOnlySoManyFailures(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t)
	for i := range supervision.FailedLimit + 7 {
		m.failing[m.add(letter(t, i, "a"))] = errors.New("no")
	}
	report, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
	require.ErrorContains(t, err, "replay: 107 of 107 dead letters failed, first:\n")
	assert.Equal(t, 10, strings.Count(err.Error(), "\n"), "the rest is in the report")
	assert.Len(t, report.Failed, supervision.FailedLimit)
	assert.Equal(t, 7, report.Unnamed)
	assert.Contains(t, report.Failed, "1")
	assert.NotContains(t, report.Failed, strconv.Itoa(supervision.FailedLimit+1))
}

func TestReplayAllThatFailsAndIsCutOffTellsBoth(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c")
	broken := errors.New("too large")
	m.failing["1"] = broken
	ctx, cancel := context.WithCancel(t.Context())
	_, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{Progress: func(int) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, broken)
}

func TestReplayAllKeepsItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, m := deskOf(t, "a", "b", "c", "d")
		begin := time.Now()
		var at []time.Duration
		m.onReplay = func(ev actors.Event) error {
			at = append(at, time.Since(begin))
			if ev.Key() == "b" { // slow, and not made up for
				time.Sleep(time.Second)
			}
			return nil
		}
		_, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Rate: 4})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 250 * time.Millisecond, 1250 * time.Millisecond, 1500 * time.Millisecond}, at)
	})
}

func TestReplayAllStopsWhileItWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, m := deskOf(t, "a", "b", "c")
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		begin := time.Now()
		report, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{Rate: 1.0 / 3600})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 90*time.Minute, time.Since(begin))
		assert.Equal(t, supervision.Report{Replayed: 2, Failed: map[string]error{}}, report)
		assert.Equal(t, []string{"3"}, m.left())
	})
}

func TestReplayAllStopsBetweenLetters(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c")
	ctx, cancel := context.WithCancel(t.Context())
	report, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{Progress: func(done int) {
		if done == 2 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, report.Replayed)
	assert.Equal(t, []string{"3"}, m.left())
}

func TestReplayUnderWayAtTheEndIsInDoubt(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c")
	ctx, cancel := context.WithCancel(t.Context())
	m.onReplay = func(ev actors.Event) error {
		if ev.Key() == "b" {
			cancel()
			return context.Canceled
		}
		return nil
	}
	report, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, report.Replayed)
	assert.Contains(t, report.Failed, "2")
	assert.NotContains(t, report.Failed, "3", "it was never begun")
}

func TestLastReplayInDoubtIsNoSuccess(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	m.onReplay = func(actors.Event) error {
		cancel()
		return context.Canceled
	}
	report, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, report.Failed, "1")
}

func TestReplayAllBeginsNothingAfterItsContext(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, supervision.Report{Failed: map[string]error{}}, report)
	assert.Len(t, m.left(), 1)
}

func TestReplayOptionsAreChecked(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a")
	_, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Rate: -1, Limit: -2})
	require.EqualError(t, err, "replay: rate is \"-1\", want 0 or more per second\nreplay: limit is \"-2\", want 0 or more letters")
	for _, rate := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Rate: rate})
		require.ErrorContains(t, err, "replay: rate is ")
	}
	assert.Len(t, m.left(), 1)
}

func TestTinyRateDoesNotOverflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, m := deskOf(t, "a", "b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{Rate: math.SmallestNonzeroFloat64})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, []string{"2"}, m.left())
	})
}

func TestReplayAllHoldsOnePageAndSendsItAtOnce(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c", "d", "e")
	_, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
	require.NoError(t, err)
	assert.Equal(t, 2, m.most)
	assert.Equal(t, []int{2, 2, 1}, m.removals)
}

func TestReplayAllGoesOnWhereItWasInterrupted(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c", "d", "e")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{Progress: func(int) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	report, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
	require.NoError(t, err)
	assert.Equal(t, 3, report.Replayed)
	assert.Equal(t, []string{"a", "b", "c", "d", "e"}, m.users())
}

func TestReplayAllGoesRoundWhatCannotBeReplayed(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a")
	m.add(supervision.DeadLetter{Service: "notify", Organ: "_bad", Reason: actors.KindUndecodable})
	m.add(letter(t, 3, "c"))
	report, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
	require.Error(t, err)
	assert.Equal(t, 2, report.Replayed)
	assert.EqualError(t, report.Failed["2"], `replay dead letter "2": its event cannot be read`)
	assert.Equal(t, []string{"2"}, m.left())
}
