package backendtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

var letterParts = []part{
	{"LettersAreListedOldestFirstPageByPage", letterPages},
	{"LettersAreFiltered", letterFilter},
	{"ALetterIsReplayedOnceForItsOrganAlone", letterReplay},
	{"WhatIsDoneToALetterIsToldWithIt", letterAudit},
	{"LettersAreRemovedWithWhatTakesTheirPlace", letterRemove},
	{"ALetterIsRemovedOnce", letterRace},
	{"UnknownLettersAreNotFound", letterUnknown},
}

// deadNotes leaves a dead letter for each text; the organ is the one whose index is given.
func (o *owner) deadNotes(organ int, texts ...string) {
	o.Helper()
	o.notes("k", texts...)
	for _, d := range o.pull(len(texts)) {
		for _, i := range o.organs(d) {
			if i == organ {
				o.settle(o.dead(d, organ, "why "+text(d.Event)))
			} else {
				o.settle(done(d, i))
			}
		}
	}
}

// told finishes what the desk tells and nobody wants, where the backend has not done so, and requires that there is nothing
// else.
func (o *owner) told() {
	o.Helper()
	ds := o.take()
	for _, d := range ds {
		require.Equal(o, supervision.LetterReplayed{}.EventType(), d.Event.Type())
	}
	o.finish(ds...)
}

func letterPages(s *suite) {
	o := s.serve(organ("a"))
	var want []string
	for i := range 7 {
		o.deadNotes(0, fmt.Sprint(i))
		want = append(want, fmt.Sprint("why ", i))
	}
	var got []string
	cursor := ""
	for page := 0; ; page++ {
		p, err := o.letters().Letters(o.soon(), supervision.Filter{}, cursor, 3)
		require.NoError(s, err)
		assert.LessOrEqual(s, len(p.Letters), 3)
		for _, l := range p.Letters {
			got = append(got, l.Error)
		}
		if p.Next == "" {
			break
		}
		cursor = p.Next
		if page == 0 { // what comes and goes meanwhile does not disturb
			require.NoError(s, o.remove(p.Letters[2].ID))
			o.deadNotes(0, "7")
		}
	}
	assert.Equal(s, want, got, "what has come meanwhile is not of this list")
	assert.Equal(s, []string{"why 0", "why 1", "why 3", "why 4", "why 5", "why 6", "why 7"}, o.letterErrors())
	_, err := o.letters().Letters(o.soon(), supervision.Filter{}, "no cursor", 3)
	require.Error(s, err)
}

func letterFilter(s *suite) {
	o := s.serve(organ("a"), organ("b"))
	o.deadNotes(0, "1")
	s.store.Advance(time.Minute)
	middle := s.store.Now()
	s.store.Advance(time.Minute)
	o.deadNotes(1, "2", "3")
	for name, c := range map[string]struct {
		filter supervision.Filter
		want   []string
	}{
		"all":    {supervision.Filter{}, []string{"why 1", "why 2", "why 3"}},
		"organ":  {supervision.Filter{Organ: "b"}, []string{"why 2", "why 3"}},
		"text":   {supervision.Filter{Text: "y 2"}, []string{"why 2"}},
		"from":   {supervision.Filter{From: middle}, []string{"why 2", "why 3"}},
		"until":  {supervision.Filter{Until: middle}, []string{"why 1"}},
		"key":    {supervision.Filter{Key: "other"}, nil},
		"type":   {supervision.Filter{Type: "NOTE", Key: "k"}, []string{"why 1", "why 2", "why 3"}},
		"reason": {supervision.Filter{Reason: actors.KindTimeout}, nil},
	} {
		var got []string
		for cursor := ""; ; {
			p, err := o.letters().Letters(o.soon(), c.filter, cursor, 2)
			require.NoError(s, err)
			for _, l := range p.Letters {
				got = append(got, l.Error)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		assert.Equal(s, c.want, got, name)
	}
}

func letterReplay(s *suite) {
	o := s.serve(organ("a"), organ("b"))
	other := s.own("other", organ("a"))
	o.deadNotes(1, "1", "2")
	other.finish(other.take()...)
	desk := supervision.NewDesk(o.letters(), "svc")
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 1)
	require.NoError(s, err)
	id, err := desk.Replay(o.soon(), page.Letters[0].ID, nil)
	require.NoError(s, err)
	d := o.pull(1)[0]
	assert.Equal(s, id, d.Event.ID())
	assert.Equal(s, page.Letters[0].Event.ID().String(), d.Event.Meta(actors.MetaReplayOf))
	assert.Equal(s, []int{1}, o.organs(d))
	o.told()
	other.told()
	assert.Equal(s, []string{"why 2"}, o.letterErrors())
	_, err = desk.Replay(o.soon(), page.Letters[0].ID, nil)
	require.ErrorIs(s, err, supervision.ErrNoLetter)
	o.nothing()
	o.settle(o.dead(d, 1, "again"))
	assert.Equal(s, []string{"why 2", "again"}, o.letterErrors(), "a new letter, at the end")
}

// letterAudit has an organ that listens to what the desk tells.
func letterAudit(s *suite) {
	o := s.serve(organ("a"), spine.OrganSpec{
		Name: "log", Types: []string{supervision.LetterReplayed{}.EventType(), supervision.LetterDropped{}.EventType()},
	})
	o.deadNotes(0, "1", "2", "3")
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 9)
	require.NoError(s, err)
	desk := supervision.NewDesk(o.letters(), "svc", supervision.ActingAs("eve"))
	id, err := desk.Replay(o.soon(), page.Letters[1].ID, nil)
	require.NoError(s, err)
	ds := o.pull(2)
	assert.Equal(s, id, ds[0].Event.ID(), "the replay is before what tells of it")
	assert.Equal(s, []int{1}, o.organs(ds[1]))
	told, err := actors.Decode[supervision.LetterReplayed](ds[1].Event)
	require.NoError(s, err)
	was := supervision.LetterAction{
		Service: "svc", Organ: "a", Letter: page.Letters[1].ID, Event: page.Letters[1].Event.ID().String(), Type: "NOTE",
		Reason: "permanent", Error: "why 2", By: "eve",
	}
	assert.Equal(s, supervision.LetterReplayed{LetterAction: was, NewEvent: id.String()}, told)
	o.finish(ds...)

	n, err := desk.Drop(o.soon(), page.Letters[1].ID, "unknown", page.Letters[0].ID)
	require.NoError(s, err)
	assert.Equal(s, 1, n)
	ds = o.pull(1)
	dropped, err := actors.Decode[supervision.LetterDropped](ds[0].Event)
	require.NoError(s, err)
	assert.Equal(s, page.Letters[0].ID, dropped.Letter)
	o.finish(ds...)
	o.nothing()
	assert.Equal(s, []string{"why 3"}, o.letterErrors())
	assert.Equal(s, spine.Backlog{DeadLetters: 1}, o.backlog(), "nothing is left behind")
}

