package backendtest

import (
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

var ownerParts = []part{
	{"ALostOwnersWorkComesAgainWithItsAttempts", lostOwner},
	{"ALostOwnerChangesNothingAnyMore", zombie},
	{"ALostOwnersKeysComeBackInOrder", lostKeys},
	{"ProgressIsByOrganName", otherOrgans},
	{"AServiceIsNotTakenOverWithoutItsOrgans", olderOrgans},
}

var durableParts = []part{
	{"EverythingUnsettledIsThereAfterReopening", reopened},
}

var sharedParts = []part{
	{"TwoOwnersShareAService", shared},
	{"ADeadOwnersDeliveriesGoToTheNext", deadOwner},
}

// restart opens o's service for another owner, after the first has fallen silent. Organs that are not there any more
// are retired.
func (o *owner) restart(organs ...spine.OrganSpec) *owner {
	o.Helper()
	o.store.Kill(o.backend)
	next := o.stray()
	next.service = spine.Service{Name: o.service.Name, Organs: organs}
	for _, organ := range o.service.Organs {
		next.service.Retired = append(next.service.Retired, organ.Name)
	}
	require.NoError(o, next.backend.Open(o.Context(), next.service))
	return next
}

// olderOrgans is the arrangement that loses events: A, B and C, D as two programs of one service.
func olderOrgans(s *suite) {
	o := s.serve(organ("a"), organ("b", "MEMO"))
	o.notes("k", "1")
	s.expect(o.pull(1), "1")
	s.store.Kill(o.backend)
	stray := s.stray()
	err := stray.backend.Open(s.soon(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{organ("c"), organ("d", "SPAM")}})
	require.ErrorIs(s, err, spine.ErrOrgans)
	require.ErrorContains(s, err, `"a" "b"`)
	o = s.own("svc", organ("d"), organ("b", "MEMO"), organ("a"))
	ds := o.pull(1)
	assert.Equal(s, []int{0, 1, 2}, o.organs(ds[0]), "nobody has acknowledged it for them")
	o.finish(ds...)
	stray = s.stray()
	err = stray.backend.Open(s.soon(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{organ("a"), organ("b")}})
	require.ErrorIs(s, err, spine.ErrOrgans, "an older program")
	s.store.Kill(o.backend)
	o = s.stray()
	o.service = spine.Service{Name: "svc", Organs: []spine.OrganSpec{organ("a"), organ("b")}, Retired: []string{"d"}}
	require.NoError(s, o.backend.Open(s.soon(), o.service))
	o.notes("k", "2")
	s.expect(o.pull(1), "2")
}

// busy is an owner in the middle of its work, and what is left of it: "tried" has been handed
// out twice, "begun" once, "half" is finished for organ 0, "later" is to be retried, "idle" waits,
// "delayed" is not due, "fresh" was never handed out, "gone" is finished.
func (s *suite) busy() *owner {
	o := s.serve(organ("a"), organ("b"))
	o.notes("k", "tried", "begun", "half", "later", "idle", "gone")
	ds := o.pull(6)
	first := s.store.Now().Truncate(time.Millisecond)
	retry := func(d time.Duration) spine.Later {
		return spine.Later{Attempts: 2, First: first, Due: s.store.Now().Add(d)}
	}
	o.settle(
		later(ds[0], 0, spine.Retry, retry(0)), done(ds[0], 1),
		done(ds[2], 0),
		later(ds[3], 0, spine.Retry, retry(time.Hour)), done(ds[3], 1),
	)
	o.finish(ds[5])
	s.expect(o.pull(1), "tried")
	o.settle(later(ds[4], 0, spine.Defer, spine.Later{Waits: true}), done(ds[4], 1))
	o.publish(s.event(actors.With(note{"k", "delayed"}, actors.After(time.Hour))))
	o.notes("k", "fresh")
	return o
}

// resume requires that o finds everything that busy has left.
func (o *owner) resume() {
	o.Helper()
	ds := o.take(0, 0)
	o.expect(ds, "tried", "begun", "half", "fresh")
	for _, d := range ds {
		switch text(d.Event) {
		case "tried":
			assert.Equal(o, []int{0}, o.organs(d))
			todo := o.todo(d, 0)
			assert.Equal(o, 2, todo.Attempts)
			assert.False(o, todo.First.IsZero())
		case "half":
			assert.Equal(o, []int{1}, o.organs(d))
		default:
			assert.Equal(o, []int{0, 1}, o.organs(d))
			assert.Zero(o, o.todo(d, 0).Attempts)
		}
	}
	o.finish(ds...)
	b := o.backlog()
	assert.Equal(o, []int{1, 1, 1}, []int{b.Retrying, b.Waiting, b.Delayed})
	idle := o.take()
	o.expect(idle, "idle")
	o.finish(idle...)
	o.store.Advance(time.Hour)
	last := o.pull(2)
	o.expect(last, "later", "delayed")
	assert.Equal(o, 2, o.todo(o.of(last, 0)[0], 0).Attempts+o.todo(o.of(last, 0)[1], 0).Attempts)
	o.finish(last...)
	o.nothing()
	assert.Equal(o, spine.Backlog{}, o.backlog())
}

func lostOwner(s *suite) {
	o := s.busy()
	o.restart(o.service.Organs...).resume()
}

func zombie(s *suite) {
	old := s.serve(keyed("a"), organ("b", "MEMO"))
	old.notes("k", "1")
	d := old.pull(1)[0]
	next := old.restart(old.service.Organs...)
	// Whatever it is told, it has changed nothing.
	_, _ = old.backend.Settle(s.soon(), []spine.Settlement{
		changed(d, 0, persistence.Change{Version: 1, At: s.store.Now()}, old.emission(d, 0, 0, memo{"late"})),
		old.dead(d, 1, "late"),
	})
	assert.Zero(s, next.load("k").Last)
	again := next.pull(1)
	s.expect(again, "1")
	assert.Equal(s, []int{0, 1}, next.organs(again[0]))
	next.nothing()
	assert.Empty(s, next.letterErrors())
	_, _ = old.backend.Settle(s.soon(), []spine.Settlement{done(d, 0)})
	next.settle(changed(again[0], 0, persistence.Change{Version: 1, At: s.store.Now()}, next.emission(again[0], 0, 0, memo{"once"})), done(again[0], 1))
	s.expect(next.take(), "once")
	assert.Equal(s, uint64(1), next.load("k").Last)
}

func lostKeys(s *suite) {
	o := s.serve(ordered("a"))
	o.notes("k", "1", "2", "3", "4", "5")
	ds := o.pull(4)
	o.settle(done(ds[0], 0), later(ds[2], 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Minute)}))
	o.notes("x", "x1")
	o = o.restart(o.service.Organs...)
	s.expect(o.take(), "2", "x1")
	s.store.Advance(time.Minute)
	assert.Equal(s, []string{"3", "4", "5"}, texts(o.take()))
}

