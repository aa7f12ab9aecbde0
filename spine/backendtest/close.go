package backendtest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

var closeParts = []part{
	{"CloseWakesWaitingPulls", closeWakesPull},
	{"CloseWakesWaitingPublishes", closeWakesPublish},
	{"CloseMayComeTwiceAndEndsEverything", closeTwice},
}

func closeWakesPull(s *suite) {
	o := s.serve(organ("a"))
	first, second := o.pulling(o.soon(), spine.Want{Events: 9, Bytes: lots}), o.pulling(o.soon(), spine.Want{Events: 9, Bytes: lots})
	silent(s, first, "a Pull returned without an event")
	require.NoError(s, o.backend.Close(o.soon()))
	require.ErrorIs(s, await(s, first, "closed").err, spine.ErrClosed)
	require.ErrorIs(s, await(s, second, "closed").err, spine.ErrClosed)
}

func closeWakesPublish(s *suite) {
	o := s.full(Config{})
	got := o.publishing(s.note("k", "6"))
	silent(s, got, "a Publish returned without room")
	require.NoError(s, o.backend.Close(o.soon()))
	p := await(s, got, "closed")
	require.ErrorIs(s, p.err, spine.ErrClosed)
	for _, a := range p.answers {
		assert.Equal(s, spine.Refused, a.Code)
	}
}

func closeTwice(s *suite) {
	o := s.serve(organ("a"))
	o.notes("k", "1", "2")
	d := o.pull(1)[0]
	require.NoError(s, o.backend.Close(o.soon()))
	require.NoError(s, o.backend.Close(o.soon()))
	_, err := o.backend.Publish(o.soon(), []actors.Event{s.note("k", "3")})
	require.ErrorIs(s, err, spine.ErrClosed)
	_, err = o.backend.Pull(o.soon(), spine.Want{Events: 1, Bytes: lots})
	require.ErrorIs(s, err, spine.ErrClosed)
	_, err = o.backend.Settle(o.soon(), []spine.Settlement{done(d, 0)})
	require.ErrorIs(s, err, spine.ErrClosed)
	require.ErrorIs(s, o.backend.Open(o.soon(), o.service), spine.ErrClosed)
	for name, err := range o.abilities() {
		require.ErrorIs(s, err, spine.ErrClosed, name)
	}
}

// abilities calls everything that needs an open service, and returns the errors.
func (o *owner) abilities() map[string]error {
	errs := map[string]error{}
	_, errs["Backlog"] = o.backend.(spine.Inspector).Backlog(o.soon())
	_, errs["Letters"] = o.letters().Letters(o.soon(), supervision.Filter{}, "", 1)
	_, errs["Letter"] = o.letters().Letter(o.soon(), "1")
	errs["Remove"] = o.remove("1", o.note("k", "replayed"))
	_, _, errs["Count"] = o.letters().Count(o.soon())
	store, cell := o.backend.(persistence.Store), persistence.Cell{Organ: "a", Key: "k"}
	_, errs["Load"] = store.Load(o.soon(), []persistence.Cell{cell}, nil)
	errs["Save"] = store.Save(o.soon(), cell, persistence.Snapshot{Seq: 1})
	_, errs["Expire"] = store.Expire(o.soon(), "a", o.store.Now(), 1)
	return errs
}
