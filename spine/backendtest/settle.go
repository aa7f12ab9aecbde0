package backendtest

import (
	"math"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

var settleParts = []part{
	{"ASettlementRepeatedIsAppliedOnce", repeated},
	{"AStrangersReceiptChangesNothing", stranger},
	{"OrgansSettleOneByOne", siblings},
	{"UnwantedEventsAreSettledToo", unwanted},
	{"EmissionsAndStateAppearTogetherOrNotAtAll", together},
	{"ALossBringsEverythingInHandAgain", loss},
	{"ALetterAndEmissionsAppearTogether", letterTogether},
	{"FullLettersApplyNothing", lettersFull},
}

func repeated(s *suite) {
	o := s.serve(organ("a", "MEMO"), organ("b"))
	o.notes("k", "1")
	d := o.pull(1)[0]
	again := func(x spine.Settlement) {
		first := o.settle(x)
		for range 2 {
			assert.Equal(s, first, o.settle(x))
		}
	}
	retry := later(d, 1, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)})
	again(done(d, 0, o.emission(d, 0, 0, memo{"2"})))
	again(retry)
	second := o.take()
	s.expect(second, "2")
	again(o.dead(second[0], 0, "no"))
	assert.Equal(s, []string{"no"}, o.letterErrors())
	s.store.Advance(time.Minute)
	third := o.pull(1)[0]
	assert.Equal(s, 1, o.todo(third, 1).Attempts)
	assert.Equal(s, []spine.Answer{{}}, o.settle(retry), "a late copy")
	again(done(third, 1))
	o.nothing()
	assert.Equal(s, spine.Backlog{DeadLetters: 1}, o.backlog())
}

func stranger(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1", "2")
	ds := o.pull(2)
	for _, r := range []spine.Receipt{{}, {A: math.MaxUint64, B: math.MaxUint64}} {
		forged := ds[0]
		forged.Receipt = r
		o.lost(done(forged, 0, o.emission(ds[0], 0, 0, note{"k", "forged"})))
		ds = o.take() // lost means handed out again
		s.expect(ds, "1", "2")
	}
	o.finish(ds...)
	o.nothing()
}

func siblings(s *suite) {
	o := s.serve(organ("a"), organ("b"), organ("c", "MEMO"))
	o.notes("k", "1")
	d := o.pull(1)[0]
	require.Nil(s, d.Todo)
	assert.False(s, o.settle(done(d, 0))[0].Acked)
	assert.False(s, o.settle(later(d, 1, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now()}))[0].Acked)
	again := o.pull(1)[0]
	assert.Equal(s, []int{1}, o.organs(again), "c is at work, a is done")
	assert.False(s, o.settle(done(d, 2))[0].Acked)
	o.nothing()
	assert.True(s, o.settle(done(again, 1))[0].Acked)
	o.nothing()
	o.publish(s.memo("2"))
	d = o.pull(1)[0]
	assert.Equal(s, []int{2}, o.organs(d))
	assert.True(s, o.settle(done(d, 2))[0].Acked)
}

func unwanted(s *suite) {
	o := s.serve(organ("a"))
	o.publish(s.event(spam{}), s.note("k", "1"))
	for _, d := range o.pull(2) {
		if d.Event.Type() != "SPAM" {
			o.finish(d)
			continue
		}
		o.unwanted(d)
	}
	o.nothing()
	assert.Equal(s, spine.Backlog{}, o.backlog())
}

// load returns what the store has of a cell of organ "a".
func (o *owner) load(key string) persistence.History {
	o.Helper()
	hs, err := o.backend.(persistence.Store).Load(o.soon(), []persistence.Cell{{Organ: "a", Key: key}}, nil)
	require.NoError(o, err)
	require.Len(o, hs, 1)
	return hs[0]
}

func together(s *suite) {
	o := s.serve(keyed("a"), organ("b", "MEMO"))
	o.notes("k", "1")
	for range 3 {
		d := o.pull(1)[0]
		assert.Contains(s, o.organs(d), 0)
		o.lost(changed(d, 0, persistence.Change{Base: 7, Version: 1, At: s.store.Now()}, o.emission(d, 0, 0, memo{"2"})))
		assert.Zero(s, o.load("k").Last)
	}
	d := o.pull(1)[0]
	o.settle(done(d, 1), changed(d, 0, persistence.Change{Version: 1, At: s.store.Now()}, o.emission(d, 0, 0, memo{"2"})))
	h := o.load("k")
	assert.Equal(s, uint64(1), h.Last)
	require.Len(s, h.Records, 1)
	s.same(d.Event, h.Records[0].Event)
	s.expect(o.take(), "2")
}

