package backendtest

import (
	"context"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// owner serves a service through one handle.
type owner struct {
	*suite
	backend  spine.Backend
	service  spine.Service
	handouts map[uint32]uint64            // by shard: of the last delivery
	answered map[uint32]uint64            // by shard: Answer.Handouts of the last answer
	places   map[actors.ID]spine.Position // of what was pulled
}

// own opens a service through a new handle.
func (s *suite) own(service string, organs ...spine.OrganSpec) *owner {
	s.Helper()
	return s.ownFrom(spine.FromBeginning, service, organs...)
}

func (s *suite) ownFrom(start spine.Start, service string, organs ...spine.OrganSpec) *owner {
	s.Helper()
	o := s.stray()
	o.service = spine.Service{Name: service, Organs: organs, Start: start}
	require.NoError(s, o.backend.Open(s.Context(), o.service))
	return o
}

// stray has a handle that is not open.
func (s *suite) stray() *owner {
	return &owner{
		suite: s, backend: s.store.Attach(s.T),
		handouts: map[uint32]uint64{}, answered: map[uint32]uint64{}, places: map[actors.ID]spine.Position{},
	}
}

// emission makes the event that organ emits, in place i, in handling d.
func (o *owner) emission(d spine.Delivery, organ, i int, p actors.Payload) actors.Event {
	o.Helper()
	st := actors.NewStamper(actors.StamperOptions{Service: o.service.Name, Organ: o.service.Organs[organ].Name})
	ev, err := st.Emission(d.Event, i, p, o.store.Now())
	require.NoError(o, err)
	return ev
}

// publish publishes events, all of which must be accepted.
func (o *owner) publish(evs ...actors.Event) {
	o.Helper()
	answers, err := o.backend.Publish(o.soon(), evs)
	require.NoError(o, err)
	require.Equal(o, make([]spine.Published, len(evs)), answers)
}

// notes publishes one NOTE for each text, of one key.
func (o *owner) notes(key string, texts ...string) []actors.Event {
	o.Helper()
	var evs []actors.Event
	for _, text := range texts {
		evs = append(evs, o.note(key, text))
	}
	o.publish(evs...)
	return evs
}

// pull brings n deliveries, however many pulls that takes.
func (o *owner) pull(n int) []spine.Delivery {
	o.Helper()
	var ds []spine.Delivery
	for len(ds) < n {
		more, err := o.backend.Pull(o.soon(), spine.Want{Events: n - len(ds), Bytes: lots})
		require.NoErrorf(o, err, "pulling %d deliveries after %s", n-len(ds), texts(ds))
		require.NotEmpty(o, more)
		o.numbered(more)
		ds = append(ds, more...)
	}
	return ds
}

// attempt pulls what may be had now, once. That nothing comes for a while says little where a server
// is at work: there has to be nothing to come, and the while has to be long beside what a question to the server takes.
func (o *owner) attempt(w spine.Want) []spine.Delivery {
	o.Helper()
	if w.Bytes == 0 {
		w.Bytes = lots
	}
	began := time.Now()
	for wait := quiet; ; wait *= 4 {
		ds, err := o.brief(w, wait)
		if err == nil {
			o.numbered(ds)
			return ds
		}
		require.ErrorIs(o, err, context.DeadlineExceeded)
		require.Empty(o, ds)
		asked := time.Now()
		log := o.backlog()
		if log.Ready == 0 && time.Since(asked) < wait/8 && (log.Waiting == 0 || wait > quiet) {
			return nil // what waits for no time is not counted as ready: it has had longer to come
		}
		require.Less(o, time.Since(began), soon, "something is ready, and does not come")
	}
}

// brief pulls and waits that long at most.
func (o *owner) brief(w spine.Want, wait time.Duration) ([]spine.Delivery, error) {
	ctx, stop := context.WithTimeout(o.Context(), wait)
	defer stop()
	return o.backend.Pull(ctx, w)
}

// numbered checks the numbers that ds carry: hand-outs only go up, past those of all answers so
// far, and an event keeps its position.
func (o *owner) numbered(ds []spine.Delivery) {
	o.Helper()
	for _, d := range ds {
		if d.Acked {
			continue
		}
		require.Greater(o, d.Handout, o.answered[d.Shard])
		require.GreaterOrEqual(o, d.Handout, o.handouts[d.Shard])
		o.handouts[d.Shard] = d.Handout
		place, known := o.places[d.Event.ID()]
		require.Truef(o, !known || place == d.Position, "%s was at %v and is at %v", text(d.Event), place, d.Position)
		o.places[d.Event.ID()] = d.Position
	}
}

// take pulls until nothing more comes, with this room for late work of organs.
func (o *owner) take(room ...int) []spine.Delivery {
	o.Helper()
	var all []spine.Delivery
	room = slices.Clone(room)
	for {
		ds := o.attempt(spine.Want{Events: 1000, Organs: room})
		if len(ds) == 0 {
			return all
		}
		all = append(all, ds...)
		for _, d := range ds {
			for _, todo := range d.Todo {
				if todo.Organ < len(room) && room[todo.Organ] > 0 {
					room[todo.Organ]--
				}
			}
		}
	}
}

// nothing requires that no delivery may be had.
func (o *owner) nothing() {
	o.Helper()
	ds := o.attempt(spine.Want{Events: 1})
	require.Emptyf(o, ds, "got %s", texts(ds))
}

// settle settles, with an answer Settled for each.
func (o *owner) settle(ss ...spine.Settlement) []spine.Answer {
	o.Helper()
	answers, err := o.backend.Settle(o.soon(), ss)
	require.NoError(o, err)
	require.Len(o, answers, len(ss))
	for i, a := range answers {
		require.Equalf(o, spine.Settled, a.Code, "answer %d", i)
	}
	return o.bare(ss, answers)
}

// bare checks what answers say of hand-outs and takes it off them.
func (o *owner) bare(ss []spine.Settlement, answers []spine.Answer) []spine.Answer {
	o.Helper()
	for i := range answers {
		shard := ss[i].Shard
		require.GreaterOrEqual(o, answers[i].Handouts, o.handouts[shard])
		o.answered[shard] = answers[i].Handouts
		answers[i].Handouts = 0
	}
	return answers
}

// lost settles what must not be applied. An error means the same as an answer Lost.
func (o *owner) lost(ss ...spine.Settlement) {
	o.Helper()
	answers, err := o.backend.Settle(o.soon(), ss)
	if err != nil {
		return
	}
	require.Len(o, answers, len(ss))
	for _, a := range o.bare(ss, answers) {
		require.Equal(o, spine.Answer{Code: spine.Lost}, a)
	}
}

// done finishes a delivery for an organ.
func done(d spine.Delivery, organ int, emitted ...actors.Event) spine.Settlement {
	return spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: spine.Done, Emitted: emitted}
}

