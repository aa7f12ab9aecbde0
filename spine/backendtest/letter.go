package backendtest

import (
	"fmt"
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
	{"LettersAreDropped", letterDrop},
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
			_, err := o.letters().Drop(o.soon(), p.Letters[2].ID)
			require.NoError(s, err)
			o.deadNotes(0, "7")
		}
	}
	assert.Equal(s, append(want, "why 7"), got)
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
	o.nothing()
	other.nothing()
	assert.Equal(s, []string{"why 2"}, o.letterErrors())
	_, err = desk.Replay(o.soon(), page.Letters[0].ID, nil)
	require.ErrorIs(s, err, supervision.ErrNoLetter)
	o.nothing()
	o.settle(o.dead(d, 1, "again"))
	assert.Equal(s, []string{"why 2", "again"}, o.letterErrors(), "a new letter, at the end")
}

func letterDrop(s *suite) {
	o := s.serve(organ("a"))
	o.deadNotes(0, "1", "2", "3", "4")
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 9)
	require.NoError(s, err)
	n, err := o.letters().Drop(o.soon(), page.Letters[1].ID, "unknown", page.Letters[3].ID, page.Letters[1].ID)
	require.NoError(s, err)
	assert.Equal(s, 2, n)
	assert.Equal(s, []string{"why 1", "why 3"}, o.letterErrors())
	n, err = o.letters().Drop(o.soon())
	require.NoError(s, err)
	assert.Zero(s, n)
	held, _, err := o.letters().Count(o.soon())
	require.NoError(s, err)
	assert.Equal(s, 2, held)
	assert.Equal(s, spine.Backlog{DeadLetters: 2}, o.backlog())
}

func letterUnknown(s *suite) {
	o := s.serve(organ("a"))
	o.deadNotes(0, "1")
	for _, id := range []string{"", "0", "x", "01", "999999", "-1"} {
		_, err := o.letters().Letter(o.soon(), id)
		require.ErrorIs(s, err, supervision.ErrNoLetter, id)
		require.ErrorIs(s, o.letters().Replay(o.soon(), id, s.note("k", "2")), supervision.ErrNoLetter, id)
	}
	o.nothing()
	page, err := o.letters().Letters(o.soon(), supervision.Filter{}, "", 9)
	require.NoError(s, err)
	l, err := o.letters().Letter(o.soon(), page.Letters[0].ID)
	require.NoError(s, err)
	assert.Equal(s, "why 1", l.Error)
}