func letterRemove(s *suite) {
	o := s.serve(organ("a"))
	o.deadNotes(0, "1", "2", "3", "4")
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 9)
	require.NoError(s, err)
	ids := make([]string, 4)
	for i, l := range page.Letters {
		ids[i] = l.ID
	}
	answers := o.letters().Remove(o.soon(), []supervision.Removal{
		{ID: ids[1], Events: []actors.Event{s.note("k", "b1"), s.note("k", "b2")}},
		{ID: "unknown", Events: []actors.Event{s.note("k", "never")}},
		{ID: ids[0], Events: []actors.Event{s.note("k", "never"), {}}},
		{ID: ids[3]},
		{ID: ids[1], Events: []actors.Event{s.note("k", "never")}},
		{ID: ids[2], Events: []actors.Event{s.note("k", "c")}},
	})
	require.Len(s, answers, 6)
	for i, err := range answers {
		switch i {
		case 1, 4:
			require.ErrorIs(s, err, supervision.ErrNoLetter, i)
		case 2:
			require.Error(s, err)
			require.NotErrorIs(s, err, supervision.ErrNoLetter, i)
		default:
			require.NoError(s, err, i)
		}
	}
	assert.Equal(s, []string{"why 1"}, o.letterErrors())
	ds := o.pull(3)
	assert.Equal(s, []string{"b1", "b2", "c"}, texts(ds), "in their order, and of what has stayed or was not there nothing")
	o.finish(ds...)
	o.nothing()
	assert.Empty(s, o.letters().Remove(o.soon(), nil))
	held, _, err := o.letters().Count(o.soon())
	require.NoError(s, err)
	assert.Equal(s, 1, held)
	assert.Equal(s, spine.Backlog{DeadLetters: 1}, o.backlog())
}

// letterRace has several desks that want the same letters.
func letterRace(s *suite) {
	o := s.serve(organ("a", supervision.LetterReplayed{}.EventType()))
	var want, told []string
	for i := range 20 {
		told = append(told, supervision.LetterReplayed{}.EventType())
		want = append(want, fmt.Sprint(i))
	}
	o.deadNotes(0, want...)
	var group sync.WaitGroup
	var replayed atomic.Int64
	for range 4 {
		group.Go(func() {
			desk := supervision.NewDesk(o.letters(), "svc", supervision.WithPage(3))
			report, err := desk.ReplayAll(s.Context(), supervision.Filter{}, supervision.ReplayOptions{})
			assert.NoError(s, err)
			assert.Empty(s, report.Failed)
			replayed.Add(int64(report.Replayed))
		})
	}
	group.Wait()
	assert.EqualValues(s, 20, replayed.Load())
	assert.Empty(s, o.letterErrors())
	s.expect(o.take(), append(want, told...)...)
}

func letterUnknown(s *suite) {
	o := s.serve(organ("a"))
	o.deadNotes(0, "1")
	for _, id := range []string{"", "0", "x", "01", "999999", "-1"} {
		_, err := o.letters().Letter(o.soon(), id)
		require.ErrorIs(s, err, supervision.ErrNoLetter, id)
		require.ErrorIs(s, o.remove(id, s.note("k", "2")), supervision.ErrNoLetter, id)
	}
	o.nothing()
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 9)
	require.NoError(s, err)
	l, err := o.letters().Letter(o.soon(), page.Letters[0].ID)
	require.NoError(s, err)
	assert.Equal(s, "why 1", l.Error)
}
