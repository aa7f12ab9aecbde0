package supervision_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

func list(t *testing.T, d *supervision.Desk, f supervision.Filter) []string {
	t.Helper()
	var ids []string
	for l, err := range d.List(t.Context(), f) {
		require.NoError(t, err)
		ids = append(ids, l.ID)
	}
	return ids
}

func TestListGoesThroughAllPagesOldestFirst(t *testing.T) {
	t.Parallel()
	d, _ := deskOf(t, "ada", "bob", "ada", "bob", "bob", "bob", "ada")
	assert.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7"}, list(t, d, supervision.Filter{}))
	assert.Equal(t, []string{"1", "3", "7"}, list(t, d, supervision.Filter{Key: "ada"}), "past a page without any")
	assert.Empty(t, list(t, d, supervision.Filter{Key: "eve"}))
}

func TestListMayBeLeftEarly(t *testing.T) {
	t.Parallel()
	d, _ := deskOf(t, "ada", "bob", "ada")
	for l := range d.List(t.Context(), supervision.Filter{}) {
		assert.Equal(t, "1", l.ID)
		break
	}
}

func TestListEndsWithItsError(t *testing.T) {
	t.Parallel()
	d, _ := deskOf(t, "ada", "bob", "ada", "bob")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ids []string
	var errs []error
	for l, err := range d.List(ctx, supervision.Filter{}) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ids = append(ids, l.ID)
		cancel()
	}
	assert.Equal(t, []string{"1", "2"}, ids, "the page that was there")
	assert.Equal(t, []error{context.Canceled}, errs)
}

func TestShowAndCount(t *testing.T) {
	t.Parallel()
	d, _ := deskOf(t, "ada", "bob")
	l, err := d.Show(t.Context(), "2")
	require.NoError(t, err)
	assert.Equal(t, "bob", l.Event.Key())
	_, err = d.Show(t.Context(), "3")
	require.ErrorIs(t, err, supervision.ErrNoLetter)
	assert.ErrorContains(t, err, `show dead letter "3": `)

	n, limit, err := d.Count(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Equal(t, 100, limit)
}

func TestReplayIsANewEventForTheOrganThatFailed(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob")
	was, err := d.Show(t.Context(), "1")
	require.NoError(t, err)

	id, err := d.Replay(t.Context(), "1", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"2"}, m.left())
	require.Len(t, m.appended, 1)
	ev := m.appended[0]
	assert.Equal(t, id, ev.ID())
	assert.NotEqual(t, was.Event.ID(), ev.ID())
	assert.Equal(t, "notify/mailer", ev.Only())
	assert.Equal(t, was.Event.ID().String(), ev.Meta(actors.MetaReplayOf))
	assert.Equal(t, "ada", ev.Key())
	p, err := actors.Decode[mailRequested](ev)
	require.NoError(t, err)
	assert.Equal(t, mailRequested{"ada", "hello"}, p)
}

func TestReplayTakesAnEditedPayload(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada")
	_, err := d.Replay(t.Context(), "1", actors.With(mailRequested{"ada", "shorter"}, actors.Key("ignored")))
	require.NoError(t, err)
	p, err := actors.Decode[mailRequested](m.appended[0])
	require.NoError(t, err)
	assert.Equal(t, mailRequested{"ada", "shorter"}, p)
	assert.Equal(t, "ada", m.appended[0].Key())
}

type unwritable struct{}

func (unwritable) EventType() string            { return "MAIL_REQUESTED" }
func (unwritable) MarshalJSON() ([]byte, error) { return nil, errors.New("no bytes") }

func TestReplayRefusesWhatWouldFailAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edited actors.Payload
		want   string
	}{
		"another type":  {actors.Raw{Type: "MAIL_SENT"}, `replay dead letter "1": actors: replay of a MAIL_REQUESTED with a payload of type "MAIL_SENT"`},
		"another key":   {mailRequested{"bob", "hello"}, `replay dead letter "1": the edited MAIL_REQUESTED has key "bob", the event has "ada"`},
		"invalid":       {mailRequested{"ada", ""}, `replay dead letter "1": invalid MAIL_REQUESTED: text is ""`},
		"not encodable": {unwritable{}, "no bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, m := deskOf(t, "ada")
			id, err := d.Replay(t.Context(), "1", c.edited)
			require.ErrorContains(t, err, c.want)
			assert.True(t, id.IsZero())
			assert.Equal(t, []string{"1"}, m.left(), "the letter is still there")
			assert.Empty(t, m.appended)
		})
	}
}

