package backendtest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

var backlogParts = []part{
	{"BacklogCountsWhatIsHeld", backlogCounts},
	{"BacklogCountsDueWorkAsWaitingWhileItsOrganTakesNone", backlogOfABlockedOrgan},
	{"BacklogOfOtherServicesEventsIsNone", backlogOfOthers},
}

func backlogCounts(s *suite) {
	o := s.serve(organ("a"))
	assert.Equal(s, spine.Backlog{}, o.backlog())
	o.notes("k", "1", "2", "3", "4", "5", "6")
	assert.Equal(s, spine.Backlog{Ready: 6}, o.backlog())
	ds := o.pull(5)
	assert.Equal(s, spine.Backlog{Ready: 1, InFlight: 5}, o.backlog())
	o.settle(
		later(ds[0], 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)}),
		later(ds[1], 0, spine.Defer, spine.Later{Due: s.store.Now().Add(time.Minute)}),
		later(ds[2], 0, spine.Defer, spine.Later{Waits: true}),
		o.dead(ds[3], 0, "no"),
	)
	o.publish(s.event(actors.With(note{"k", "7"}, actors.After(time.Hour))))
	b := o.backlog()
	assert.WithinDuration(s, s.store.Now().Add(time.Hour), b.NextDelayed, soon)
	b.NextDelayed = time.Time{}
	assert.Equal(s, spine.Backlog{Ready: 1, InFlight: 1, Retrying: 2, Waiting: 1, Delayed: 1, DeadLetters: 1}, b)
	s.store.Advance(time.Minute)
	b = o.backlog()
	assert.Equal(s, 3, b.Ready)
	assert.Zero(s, b.Retrying)
	ds = append(o.take(9), ds[4])
	o.finish(ds...)
	b = o.backlog()
	b.NextDelayed = time.Time{}
	assert.Equal(s, spine.Backlog{Delayed: 1, DeadLetters: 1}, b)
}

// RunUntilIdle relies on it: what is Ready comes, and then it asks again.
func backlogOfABlockedOrgan(s *suite) {
	o := s.serve(ordered("a"))
	o.notes("k", "1", "2")
	ds := o.pull(2)
	o.settle(
		later(ds[0], 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)}),
		later(ds[1], 0, spine.Defer, spine.Later{Due: s.store.Now()}),
	)
	o.notes("k", "3")
	require.Empty(s, o.take(0))
	assert.Equal(s, spine.Backlog{Retrying: 3}, o.backlog())
	s.store.Advance(time.Minute)
	require.Empty(s, o.take(0))
	o.notes("k", "4")
	assert.Equal(s, spine.Backlog{Waiting: 4}, o.backlog())
	s.expect(o.take(9), "1", "2", "3", "4")
}

func backlogOfOthers(s *suite) {
	o := s.serve(organ("a"))
	other := s.own("other", organ("a"))
	ev, err := s.note("k", "1").Replay(actors.NewID(), "other", "a", nil)
	require.NoError(s, err)
	o.publish(ev)
	assert.Equal(s, spine.Backlog{}, o.backlog())
	assert.Equal(s, spine.Backlog{Ready: 1}, other.backlog())
	o.nothing()
	s.expect(other.take(), "1")
}
