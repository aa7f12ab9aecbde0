package backendtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

var publishParts = []part{
	{"EveryFieldComesBack", everyField},
	{"PayloadsOfAnySizeComeBack", payloadSizes},
	{"AChosenIDIsPublishedOnce", chosenID},
	{"AnIDMayComeAgainAfterTheWindow", afterWindow},
	{"FullBacklogBlocksPublishUntilCancelled", fullBlocks},
	{"FullBacklogTakesMoreWhenThereIsRoom", fullThenRoom},
	{"FullBacklogRefusesWhereAsked", fullRefuses},
	{"FullBacklogNeverBlocksASettlement", fullSettles},
	{"ManyPublishersLoseAndDoubleNothing", manyPublishers},
	{"PublishNeedsNoService", publishOnly},
}

func everyField(s *suite) {
	o := s.serve(organ("a", "MEMO"))
	root := s.event(actors.With(note{"key/1", "root"}, actors.Meta("tenant", "blue"), actors.Meta("user", "ann"),
		actors.Meta("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")))
	bare := s.memo("bare")
	o.publish(root, bare)
	for _, d := range o.pull(2) {
		if d.Event.ID() == bare.ID() {
			s.same(bare, d.Event)
			o.finish(d)
			continue
		}
		s.same(root, d.Event)
		plain := o.emission(d, 0, 0, actors.With(memo{"plain"}, actors.Key("key/2")))
		delayed := o.emission(d, 0, 1, actors.With(memo{"delayed"}, actors.After(time.Hour), actors.Meta("more", "yes")))
		o.settle(done(d, 0, plain, delayed))
		defer s.same(plain, o.pull(1)[0].Event)
		defer func() {
			s.store.Advance(time.Hour)
			s.same(delayed, o.pull(1)[0].Event)
		}()
	}
}

func payloadSizes(s *suite) {
	o := s.serve(organ("a", "RAW"))
	for name, data := range map[string]string{
		"empty":     `{}`,
		"non-ascii": `{"text":"Grüße, 世界 🌍 \u0000 \"quoted\""}`,
		"spaced":    "{ \"a\" :\t[1,\n2] }",
		"large":     `{"text":"` + strings.Repeat("0123456789", 90_000) + `"}`,
	} {
		ev := s.event(actors.Raw{Type: "RAW", Data: []byte(data)})
		o.publish(ev)
		d := o.pull(1)[0]
		s.same(ev, d.Event)
		again := o.emission(d, 0, 0, actors.Raw{Type: "RAW", Data: []byte(data)})
		o.settle(done(d, 0, again))
		d = o.pull(1)[0]
		assert.Equal(s, again.ID(), d.Event.ID(), name)
		s.same(again, d.Event)
		o.finish(d)
	}
}

// chosen makes events with an id that somebody chose.
func (s *suite) chosen(id actors.ID, p actors.Payload) actors.Event {
	return s.event(actors.With(p, id))
}

func (o *owner) codes(evs ...actors.Event) []spine.PublishCode {
	o.Helper()
	answers, err := o.backend.Publish(o.soon(), evs)
	require.NoError(o, err)
	var codes []spine.PublishCode
	for _, a := range answers {
		codes = append(codes, a.Code)
	}
	return codes
}

func chosenID(s *suite) {
	o := s.serve(organ("a"))
	id, other := actors.NewID(), actors.NewID()
	assert.Equal(s, []spine.PublishCode{spine.Accepted, spine.Duplicate, spine.Accepted},
		o.codes(s.chosen(id, note{"k", "1"}), s.chosen(id, note{"k", "2"}), s.chosen(other, note{"k", "3"})))
	assert.Equal(s, []spine.PublishCode{spine.Duplicate}, o.codes(s.chosen(id, note{"k", "4"})))
	ds := o.pull(2)
	s.expect(ds, "1", "3")
	o.finish(ds...)
	assert.Equal(s, []spine.PublishCode{spine.Duplicate}, o.codes(s.chosen(id, note{"k", "5"})), "after it was settled too")
	o.nothing()
	o.publish(s.note("k", "6"), s.note("k", "7"))
	s.expect(o.pull(2), "6", "7")
}

func afterWindow(s *suite) {
	s.open(Config{DedupWindow: time.Minute})
	o := s.own("svc", organ("a"))
	id := actors.NewID()
	o.publish(s.chosen(id, note{"k", "1"}))
	s.expect(o.pull(1), "1")
	clear(o.places) // the same id is another event afterwards
	s.store.Advance(50 * time.Second)
	assert.Equal(s, []spine.PublishCode{spine.Duplicate}, o.codes(s.chosen(id, note{"k", "2"})))
	s.store.Advance(5 * time.Minute) // a store may remember for longer than it must
	assert.Equal(s, []spine.PublishCode{spine.Accepted}, o.codes(s.chosen(id, note{"k", "3"})))
	s.expect(o.pull(1), "3")
}