func loss(s *suite) {
	o := s.serve(keyed("a"), ordered("b"), organ("c"))
	o.notes("k", "1", "2", "3", "4")
	ds := o.pull(4)
	first := s.store.Now().Truncate(time.Millisecond)
	o.settle(
		done(ds[0], 0), done(ds[0], 1), done(ds[0], 2),
		later(ds[1], 2, spine.Retry, spine.Later{Attempts: 2, First: first, Due: s.store.Now()}),
		done(ds[2], 2),
		later(ds[3], 0, spine.Defer, spine.Later{Due: s.store.Now().Add(time.Hour)}),
	)
	retried := o.pull(1)[0]
	assert.Equal(s, []int{2}, o.organs(retried))
	o.notes("k", "5")
	o.lost(changed(ds[1], 0, persistence.Change{Base: 1, Version: 1, At: s.store.Now()}), done(ds[1], 1, o.emission(ds[1], 1, 0, memo{"x"})))

	// What was in hand is handed out again in stream order, before what came later; what is held
	// stays held.
	again := o.take()
	for organ, want := range [][]string{{"2", "3"}, {"2", "3", "4", "5"}, {"2", "4", "5"}} {
		assert.Equal(s, want, texts(o.of(again, organ)), "organ %d", organ)
	}
	assert.Equal(s, 2, o.todo(o.of(again, 2)[0], 2).Attempts)
	assert.True(s, first.Equal(o.todo(o.of(again, 2)[0], 2).First))

	// What was handed out before the loss changes nothing any more.
	_, err := o.backend.Settle(o.soon(), []spine.Settlement{done(ds[2], 0, o.emission(ds[2], 0, 0, note{"k", "late"}))})
	require.NoError(s, err)
	o.finish(again...)
	s.store.Advance(time.Hour)
	o.finish(o.pull(2)...) // 4 and 5, for a
	o.nothing()
	assert.Equal(s, spine.Backlog{}, o.backlog())
}

// of lists the deliveries in which organ has something to do.
func (o *owner) of(ds []spine.Delivery, organ int) []spine.Delivery {
	var its []spine.Delivery
	for _, d := range ds {
		for _, i := range o.organs(d) {
			if i == organ {
				its = append(its, d)
			}
		}
	}
	return its
}

func letterTogether(s *suite) {
	o := s.serve(organ("a", "MEMO"))
	ev := o.notes("k", "1")[0]
	d := o.pull(1)[0]
	x := o.dead(d, 0, "broken", o.emission(d, 0, 0, memo{"failed"}))
	assert.True(s, o.settle(x)[0].Acked)
	s.expect(o.take(), "failed")
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 10)
	require.NoError(s, err)
	require.Len(s, page.Letters, 1)
	l := page.Letters[0]
	s.same(ev, l.Event)
	assert.NotEmpty(s, l.ID)
	assert.Equal(s, "svc", l.Service)
	want := *x.Letter
	want.ID, want.Service, want.Event, l.Event = l.ID, l.Service, actors.Event{}, actors.Event{}
	assert.Equal(s, want, l)
}

func lettersFull(s *suite) {
	s.open(Config{Letters: 2})
	o := s.own("svc", organ("a", "MEMO"))
	o.notes("k", "1", "2", "3")
	ds := o.pull(3)
	o.settle(o.dead(ds[0], 0, "one"), o.dead(ds[1], 0, "two"))
	full := o.dead(ds[2], 0, "three", o.emission(ds[2], 0, 0, memo{"failed"}))
	for range 2 {
		answers, err := o.backend.Settle(o.soon(), []spine.Settlement{full})
		require.NoError(s, err)
		assert.Equal(s, []spine.Answer{{Code: spine.LettersFull}}, o.bare([]spine.Settlement{full}, answers))
	}
	o.nothing()
	o.settle(later(ds[2], 0, spine.Defer, spine.Later{Due: s.store.Now()}))
	d := o.pull(1)[0]
	n, limit, err := o.letters().Count(o.soon())
	require.NoError(s, err)
	assert.Equal(s, []int{2, 2}, []int{n, limit})
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 1)
	require.NoError(s, err)
	require.NoError(s, o.remove(page.Letters[0].ID))
	o.settle(o.dead(d, 0, "three", o.emission(d, 0, 0, memo{"failed"})))
	assert.Equal(s, []string{"two", "three"}, o.letterErrors())
	s.expect(o.take(), "failed")
}
