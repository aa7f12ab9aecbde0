package backendtest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

var serviceParts = []part{
	{"EveryServiceSeesEveryEvent", everyService},
	{"ServicesKeepApartWhatIsTheirs", apart},
	{"AServiceMayStartFromNow", fromNow},
	{"AnAddressedEventIsForOneOrgan", addressed},
	{"AServiceThatMakesNoSenseIsRefused", senseless},
	{"ABackendServesOnlyWhenOpen", notOpen},
}

func everyService(s *suite) {
	a := s.serve(organ("a"))
	b := s.own("other", organ("b"), organ("c"))
	a.notes("k", "1")
	b.notes("k", "2")
	ds := a.pull(2)
	s.expect(ds, "1", "2")
	emitted := a.emission(ds[0], 0, 0, note{"k", "3"})
	assert.True(s, a.settle(done(ds[0], 0, emitted))[0].Acked)
	a.settle(later(ds[1], 0, spine.Retry, spine.Later{Due: s.store.Now().Add(time.Hour)}))
	s.expect(a.take(), "3")
	others := b.take()
	s.expect(others, "1", "2", "3")
	b.finish(others...)
	assert.Equal(s, spine.Backlog{}, b.backlog())
	assert.Equal(s, spine.Backlog{InFlight: 1, Retrying: 1}, a.backlog())
}

func apart(s *suite) {
	a, b := s.serve(keyed("a")), s.own("other", keyed("a"))
	a.notes("k", "1", "2")
	ds := a.pull(2)
	a.settle(changed(ds[0], 0, persistence.Change{Version: 1, At: s.store.Now()}), a.dead(ds[1], 0, "mine"))
	assert.Zero(s, b.load("k").Last)
	assert.Empty(s, b.letterErrors())
	others := b.pull(2)
	b.settle(changed(others[0], 0, persistence.Change{Version: 1, Digest: 4, At: s.store.Now()}), b.dead(others[1], 0, "theirs"))
	assert.Equal(s, uint64(4), b.load("k").Records[0].Digest)
	assert.Zero(s, a.load("k").Records[0].Digest)
	assert.Equal(s, []string{"mine"}, a.letterErrors())
	assert.Equal(s, []string{"theirs"}, b.letterErrors())
}

func fromNow(s *suite) {
	a := s.serve(organ("a"))
	a.notes("k", "1", "2")
	late := s.ownFrom(spine.FromNow, "late", organ("a"))
	early := s.own("early", organ("a"))
	a.notes("k", "3")
	s.expect(late.take(), "3")
	s.expect(early.take(), "1", "2", "3")
	s.store.Kill(late.backend)
	a.notes("k", "4")
	again := s.ownFrom(spine.FromNow, "late", organ("a"))
	s.expect(again.take(), "3", "4") // it is known by now: it goes on where it was
}

func addressed(s *suite) {
	a := s.serve(organ("a"), organ("b"), organ("c", "MEMO"))
	b := s.own("other", organ("b"))
	to := func(p actors.Payload, service, organ string) actors.Event {
		ev, err := s.event(p).Replay(actors.NewID(), service, organ, nil)
		require.NoError(s, err)
		return ev
	}
	a.publish(to(note{"k", "1"}, "svc", "b"))
	s.expect(b.take())
	d := a.pull(1)[0]
	assert.Equal(s, []int{1}, a.organs(d))
	a.settle(later(d, 1, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now()}))
	d = a.pull(1)[0]
	assert.Equal(s, []int{1}, a.organs(d))
	assert.True(s, a.settle(done(d, 1))[0].Acked)
	a.nothing()

	// An organ that is not there any more, one that does not listen to the type, and a type to which
	// nobody does.
	a.publish(to(note{"k", "2"}, "svc", "gone"), to(memo{"3"}, "svc", "b"), to(spam{}, "svc", "b"))
	for _, d := range a.pull(3) {
		a.unwanted(d)
	}
	a.nothing()
	b.nothing()
}

func senseless(s *suite) {
	s.open(Config{})
	for name, service := range map[string]spine.Service{
		"no name":      {Organs: []spine.OrganSpec{organ("a")}},
		"unsafe name":  {Name: "a b", Organs: []spine.OrganSpec{organ("a")}},
		"unnamed":      {Name: "svc", Organs: []spine.OrganSpec{organ("")}},
		"named double": {Name: "svc", Organs: []spine.OrganSpec{organ("a"), organ("b"), organ("a")}},
	} {
		require.ErrorIs(s, s.store.Attach(s.T).Open(s.soon(), service), spine.ErrService, name)
	}
}

func notOpen(s *suite) {
	s.open(Config{})
	o := s.stray()
	o.notes("k", "1")
	_, err := o.backend.Pull(o.soon(), spine.Want{Events: 1, Bytes: lots})
	require.ErrorIs(s, err, spine.ErrService)
	_, err = o.backend.Settle(o.soon(), []spine.Settlement{{}})
	require.ErrorIs(s, err, spine.ErrService)
	for name, err := range o.abilities() {
		require.ErrorIs(s, err, spine.ErrService, name)
	}
}