// full opens a store whose backlog is full.
func (s *suite) full(c Config) *owner {
	c.Capacity = 5
	s.open(c)
	o := s.own("svc", organ("a"))
	o.notes("k", "1", "2", "3")
	require.Len(s, o.pull(2), 2)
	o.publish(s.note("k", "4"), s.event(actors.With(note{"k", "5"}, actors.After(time.Hour))))
	return o
}

func fullBlocks(s *suite) {
	o := s.full(Config{})
	ctx, stop := context.WithTimeout(s.Context(), quiet)
	defer stop()
	answers, err := o.backend.Publish(ctx, []actors.Event{s.note("k", "6"), s.note("k", "7")})
	require.NoError(s, err)
	require.Len(s, answers, 2)
	for _, a := range answers {
		assert.Equal(s, spine.Refused, a.Code)
		require.ErrorIs(s, a.Err, spine.ErrFull)
		require.ErrorIs(s, a.Err, context.DeadlineExceeded)
	}
	s.expect(o.take(), "3", "4")
}

// published is what a Publish in the background has come to.
type published struct {
	answers []spine.Published
	err     error
}

func (o *owner) publishing(evs ...actors.Event) <-chan published {
	ctx, got := o.soon(), make(chan published, 1)
	go func() { // ends with the handle, or with ctx
		answers, err := o.backend.Publish(ctx, evs)
		got <- published{answers, err}
	}()
	return got
}

func fullThenRoom(s *suite) {
	s.open(Config{Capacity: 2})
	o := s.own("svc", organ("a"))
	got := o.publishing(s.note("k", "1"), s.note("k", "2"), s.note("k", "3"), s.note("k", "4"))
	ds := o.pull(2)
	assert.Equal(s, []string{"1", "2"}, texts(ds))
	silent(s, got, "a Publish returned without room")
	o.finish(ds...)
	p := await(s, got, "there is room, and no further Pull is needed")
	require.NoError(s, p.err)
	assert.Equal(s, make([]spine.Published, 4), p.answers)
	assert.Equal(s, []string{"3", "4"}, texts(o.pull(2)))
}

func fullRefuses(s *suite) {
	o := s.full(Config{RefuseWhenFull: true})
	answers, err := o.backend.Publish(o.soon(), []actors.Event{s.note("k", "6"), s.note("k", "7")})
	require.NoError(s, err)
	require.Len(s, answers, 2)
	for _, a := range answers {
		assert.Equal(s, spine.Refused, a.Code)
		require.ErrorIs(s, a.Err, spine.ErrFull)
	}
	o.finish(o.pull(1)...)
	o.publish(s.note("k", "8"))
	s.expect(o.take(), "4", "8")
}

func fullSettles(s *suite) {
	o := s.full(Config{})
	d := o.pull(1)[0]
	var more []actors.Event
	for i := range 10 {
		more = append(more, o.emission(d, 0, i, note{"k", fmt.Sprint("emitted-", i)}))
	}
	o.settle(done(d, 0, more...))
	ds := o.pull(11)
	o.settle(later(ds[0], 0, spine.Retry, spine.Later{Attempts: 1, First: s.store.Now(), Due: s.store.Now().Add(time.Hour)}))
	o.finish(ds[1:]...)
}

func manyPublishers(s *suite) {
	const publishers, each = 8, 100
	o := s.serve(organ("a"))
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each / 4 {
				var evs []actors.Event
				for k := range 4 {
					evs = append(evs, actorsEvent(s, fmt.Sprint("k-", p), fmt.Sprint(p, "-", i*4+k)))
				}
				answers, err := o.backend.Publish(o.soon(), evs)
				assert.NoError(s, err)
				assert.Equal(s, make([]spine.Published, 4), answers)
			}
		})
	}
	next := map[string]int{}
	for range publishers * each {
		d := o.pull(1)[0]
		key := d.Event.Key()
		assert.Equal(s, fmt.Sprint(strings.TrimPrefix(key, "k-"), "-", next[key]), text(d.Event), "order within a key")
		next[key]++
		o.finish(d)
	}
	all.Wait()
	o.nothing()
	for key, n := range next {
		assert.Equal(s, each, n, key)
	}
}

// actorsEvent is note for several goroutines at a time.
func actorsEvent(s *suite, key, text string) actors.Event {
	ev, err := actors.NewStamper(actors.StamperOptions{Service: "suite"}).Root(note{key, text}, s.store.Now())
	assert.NoError(s, err)
	return ev
}

func publishOnly(s *suite) {
	s.open(Config{})
	o := s.stray()
	o.notes("k", "1", "2")
	s.expect(s.own("svc", organ("a")).pull(2), "1", "2")
}