func TestReplayRefusesALetterItCannotAddress(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t)
	other := letter(t, 1, "ada")
	other.Service = "billing"
	m.add(other)
	m.add(supervision.DeadLetter{Service: "notify", Organ: "mailer", Reason: actors.KindUndecodable})

	_, err := d.Replay(t.Context(), "1", nil)
	assert.EqualError(t, err, `replay dead letter "1": it is of service "billing", not of "notify"`)
	_, err = d.Replay(t.Context(), "2", nil)
	assert.EqualError(t, err, `replay dead letter "2": its event cannot be read`)
	assert.Empty(t, m.appended)
}

func TestDeskWithoutABackendSaysSo(t *testing.T) {
	t.Parallel()
	for typ, letters := range map[string]supervision.DeadLetters{"<nil>": nil, "*supervision_test.memory": (*memory)(nil)} {
		d := supervision.NewDesk(letters, "notify")
		want := `supervision: NewDesk for service "notify": the backend is nil (` + typ + ")"
		_, _, err := d.Count(t.Context())
		require.EqualError(t, err, want)
		_, err = d.DropAll(t.Context(), supervision.Filter{}, false)
		require.EqualError(t, err, want)
		_, err = d.Replay(t.Context(), "1", nil)
		require.EqualError(t, err, `replay dead letter "1": `+want)
	}
}

// A backend has the letters of the service that it was opened for, whatever the desk is told.
func TestDeskOfAnotherServiceFindsAndDropsNothing(t *testing.T) {
	t.Parallel()
	_, m := deskOf(t, "ada", "bob")
	d := supervision.NewDesk(m, "billing")
	for name, act := range map[string]func() error{
		"Count": func() error { _, _, err := d.Count(t.Context()); return err },
		"List": func() error {
			for l, err := range d.List(t.Context(), supervision.Filter{Key: "nobody"}) {
				assert.Zero(t, l)
				return err
			}
			return nil
		},
		"Show":   func() error { _, err := d.Show(t.Context(), "1"); return err },
		"Replay": func() error { _, err := d.Replay(t.Context(), "1", nil); return err },
		"ReplayAll": func() error {
			_, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{})
			return err
		},
		"Drop":    func() error { _, err := d.Drop(t.Context(), "9", "1"); return err },
		"DropAll": func() error { _, err := d.DropAll(t.Context(), supervision.Filter{}, false); return err },
		"DryRun":  func() error { _, err := d.DropAll(t.Context(), supervision.Filter{Key: "nobody"}, true); return err },
	} {
		require.ErrorContains(t, act(), `dead letter "1": it is of service "notify", not of "billing"`, name)
	}
	assert.Len(t, m.left(), 2)
	assert.Empty(t, m.told)
}

func TestLetterIsReplayedOnce(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada")
	m.onReplay = func(actors.Event) error { // somebody is faster
		m.onReplay = nil
		_, err := d.Replay(t.Context(), "1", nil)
		return err
	}
	_, err := d.Replay(t.Context(), "1", nil)
	require.ErrorIs(t, err, supervision.ErrNoLetter)
	_, err = d.Replay(t.Context(), "1", nil)
	require.ErrorIs(t, err, supervision.ErrNoLetter)
	assert.Len(t, m.appended, 1)
}

func TestDropRemovesLetters(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob", "ada", "bob", "eve")
	n, err := d.Drop(t.Context(), "1", "4", "9", "5")
	require.NoError(t, err)
	assert.Equal(t, 3, n, "the ninth was never there")
	assert.Equal(t, []string{"2", "3"}, m.left())
	n, err = d.Drop(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n, "none is not all")
	assert.Len(t, m.left(), 2)
}

func TestDropStopsAtItsError(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob", "ada", "bob", "eve")
	broken := errors.New("gone")
	m.failing["3"] = broken
	n, err := d.Drop(t.Context(), "1", "2", "3", "4", "5")
	require.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, `drop dead letter "3": `)
	assert.Equal(t, 3, n, "what was dropped before, and with it")
	assert.Equal(t, []string{"3", "5"}, m.left())
}

func TestDropOfALetterTwiceIsOne(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada")
	n, err := d.Drop(t.Context(), "1", "1")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Len(t, m.told, 1)
}

func TestDropAllRemovesWhatMatches(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob", "ada", "bob", "ada")
	n, err := d.DropAll(t.Context(), supervision.Filter{Key: "ada"}, true)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Len(t, m.left(), 5, "a dry run removes nothing")

	n, err = d.DropAll(t.Context(), supervision.Filter{Key: "ada"}, false)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Equal(t, []string{"2", "4"}, m.left())
}

func TestDropAllStopsWithItsContext(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.DropAll(ctx, supervision.Filter{}, false)
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, m.left(), 2)
}

func TestDeskAsksForOneLetterAtLeast(t *testing.T) {
	t.Parallel()
	_, m := deskOf(t, "ada", "bob")
	d := supervision.NewDesk(m, "notify", supervision.WithPage(math.MinInt))
	assert.Equal(t, []string{"1", "2"}, list(t, d, supervision.Filter{}))
}
