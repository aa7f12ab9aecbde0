package backendtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

var pullParts = []part{
	{"EventsOfAKeyComeInOrder", orderWithinKey},
	{"PullHonoursItsMaximum", pullMaximum},
	{"PullHonoursItsBytes", pullBytes},
	{"PullMayUseTheCallersMemory", pullInto},
	{"WhatAPullMayHandOverComesOnce", pullHands},
	{"PullWaitsForAnEvent", pullWaits},
	{"PullWakesForWhatFallsDue", pullWakesForDue},
	{"PullEndsPromptlyOnCancel", pullCancelled},
	{"DelayedEventsComeWhenTheyAreDue", delayed},
}

func orderWithinKey(s *suite) {
	o := s.serve(organ("a"))
	want := map[string][]string{}
	for i := range 60 {
		key := fmt.Sprint("k-", i%3)
		o.notes(key, fmt.Sprint(i))
		want[key] = append(want[key], fmt.Sprint(i))
	}
	got := map[string][]string{}
	last := map[string]spine.Position{}
	for range 12 {
		for _, d := range o.pull(5) {
			require.Nil(s, d.Todo)
			before, follows := last[d.Event.Key()]
			assert.True(s, !follows || before.Before(d.Position))
			last[d.Event.Key()] = d.Position
			got[d.Event.Key()] = append(got[d.Event.Key()], text(d.Event))
		}
	}
	assert.Equal(s, want, got)
}

func pullMaximum(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1", "2", "3", "4", "5")
	seen := 0
	for seen < 5 {
		ds := o.attempt(spine.Want{Events: 2})
		require.NotEmpty(s, ds)
		require.LessOrEqual(s, len(ds), 2)
		seen += len(ds)
	}
	o.nothing()
}

func pullBytes(s *suite) {
	o := s.serve(organ("a"))
	evs := o.notes("k", "1", "2", "3", "4", "5", "6")
	for _, ev := range evs {
		_, _, err := ev.Data() // so that Size is the same for all backends
		require.NoError(s, err)
	}
	size := evs[0].Size()
	ds := o.attempt(spine.Want{Events: 9, Bytes: 1})
	require.Len(s, ds, 1, "at least one")
	some := o.attempt(spine.Want{Events: 9, Bytes: 2*size + size/2})
	require.NotEmpty(s, some)
	require.LessOrEqual(s, len(some), 2)
	ds = append(append(ds, some...), o.take()...)
	s.expect(ds, "1", "2", "3", "4", "5", "6")
	for _, d := range ds {
		o.settle(later(d, 0, spine.Retry, spine.Later{Due: s.store.Now()}))
	}
	require.Len(s, o.attempt(spine.Want{Events: 9, Bytes: 1}), 1, "retried work is bounded too")
}

func pullInto(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1", "2", "3")
	into := make([]spine.Delivery, 1, 2)
	into[0].Shard = 77
	ds, err := o.backend.Pull(o.soon(), spine.Want{Events: 3, Bytes: lots, Into: into[:0]})
	require.NoError(s, err)
	ds = append(ds, o.take()...)
	s.expect(ds, "1", "2", "3")
	o.finish(ds...)
}

// pullHands is a chain whose next link is waited for before the one before it is settled.
func pullHands(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "0")
	ds := o.pull(1)
	handed := make(chan []spine.Delivery, 1)
	for i := range 30 {
		waiting := o.pulling(o.soon(), spine.Want{
			Events: 9, Bytes: lots, Hand: func(ds []spine.Delivery) { handed <- ds },
		})
		next := fmt.Sprint(i + 1)
		o.settle(done(ds[0], 0, o.emission(ds[0], 0, 0, note{"k", next})))
		p := <-waiting
		if errors.Is(p.err, spine.ErrHanded) {
			p = pulled{ds: <-handed}
		}
		require.NoError(s, p.err)
		s.expect(p.ds, next)
		ds = p.ds
	}
	o.finish(ds...)
	o.nothing()
	assert.Empty(s, handed)
}

