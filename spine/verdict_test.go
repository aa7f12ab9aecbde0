package spine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// TestTallyReportsABatchToTheBreaker: what counts are failures in a row.
func TestTallyReportsABatchToTheBreaker(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name     string
		outcomes string // f: failed, p: failed for good by the event's fault, s: succeeded, n: nothing to report
		want     supervision.State
	}{
		{"nothing", "nnn", supervision.Closed},
		{"two in a row", "ff", supervision.Closed},
		{"three in a row", "fff", supervision.Open},
		{"with a success between", "ffsf", supervision.Closed},
		{"a bad event is a success of the organ", "ffpf", supervision.Closed},
		{"bad events alone", "ppp", supervision.Closed},
		{"what has no result does not end the row", "fnfnf", supervision.Open},
		{"after successes", "ssfff", supervision.Open},
		{"a success of an attempt begun before it opened", "fffs", supervision.Open},
	} {
		o := organWith("a", supervision.Policy{Exhausted: supervision.Store, Breaker: supervision.BreakerPolicy{Failures: 3}}, false, false)
		report(o, x.outcomes)
		assert.Equal(t, x.want, o.breaker.State(), x.name)
	}
}

func report(o *organ, outcomes string) {
	y := tally{organ: o}
	for _, r := range outcomes {
		switch r {
		case 's':
			y.success()
		case 'f':
			y.failure(actors.KindError)
		case 'p':
			y.failure(actors.KindPermanent)
		default:
			y.nothing()
		}
	}
	y.end()
}

func TestTallyEndsTheProbe(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[string]supervision.State{
		"s": supervision.Closed, "f": supervision.Open, "n": supervision.HalfOpen,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := supervision.Policy{Exhausted: supervision.Store, Breaker: supervision.BreakerPolicy{Failures: 1, Open: time.Minute}}
			o := organWith("a", p, false, false)
			o.breaker.Trip()
			time.Sleep(time.Minute)
			require.True(t, o.breaker.Allow())
			o.probing = true
			report(o, outcome)
			assert.False(t, o.probing, outcome)
			assert.Equal(t, want, o.breaker.State(), outcome)
			assert.Equal(t, want != supervision.Open, o.breaker.Allow(), "the next may begin")
		})
	}
}
