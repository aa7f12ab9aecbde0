package backendtest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

var laterParts = []part{
	{"ARetryComesWhenItIsDueWithItsAttempts", retryDue},
	{"ADueTimeThatHasPassedIsAtOnce", duePassed},
	{"ADeferIsNoAttempt", deferNoAttempt},
	{"WaitingWorkComesOnlyWhenTheOrganTakesSome", waitingWork},
	{"RetriedWorkComesOnlyWhenTheOrganTakesSome", retriedNeedsRoom},
}

func retryDue(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1")
	d := o.pull(1)[0]
	first := s.store.Now().Truncate(time.Millisecond)
	for attempt := 1; attempt <= 3; attempt++ {
		answer := o.settle(later(d, 0, spine.Retry, spine.Later{Attempts: attempt, First: first, Due: s.store.Now().Add(time.Minute)}))
		assert.False(s, answer[0].Acked)
		o.nothing()
		s.store.Advance(30 * time.Second)
		o.nothing()
		s.store.Advance(30 * time.Second)
		d = o.pull(1)[0]
		todo := o.todo(d, 0)
		assert.Equal(s, attempt, todo.Attempts)
		assert.Truef(s, first.Equal(todo.First), "first failure at %s, want %s", todo.First, first)
	}
	assert.True(s, o.settle(done(d, 0))[0].Acked)
	o.nothing()
}

func duePassed(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1", "2")
	ds := o.pull(2)
	o.settle(
		later(ds[0], 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now()}),
		later(ds[1], 0, spine.Defer, spine.Later{}),
	)
	ds = o.pull(2)
	s.expect(ds, "1", "2")
	o.finish(ds...)
}

func deferNoAttempt(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1")
	d := o.pull(1)[0]
	o.settle(later(d, 0, spine.Defer, spine.Later{Due: s.store.Now().Add(time.Minute)}))
	o.nothing()
	s.store.Advance(time.Minute)
	d = o.pull(1)[0]
	assert.Equal(s, spine.Todo{Organ: 0}, o.todo(d, 0))
	first := s.store.Now().Truncate(time.Millisecond)
	o.settle(later(d, 0, spine.Retry, spine.Later{Attempts: 1, First: first, Due: s.store.Now()}))
	d = o.pull(1)[0]
	o.settle(later(d, 0, spine.Defer, spine.Later{Attempts: 1, First: first, Waits: true}))
	d = o.pull(1)[0]
	assert.Equal(s, 1, o.todo(d, 0).Attempts)
	assert.True(s, first.Equal(o.todo(d, 0).First))
}

func waitingWork(s *suite) {
	o := s.serve(organ("a"), organ("b"))
	o.notes("k", "1", "2", "3")
	ds := o.pull(3)
	for _, d := range ds {
		o.settle(later(d, 0, spine.Defer, spine.Later{Waits: true}), done(d, 1))
	}
	require.Empty(s, o.take(0, 9))
	s.store.Advance(time.Hour)
	require.Empty(s, o.take(0, 9), "no time brings it")
	o.notes("k", "4")
	fresh := o.take(0, 0)
	s.expect(fresh, "4") // fresh events come all the same
	assert.Equal(s, []int{0, 1}, o.organs(fresh[0]))
	some := o.take(2, 0)
	require.Len(s, some, 2)
	assert.Equal(s, []int{0}, o.organs(some[0]))
	rest := o.take()
	s.expect(append(some, rest...), "1", "2", "3")
}

func retriedNeedsRoom(s *suite) {
	o := s.serve(organ("a"), ordered("b"))
	o.notes("k", "1", "2")
	for _, d := range o.pull(2) {
		for organ := range 2 {
			o.settle(later(d, organ, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now()}))
		}
	}
	require.Empty(s, o.take(0, 0))
	ds := o.take(0, 1)
	require.Len(s, ds, 1)
	assert.Equal(s, "1", text(ds[0].Event))
	assert.Equal(s, []int{1}, o.organs(ds[0]))
	require.Len(s, o.take(1, 0), 1)
	require.Len(s, o.take(), 2)
}