// pulling pulls in the background; the channel gets what comes.
type pulled struct {
	ds  []spine.Delivery
	err error
}

func (o *owner) pulling(ctx context.Context, w spine.Want) <-chan pulled {
	got := make(chan pulled, 1)
	go func() { // ends with ctx, or with the handle
		ds, err := o.backend.Pull(ctx, w)
		got <- pulled{ds, err}
	}()
	return got
}

// silent requires that nothing comes for a while.
func silent[T any](s *suite, c <-chan T, what string) {
	s.Helper()
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-c:
		require.Fail(s, what)
	case <-timer.C:
	}
}

// await receives, soon.
func await[T any](s *suite, c <-chan T, what string) T {
	s.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	select {
	case x := <-c:
		return x
	case <-timer.C:
		require.Fail(s, "nothing came", what)
		panic("unreachable")
	}
}

func pullWaits(s *suite) {
	o := s.serve(organ("a"))
	got := o.pulling(o.soon(), spine.Want{Events: 9, Bytes: lots})
	silent(s, got, "a Pull returned without an event")
	o.notes("k", "1")
	p := await(s, got, "published")
	require.NoError(s, p.err)
	s.expect(p.ds, "1")

	got = o.pulling(o.soon(), spine.Want{Events: 9, Bytes: lots})
	o.settle(done(p.ds[0], 0, o.emission(p.ds[0], 0, 0, note{"k", "2"})))
	p = await(s, got, "emitted")
	require.NoError(s, p.err)
	s.expect(p.ds, "2")
}

func pullWakesForDue(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "retried")
	d := o.pull(1)[0]
	o.settle(later(d, 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)}))
	o.publish(s.event(actors.With(note{"k", "delayed"}, actors.After(2*time.Minute))))
	for _, want := range []string{"retried", "delayed"} {
		ctx, stop := context.WithTimeout(s.Context(), time.Hour)
		got := o.pulling(ctx, spine.Want{Events: 9, Bytes: lots})
		s.store.Advance(time.Minute)
		p := await(s, got, want)
		require.NoError(s, p.err)
		s.expect(p.ds, want)
		o.finish(p.ds...)
		stop()
	}
}

func pullCancelled(s *suite) {
	o := s.serve(organ("a"))
	ctx, stop := context.WithCancel(s.Context())
	got := o.pulling(ctx, spine.Want{Events: 9, Bytes: lots})
	silent(s, got, "a Pull returned without an event")
	stop()
	p := await(s, got, "cancelled")
	require.ErrorIs(s, p.err, context.Canceled)
	require.Empty(s, p.ds)
	_, err := o.backend.Pull(ctx, spine.Want{Events: 1, Bytes: lots})
	require.ErrorIs(s, err, context.Canceled)
}

func delayed(s *suite) {
	o := s.serve(organ("a"))
	o.publish(
		s.event(actors.With(note{"k", "in 3"}, actors.After(3*time.Minute))),
		s.event(actors.With(note{"k", "in 1"}, actors.After(time.Minute))),
		s.event(actors.With(note{"k", "past"}, actors.At(s.store.Now().Add(-time.Minute)))),
		s.note("k", "now"),
	)
	ds := o.pull(2)
	s.expect(ds, "past", "now")
	o.nothing()
	b := o.backlog()
	assert.Equal(s, 2, b.Delayed)
	assert.WithinDuration(s, s.store.Now().Add(time.Minute), b.NextDelayed, soon)
	o.settle(
		done(ds[0], 0, o.emission(ds[0], 0, 0, actors.After(2*time.Minute, note{"k", "in 2"}))),
		done(ds[1], 0),
	)
	for _, want := range []string{"in 1", "in 2", "in 3"} {
		o.nothing()
		s.store.Advance(time.Minute)
		ds := o.pull(1)
		s.expect(ds, want)
		o.finish(ds...)
	}
	assert.Zero(s, o.backlog().Delayed)
}
