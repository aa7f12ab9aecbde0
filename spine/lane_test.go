package spine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// The breaker of an organ that does well is not asked, so what makes it worth asking must be noticed.
func TestBreakerIsAskedAgainOnceSomethingFails(t *testing.T) {
	t.Parallel()
	o := organWith("o", supervision.Policy{Breaker: supervision.BreakerPolicy{Failures: 1, Open: time.Hour}}, false, false)
	c := coreWith(Service{Name: "svc"}, 8, o)
	report := func(kind actors.Kind, failed bool) supervision.State {
		c.begin(time.Now())
		tl := tally{organ: o}
		if failed {
			tl.failure(kind)
		} else {
			tl.success()
		}
		tl.end()
		return c.state(o)
	}
	assert.Equal(t, supervision.Closed, report(0, false))
	assert.True(t, o.calm)
	assert.Equal(t, supervision.Closed, report(actors.KindInvalid, true), "a bad event says nothing against the organ")
	assert.Equal(t, supervision.Open, report(actors.KindError, true))
	assert.Equal(t, supervision.Open, report(0, false), "an attempt from before")
	assert.False(t, o.calm)

	tripped := organWith("t", supervision.Policy{}, false, false)
	c = coreWith(Service{Name: "svc"}, 8, tripped)
	o = tripped
	assert.Equal(t, supervision.Closed, report(0, false))
	c.budgetSpent(time.Now(), tripped)
	assert.Equal(t, supervision.Open, c.state(tripped))
}
