package backendtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

var orderParts = []part{
	{"ARetriedHeadHoldsItsKey", headHolds},
	{"AHeldKeyIsHandedOutAsFarAsThereIsRoom", heldRoom},
	{"AHeadMayFailAgainWhileItsFollowersAreInHand", headAgain},
	{"FollowersWaitForTheHeadWhateverTheirOwnTime", followersWait},
	{"AWaitingHeadHoldsItsKeyToo", waitingHead},
	{"EventsWithoutAKeyHoldNobody", keylessHoldsNobody},
	{"ALongHeldKeyComesBackInOrder", longHold},
}

// headHolds is the whole story once: e1 of key k is retried by the ordered organ 0; e2 and e3
// come back; e4 is published meanwhile. Organ 1 is not ordered and goes on, as does key x.
func headHolds(s *suite) {
	o := s.serve(ordered("a"), organ("b"))
	o.notes("k", "e1", "e2", "e3")
	o.notes("x", "x1")
	for _, d := range o.pull(4) {
		switch text(d.Event) {
		case "e1":
			o.settle(later(d, 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)}), done(d, 1))
		case "x1":
			o.finish(d)
		default:
			o.settle(done(d, 1), later(d, 0, spine.Defer, spine.Later{Due: s.store.Now()}))
		}
	}
	o.notes("k", "e4")
	o.notes("x", "x2")
	ds := o.take()
	s.expect(ds, "e4", "x2")
	for _, d := range ds {
		if text(d.Event) == "e4" {
			assert.Equal(s, []int{1}, o.organs(d))
		} else {
			assert.Equal(s, []int{0, 1}, o.organs(d))
		}
	}
	o.finish(ds...)
	o.nothing()
	s.store.Advance(time.Minute)
	ds = o.take()
	assert.Equal(s, []string{"e1", "e2", "e3", "e4"}, texts(ds))
	for i, d := range ds {
		assert.Equal(s, []int{0}, o.organs(d))
		want := 0
		if i == 0 {
			want = 1
		}
		assert.Equal(s, want, o.todo(d, 0).Attempts)
	}
	o.finish(ds...)
	o.notes("k", "e5")
	d := o.pull(1)[0]
	assert.Equal(s, []int{0, 1}, o.organs(d), "nothing is held any more")
}

// held publishes events of key k of which the ordered organ 0 has handed back all.
func (o *owner) held(l spine.Later, texts ...string) {
	o.Helper()
	o.notes("k", texts...)
	for _, d := range o.pull(len(texts)) {
		o.settle(later(d, 0, spine.Defer, l))
	}
}

func heldRoom(s *suite) {
	o := s.serve(ordered("a"))
	o.held(spine.Later{Due: s.store.Now()}, "1", "2", "3", "4")
	require.Empty(s, o.take(0))
	assert.Equal(s, []string{"1"}, texts(o.take(1)))
	o.notes("k", "5")
	require.Empty(s, o.take(0), "5 is behind 2")
	assert.Equal(s, []string{"2", "3"}, texts(o.take(2)))
	assert.Equal(s, []string{"4", "5"}, texts(o.take()))
}

func headAgain(s *suite) {
	o := s.serve(ordered("a"))
	o.held(spine.Later{Due: s.store.Now()}, "1", "2", "3", "4")
	ds := o.take(2)
	require.Equal(s, []string{"1", "2"}, texts(ds))
	o.settle(later(ds[0], 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)}))
	o.nothing()
	o.settle(later(ds[1], 0, spine.Defer, spine.Later{Due: s.store.Now()}))
	o.nothing()
	s.store.Advance(time.Minute)
	assert.Equal(s, []string{"1", "2", "3", "4"}, texts(o.take()))
}

func followersWait(s *suite) {
	o := s.serve(ordered("a"))
	o.notes("k", "1", "2", "3")
	ds := o.pull(3)
	at := func(d time.Duration) spine.Later { return spine.Later{Due: s.store.Now().Add(d)} }
	o.settle(
		later(ds[1], 0, spine.Defer, at(time.Minute)),
		later(ds[2], 0, spine.Defer, at(0)),
		later(ds[0], 0, spine.Defer, at(2*time.Minute)),
	)
	s.store.Advance(time.Minute)
	o.nothing()
	s.store.Advance(time.Minute)
	first := o.take()
	assert.Equal(s, []string{"1", "2", "3"}, texts(first))

	o.settle(
		later(first[0], 0, spine.Defer, at(time.Minute)),
		later(first[1], 0, spine.Defer, at(2*time.Minute)),
		later(first[2], 0, spine.Defer, at(0)),
	)
	s.store.Advance(time.Minute)
	assert.Equal(s, []string{"1"}, texts(o.take()), "2 is the head now, and not due")
	s.store.Advance(time.Minute)
	assert.Equal(s, []string{"2", "3"}, texts(o.take()))
}

func waitingHead(s *suite) {
	o := s.serve(ordered("a"))
	o.held(spine.Later{Waits: true}, "1", "2")
	o.notes("k", "3")
	o.notes("x", "x1")
	assert.Equal(s, []string{"x1"}, texts(o.take(0)))
	s.store.Advance(time.Hour)
	require.Empty(s, o.take(0))
	assert.Equal(s, spine.Backlog{InFlight: 1, Waiting: 3}, o.backlog())
	assert.Equal(s, []string{"1", "2", "3"}, texts(o.take(3)))
}

func keylessHoldsNobody(s *suite) {
	spec := ordered("a")
	spec.Types = append(spec.Types, "MEMO")
	o := s.serve(spec)
	o.publish(s.memo("1"), s.memo("2"))
	for _, d := range o.pull(2) {
		due := spine.Later{Due: s.store.Now()}
		if text(d.Event) == "1" {
			due.Due = s.store.Now().Add(time.Minute)
		}
		o.settle(later(d, 0, spine.Retry, due))
	}
	o.publish(s.memo("3"))
	s.expect(o.take(), "2", "3")
	s.store.Advance(time.Minute)
	s.expect(o.take(), "1")
}

// longHold keeps a key held while it is handed out and handed back piece by piece.
func longHold(s *suite) {
	o := s.serve(ordered("a"))
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprint(i))
	}
	o.held(spine.Later{Due: s.store.Now()}, want[:100]...)
	var got []string
	for i := 0; len(got) < len(want); i++ {
		if next := 100 + i*10; next < len(want) {
			o.notes("k", want[next:next+10]...)
		}
		ds := o.take(20)
		// The second half comes back, last one first.
		for k := len(ds) - 1; k >= 0; k-- {
			if k < (len(ds)+1)/2 {
				o.settle(done(ds[k], 0))
			} else {
				o.settle(later(ds[k], 0, spine.Defer, spine.Later{Due: s.store.Now()}))
			}
		}
		got = append(got, texts(ds[:(len(ds)+1)/2])...)
	}
	assert.Equal(s, want, got)
	o.nothing()
	o.publish(s.event(actors.With(note{"k", "last"})))
	s.expect(o.take(), "last")
}