// changed is done with a change of state.
func changed(d spine.Delivery, organ int, c persistence.Change, emitted ...actors.Event) spine.Settlement {
	x := done(d, organ, emitted...)
	x.Change = &c
	return x
}

// later hands a delivery back.
func later(d spine.Delivery, organ int, kind spine.SettleKind, l spine.Later) spine.Settlement {
	return spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: kind, Later: &l}
}

// dead finishes a delivery for an organ with a dead letter.
func (o *owner) dead(d spine.Delivery, organ int, why string, emitted ...actors.Event) spine.Settlement {
	l := supervision.DeadLetter{
		Organ: o.service.Organs[organ].Name, Reason: actors.KindPermanent, Error: why, Attempts: 3, Stack: "stack",
		First: o.store.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond), Last: o.store.Now().UTC().Truncate(time.Millisecond),
		Event: d.Event,
	}
	return spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: spine.Dead, Letter: &l, Emitted: emitted}
}

// finish settles deliveries for all their organs.
func (o *owner) finish(ds ...spine.Delivery) {
	o.Helper()
	var ss []spine.Settlement
	for _, d := range ds {
		if d.Acked {
			continue
		}
		for _, organ := range o.organs(d) {
			ss = append(ss, done(d, organ))
		}
	}
	if len(ss) > 0 {
		o.settle(ss...)
	}
}

// unwanted checks and settles d, which no organ wants: the backend may have acknowledged it.
func (o *owner) unwanted(d spine.Delivery) {
	o.Helper()
	if d.Acked {
		require.Zero(o, d.Receipt)
		require.Zero(o, d.Handout)
		require.Zero(o, d.Position)
		require.Nil(o, d.Todo)
		require.False(o, d.Lost)
		return
	}
	require.NotNil(o, d.Todo)
	require.Empty(o, d.Todo)
	require.True(o, o.settle(done(d, spine.NoOrgan))[0].Acked)
}

// organs lists those who have something to do for d.
func (o *owner) organs(d spine.Delivery) []int {
	var organs []int
	if d.Todo != nil {
		for _, t := range d.Todo {
			organs = append(organs, t.Organ)
		}
		if len(organs) == 0 {
			return []int{spine.NoOrgan}
		}
		return organs
	}
	for i, spec := range o.service.Organs {
		only := d.Event.Only()
		if slices.Contains(spec.Types, d.Event.Type()) && (only == "" || only == o.service.Name+"/"+spec.Name) {
			organs = append(organs, i)
		}
	}
	return organs
}

// todo returns what one organ has to do for d; it must have something.
func (o *owner) todo(d spine.Delivery, organ int) spine.Todo {
	o.Helper()
	require.Containsf(o, o.organs(d), organ, "organs of %s", texts([]spine.Delivery{d}))
	for _, t := range d.Todo {
		if t.Organ == organ {
			return t
		}
	}
	return spine.Todo{Organ: organ}
}

// backlog returns the service's backlog.
func (o *owner) backlog() spine.Backlog {
	o.Helper()
	b, err := o.backend.(spine.Inspector).Backlog(o.soon())
	require.NoError(o, err)
	return b
}

// letters returns the service's dead letters.
func (o *owner) letters() supervision.DeadLetters { return o.backend.(supervision.DeadLetters) }

// remove takes one dead letter away, and puts events in its place.
func (o *owner) remove(id string, evs ...actors.Event) error {
	return o.letters().Remove(o.soon(), []supervision.Removal{{ID: id, Events: evs}})[0]
}

// letterErrors lists what the dead letters of the service complain about.
func (o *owner) letterErrors() []string {
	o.Helper()
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 1000)
	require.NoError(o, err)
	why := []string{}
	for _, l := range page.Letters {
		why = append(why, l.Error)
	}
	return why
}