func otherOrgans(s *suite) {
	o := s.serve(organ("stays"), organ("removed"), organ("renamed"))
	o.notes("k", "1", "2", "3")
	ds := o.pull(3)
	o.settle(
		done(ds[0], 0), done(ds[0], 2), // left for the one that is removed
		done(ds[1], 1), done(ds[1], 2), // for the one that stays
		done(ds[2], 0), done(ds[2], 1), // for the one that is renamed
	)
	o = o.restart(organ("new"), organ("stays"))
	ds = o.take()
	got := map[string][]int{}
	for _, d := range ds {
		got[text(d.Event)] = append(got[text(d.Event)], o.organs(d)...)
	}
	assert.Equal(s, map[string][]int{"1": {0}, "2": {0, 1}, "3": {0}}, got, "the new name sees all, the old one no longer blocks")
	o.finish(ds...)
	o.notes("k", "4")
	o.settle(done(o.pull(1)[0], 1))
	o = o.restart(organ("stays")) // which has finished 4
	o.nothing()
	assert.Equal(s, spine.Backlog{}, o.backlog())
}

func reopened(s *suite) {
	o := s.busy()
	// Another service with a cell and a dead letter; its events are addressed to it alone.
	other := s.own("stateful", keyed("a"))
	for _, text := range []string{"changed", "dead"} {
		ev, err := s.note("k", text).Replay(actors.NewID(), "stateful", "a", nil)
		require.NoError(s, err)
		other.publish(ev)
	}
	for _, d := range other.of(other.take(), 0) {
		switch text(d.Event) {
		case "changed":
			other.settle(changed(d, 0, persistence.Change{Version: 1, Digest: 3, At: s.store.Now()}))
		case "dead":
			other.settle(other.dead(d, 0, "dead before"))
		}
	}
	s.store.Reopen(s.T)
	s.own("svc", o.service.Organs...).resume()
	other = s.own("stateful", keyed("a"))
	assert.Equal(s, []string{"dead before"}, other.letterErrors())
	h := other.load("k")
	require.Len(s, h.Records, 1)
	assert.Equal(s, uint64(3), h.Records[0].Digest)
}

func shared(s *suite) {
	a := s.serve(organ("a"))
	b := s.own("svc", organ("a"))
	const events = 200
	for i := range events {
		a.notes(fmt.Sprint("k-", i), fmt.Sprint(i))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var both sync.WaitGroup
	for _, o := range []*owner{a, b} {
		both.Go(func() {
			for ds := o.take(); len(ds) > 0; ds = o.take() {
				mu.Lock()
				for _, d := range ds {
					seen[text(d.Event)]++
				}
				mu.Unlock()
				o.finish(ds...)
			}
		})
	}
	both.Wait()
	assert.Len(s, seen, events)
	for text, n := range seen {
		assert.Equal(s, 1, n, text)
	}
}

func deadOwner(s *suite) {
	a := s.serve(organ("a"))
	b := s.own("svc", organ("a"))
	left := map[string]bool{}
	for i := range 50 {
		a.notes(fmt.Sprint("k-", i), fmt.Sprint(i))
		left[fmt.Sprint(i)] = true
	}
	inHand := b.take()
	for _, d := range a.take() {
		a.settle(later(d, 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now()}))
	}
	a.take()
	s.store.Kill(a.backend)
	for _, d := range append(inHand, b.take()...) {
		delete(left, text(d.Event))
		b.finish(d)
	}
	assert.Empty(s, left)
	b.nothing()
}
