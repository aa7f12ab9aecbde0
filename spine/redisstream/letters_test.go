package redisstream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// What follows goes through answers that get lost and letters that others have written, on a real server.

// postman is a yard with dead letters.
type postman struct {
	*node
	desk    *supervision.Desk
	letters string // the key
}

// newPostman serves "svc" with the organ "a" and one that listens to what a desk tells.
func newPostman(y *yard) *postman {
	log := loose("log")
	log.Types = []string{supervision.LetterReplayed{}.EventType(), supervision.LetterDropped{}.EventType()}
	n := y.node("postman", loose("a"), log)
	return &postman{node: n, desk: supervision.NewDesk(n, "svc", supervision.ActingAs("eve")), letters: y.keys.letters("svc")}
}

// write leaves n dead letters, of keys in turn.
func (p *postman) write(n, keys int) {
	p.y.Helper()
	writeLetters(p.y, p.y.server.Client(), p.letters, n, keys)
}

func writeLetters(t testing.TB, client *redis.Client, key string, n, keys int) {
	t.Helper()
	for from := 0; from < n; from += 1000 {
		pipe := client.Pipeline()
		for i := from; i < min(from+1000, n); i++ {
			values, err := encodeLetter(letterOf(t, i, keys), false)
			require.NoError(t, err)
			pipe.XAdd(context.Background(), &redis.XAddArgs{Stream: key, Values: values})
		}
		_, err := pipe.Exec(context.Background())
		require.NoError(t, err)
	}
}

func letterOf(t testing.TB, i, keys int) supervision.DeadLetter {
	now := time.Now()
	ev, err := actors.NewStamper(actors.StamperOptions{Service: "yard"}).Root(step{fmt.Sprint("k", i%keys), fmt.Sprint(i)}, now)
	require.NoError(t, err)
	return supervision.NewDeadLetter("svc", ev, actors.Failure{
		Organ: "a", Kind: actors.KindError, Err: errors.New("why"), Attempt: 3, First: now, Last: now,
	})
}

// told is the text, as schedules read it, of an event that tells what a desk has done.
const told = ""

// ids are those of all letters.
func (p *postman) ids() []string {
	p.y.Helper()
	var ids []string
	for l, err := range p.desk.List(p.y.soon(), supervision.Filter{}) {
		require.NoError(p.y, err)
		ids = append(ids, l.ID)
	}
	return ids
}

func TestARemovalIsRepeatedUntilItIsAnsweredAndDoneOnce(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"answers are lost": mute, "requests are lost": stray} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPostman(newYard(t))
			p.write(3, 1)
			ids := p.ids()
			p.tap.next(2, removeScript, f)
			_, err := p.desk.Replay(p.y.soon(), ids[0], nil)
			require.NoError(t, err, "it was done, whoever was heard of first")
			p.tap.next(2, removeScript, f)
			n, err := p.desk.Drop(p.y.soon(), ids[1], "1-1")
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			assert.Equal(t, ids[2:], p.ids())
			p.pull(10, "0", told, told)
		})
	}
}

func TestALateCopyOfARemovalChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPostman(newYard(t))
	for range publishers - 1 { // so that there is one lane
		_, err := p.lanes.take(t.Context())
		require.NoError(t, err)
	}
	p.write(3, 1)
	ids := p.ids()
	late := p.tap.next(1, removeScript, stray)
	_, err := p.desk.Replay(p.y.soon(), ids[0], nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, late.arrive(p.y), "a copy before the next request is answered as the first")

	lost := p.tap.next(1, removeScript, linger)
	done := make(chan error)
	go func() {
		_, err := p.desk.Replay(p.y.soon(), ids[1], nil)
		done <- err
	}()
	lost.come(p.y)
	assert.Equal(t, []string{""}, late.arrive(p.y), "one after it has nobody to tell")
	assert.Equal(t, []string{"1"}, lost.arrive(p.y), "and takes nobody's answer away")
	lost.goOn()
	require.NoError(t, <-done)
	p.pull(10, "0", told, "1", told)
}

func TestARemovalOfWhichNothingIsKnownSaysSo(t *testing.T) {
	t.Parallel()
	p := newPostman(newYard(t))
	p.write(1, 1)
	p.tap.next(1000, removeScript, stray)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := p.desk.Replay(ctx, p.ids()[0], nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "it is not known whether the letter was removed")
	assert.NotErrorIs(t, err, supervision.ErrNoLetter)
}

// A script that fails in its middle has done half of its work.
func TestARemovalIntoForeignKeysDoesNothing(t *testing.T) {
	t.Parallel()
	p := newPostman(newYard(t))
	p.write(1, 1)
	ids := p.ids()
	client := p.y.server.Client()
	require.NoError(t, client.Rename(t.Context(), p.y.keys.load(), p.y.keys.load()+"-away").Err())
	require.NoError(t, client.Set(t.Context(), p.y.keys.load(), "foreign", 0).Err())
	_, err := p.desk.Replay(p.y.soon(), ids[0], nil)
	require.ErrorContains(t, err, "CORRUPT "+p.y.keys.load())
	require.NoError(t, client.Rename(t.Context(), p.y.keys.load()+"-away", p.y.keys.load()).Err())
	assert.Equal(t, ids, p.ids())
	p.nothing()
}

