package supervision_test

import (
	"encoding/json"
	"errors"
	"os/user"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// tells returns the payload of an audit event as it is stored.
func tells(t *testing.T, ev actors.Event) map[string]any {
	t.Helper()
	data, _, err := ev.Data()
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	return fields
}

func TestReplayIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, m := deskOf(t, "ada")
		was, err := d.Show(t.Context(), "1")
		require.NoError(t, err)
		id, err := d.With(supervision.ActingAs("eve"), supervision.Because("smtp is back")).Replay(t.Context(), "1", nil)
		require.NoError(t, err)
		require.Len(t, m.told, 1)
		ev := m.told[0]
		assert.Equal(t, "DEAD_LETTER_REPLAYED", ev.Type())
		assert.Equal(t, "ada", ev.Key(), "so that it stays behind the replay")
		assert.Equal(t, map[string]any{
			"service": "notify", "organ": "mailer", "letter_id": "1", "event_id": was.Event.ID().String(), "event_type": "MAIL_REQUESTED",
			"reason": "error", "error": "smtp 451: mailbox full", "by": "eve", "note": "smtp is back",
			"new_event_id": id.String(), "edited": false,
		}, tells(t, ev))
		assert.Equal(t, time.Now().UTC(), ev.Time())
		assert.Empty(t, ev.Only(), "it is for everybody")
		assert.Zero(t, ev.Hops())
		p, err := actors.Decode[supervision.LetterReplayed](ev)
		require.NoError(t, err)
		assert.Equal(t, "mailer", p.Organ)
	})
}

func TestEditedReplayIsToldAsSuch(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada")
	_, err := d.Replay(t.Context(), "1", mailRequested{"ada", "shorter"})
	require.NoError(t, err)
	assert.Equal(t, true, tells(t, m.told[0])["edited"])
}

func TestDropIsToldByLetter(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob", "eve")
	was, err := d.Show(t.Context(), "2")
	require.NoError(t, err)
	_, err = d.With(supervision.ActingAs("eve")).Drop(t.Context(), "2", "9", "3")
	require.NoError(t, err)
	require.Len(t, m.told, 2, "none for a letter that is not there")
	assert.Equal(t, "DEAD_LETTER_DROPPED", m.told[0].Type())
	assert.Equal(t, []string{"bob", "eve"}, []string{m.told[0].Key(), m.told[1].Key()})
	assert.Equal(t, map[string]any{
		"service": "notify", "organ": "mailer", "letter_id": "2", "event_id": was.Event.ID().String(), "event_type": "MAIL_REQUESTED",
		"reason": "error", "error": "smtp 452: mailbox full", "by": "eve",
	}, tells(t, m.told[0]))
}

func TestEveryLetterOfAWholeListIsTold(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "a", "b", "c", "d", "e")
	_, err := d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Limit: 3})
	require.NoError(t, err)
	_, err = d.DropAll(t.Context(), supervision.Filter{}, false)
	require.NoError(t, err)
	var types []string
	for _, ev := range m.told {
		types = append(types, ev.Type()+" "+ev.Key())
	}
	assert.Equal(t, []string{
		"DEAD_LETTER_REPLAYED a", "DEAD_LETTER_REPLAYED b", "DEAD_LETTER_REPLAYED c", "DEAD_LETTER_DROPPED d", "DEAD_LETTER_DROPPED e",
	}, types)
}

func TestNothingIsToldOfWhatWasNotDone(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob")
	m.failing["1"] = errors.New("no")
	_, err := d.Replay(t.Context(), "1", nil)
	require.Error(t, err)
	_, err = d.DropAll(t.Context(), supervision.Filter{}, true)
	require.NoError(t, err)
	_, err = d.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{DryRun: true})
	require.NoError(t, err)
	assert.Empty(t, m.told)
}

func TestLetterWithoutAnEventIsToldWithoutOne(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t)
	m.add(supervision.DeadLetter{Service: "notify", Organ: "_bad", Reason: actors.KindUndecodable, Error: "\x1b[31m" + strings.Repeat("x", 1000)})
	n, err := d.Drop(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	fields := tells(t, m.told[0])
	assert.NotContains(t, fields, "event_id")
	assert.Equal(t, "notify", fields["service"])
	assert.LessOrEqual(t, len(fields["error"].(string)), supervision.ErrorLimit)
	assert.False(t, m.told[0].HasKey())
}

// Dropping what has made all the hops it may must not make another such letter.
func TestWhatIsToldBeginsAChainOfItsOwn(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t)
	stamper := actors.NewStamper(actors.StamperOptions{Service: "notify", Organ: "mailer"})
	ev := mailEvent(t, "ada", "hello")
	for range 65 {
		next, err := stamper.Emission(ev, 0, mailRequested{"ada", "hello"}, epoch)
		require.NoError(t, err)
		ev = next
	}
	m.add(supervision.NewDeadLetter("notify", ev, actors.Failure{Organ: "mailer", Kind: actors.KindHops, Err: errors.New("hops")}))
	_, err := d.Drop(t.Context(), "1")
	require.NoError(t, err)
	assert.Zero(t, m.told[0].Hops())
}

func TestWhoActsIsTheSystemsUserUnlessNamed(t *testing.T) {
	t.Parallel()
	want := "unknown"
	if u, err := user.Current(); err == nil {
		want = u.Username
	}
	d, m := deskOf(t, "ada", "bob")
	_, err := d.Drop(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, want, tells(t, m.told[0])["by"])

	long := "eve\n" + strings.Repeat("x", 1000)
	_, err = d.With(supervision.ActingAs(long), supervision.Because(long)).Drop(t.Context(), "2")
	require.NoError(t, err)
	assert.Equal(t, supervision.ClipError(long), tells(t, m.told[1])["by"])
	assert.Equal(t, supervision.ClipError(long), tells(t, m.told[1])["note"])
}

func TestOptionsOfOneActionDoNotStay(t *testing.T) {
	t.Parallel()
	d, m := deskOf(t, "ada", "bob")
	_, err := d.With(supervision.Because("spam")).Drop(t.Context(), "1")
	require.NoError(t, err)
	_, err = d.Drop(t.Context(), "2")
	require.NoError(t, err)
	assert.Equal(t, "spam", tells(t, m.told[0])["note"])
	assert.NotContains(t, tells(t, m.told[1]), "note")
}