// Dropping is how people make room.
func TestLettersAreDroppedFromAServerThatIsOutOfMemory(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := newPostman(newYardOn(t, server))
	p.write(2, 1)
	require.NoError(t, server.Client().ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	require.ErrorContains(t, server.Client().Set(t.Context(), "x", "y", 0).Err(), "OOM")
	n, err := p.desk.DropAll(p.y.soon(), supervision.Filter{}, false)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	require.NoError(t, server.Client().ConfigSet(t.Context(), "maxmemory", "0").Err())
}

func TestLettersThatCannotBeReadAreListedAndDropped(t *testing.T) {
	t.Parallel()
	p := newPostman(newYard(t))
	good, err := encodeLetter(letterOf(t, 0, 1), false)
	require.NoError(t, err)
	without := func(name string) []string { // a letter without the value of a field
		values := append([]string{}, good...)
		for i := 0; i < len(values); i += 2 {
			if values[i] == name {
				values[i+1] = "?"
			}
		}
		return values
	}
	for _, c := range []struct {
		values []string
		want   supervision.DeadLetter // as far as it can be read
		err    string
	}{
		{[]string{"some", "thing"}, supervision.DeadLetter{Organ: badOrgan, Reason: actors.KindUndecodable}, "field last is"},
		{without(letterLast), supervision.DeadLetter{Organ: "a", Reason: actors.KindError, Attempts: 3}, `field last is "?", want a time; its error: why`},
		{without(letterReason), supervision.DeadLetter{Organ: "a", Reason: actors.KindUndecodable, Attempts: 3}, "field reason is"},
		{without(fieldEnvelope), supervision.DeadLetter{Organ: "a", Reason: actors.KindError, Attempts: 3}, "field e: "},
		{append([]string{letterOrgan, "first"}, good...), supervision.DeadLetter{Organ: "first", Reason: actors.KindError, Attempts: 3}, "there twice"},
		{append([]string{letterOrgan, "\x1b[2J"}, good[4:]...), supervision.DeadLetter{Organ: badOrgan, Reason: actors.KindError, Attempts: 3}, "service"},
	} {
		id := p.y.server.Client().XAdd(t.Context(), &redis.XAddArgs{Stream: p.letters, Values: c.values}).Val()
		page, err := p.Letters(p.y.soon(), supervision.Filter{Organ: c.want.Organ}, "", 9)
		require.NoError(t, err)
		require.Len(t, page.Letters, 1, c.err)
		l := page.Letters[0]
		assert.Equal(t, c.want, supervision.DeadLetter{Organ: l.Organ, Reason: l.Reason, Attempts: l.Attempts}, c.err)
		assert.Equal(t, []string{id, "svc"}, []string{l.ID, l.Service})
		assert.Contains(t, l.Error, c.err)
		assert.Equal(t, supervision.ClipError(l.Error), l.Error)
		again, err := p.Letter(p.y.soon(), id)
		require.NoError(t, err)
		assert.Equal(t, l.Error, again.Error)
		n, err := p.desk.Drop(p.y.soon(), id)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
	}
}

func TestReplaysOnAServerKeepTheirRate(t *testing.T) {
	t.Parallel()
	p := newPostman(newYard(t))
	p.write(10, 2)
	began := time.Now()
	report, err := p.desk.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Rate: 100})
	require.NoError(t, err)
	assert.Equal(t, 10, report.Replayed)
	assert.GreaterOrEqual(t, time.Since(began), 90*time.Millisecond)
}

func TestAListReadsNoMoreThanItShowsUntilLittleMatches(t *testing.T) {
	t.Parallel()
	p := newPostman(newYard(t))
	p.write(700, 700)
	page, err := p.Letters(p.y.soon(), supervision.Filter{}, "", 3)
	require.NoError(t, err)
	assert.Len(t, page.Letters, 3)
	assert.Equal(t, []any{3}, p.reads())

	page, err = p.Letters(p.y.soon(), supervision.Filter{Key: "k699"}, page.Next, 3)
	require.NoError(t, err)
	assert.Empty(t, page.Letters, "it does not go on for ever")
	assert.Equal(t, []any{3, 3, lettersPerAsk}, p.reads()[:3])
	assert.Less(t, len(p.reads()), 12)
	page, err = p.Letters(p.y.soon(), supervision.Filter{Key: "k699"}, page.Next, 3)
	require.NoError(t, err)
	assert.Len(t, page.Letters, 1)
	assert.Empty(t, page.Next)
}

// reads are the counts of all XRANGEs so far.
func (p *postman) reads() []any {
	p.tap.mu.Lock()
	defer p.tap.mu.Unlock()
	var counts []any
	for _, r := range p.tap.sent {
		for _, c := range r.calls {
			if c.script == nil && c.args[0] == "XRANGE" && c.args[1] == p.letters {
				counts = append(counts, c.args[len(c.args)-1])
			}
		}
	}
	return counts
}
