package redisstream

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// Whoever may write to a stream can write anything.
func TestEntriesThatCannotBeReadBecomeDeadLettersAndHoldNothingUp(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	many := []any{}
	for i := range 200 {
		many = append(many, fmt.Sprint("field", i), i)
	}
	entries := [][]any{
		{"", ""},
		{fieldEnvelope, ""},
		{fieldEnvelope, "\x00\xff\xfe\n\x80binary"},
		{fieldEnvelope, strings.Repeat("\xff", 100_000)},
		{fieldEnvelope, newer(t)},
		{"\xff\xfe", "x"},
		{fieldOriginal, "{"},
		{fieldOriginal, `{"id":1}`},
		many,
	}
	a.publish("k", "before")
	for _, values := range entries {
		require.NoError(t, y.server.Client().XAdd(y.soon(), &redis.XAddArgs{Stream: a.shards[0].in, Values: values}).Err())
	}
	a.publish("k", "after")
	for i, text := range []string{"before", "after"} {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(a.pull(1, text)[0], 0, uint64(i))))
	}
	a.nothing()
	page, err := a.Letters(y.soon(), supervision.Filter{}, "", 100)
	require.NoError(t, err)
	require.Len(t, page.Letters, len(entries))
	for _, l := range page.Letters {
		assert.Equal(t, malformedReason, l.Reason.String())
		assert.NotEmpty(t, l.Error)
		assert.Less(t, len(l.Error), 1000)
	}
	y.clean(a)
}

// A pull has an entry that is no event in hand before it is a dead letter.
func TestWhoWaitsForIdleWaitsForEntriesThatAreNoEvents(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.nothing()
	require.NoError(t, y.server.Client().XAdd(y.soon(), &redis.XAddArgs{Stream: a.shards[0].in, Values: []string{"foo", "bar"}}).Err())
	a.mu.Lock()
	a.shards[0].stir()
	a.mu.Unlock()
	require.NoError(t, a.fetch(spine.Want{Events: 1, Bytes: 1 << 20}))
	require.True(t, a.anyOdd())
	backlog, err := a.Backlog(y.soon())
	require.NoError(t, err)
	assert.Equal(t, spine.Backlog{DeadLetters: 1}, backlog)
}

func TestAnEntryThatWasRemovedUnderItsReaderIsADeadLetter(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1", "2", "3")
	a.pull(2, "1", "2")
	require.NoError(t, y.server.Client().XDel(y.soon(), a.shards[0].in, y.pending("svc")[0].ID).Err())
	b.takeOver()
	for i, d := range b.pull(10, "2", "3") {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(d, 0, uint64(i))))
	}
	b.nothing()
	page, err := b.Letters(y.soon(), supervision.Filter{}, "", 100)
	require.NoError(t, err)
	require.Len(t, page.Letters, 1)
	assert.Contains(t, page.Letters[0].Error, "removed")
	y.clean(b)
}

func TestWhatTheOriginalAppendsIsHandledAndNoBacklogIsBelowZero(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	ev, err := y.stamper.Root(step{"k", "1"}, y.clock())
	require.NoError(t, err)
	field, value, err := encodeEntry(ev, true)
	require.NoError(t, err)
	value, _, _ = strings.Cut(value, "\n")
	a.nothing()
	require.NoError(t, y.server.Client().XAdd(y.soon(), &redis.XAddArgs{Stream: a.shards[0].in, Values: []string{field, value}}).Err())
	backlog, err := a.Backlog(y.soon())
	require.NoError(t, err)
	assert.Equal(t, 1, backlog.Ready, "who waits until there is nothing to do must not miss it")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.done(a.pull(10, "1")[0], 0)))
	backlog, err = a.Backlog(y.soon())
	require.NoError(t, err)
	assert.Zero(t, backlog.Ready)
	h := a.Health(y.soon())
	require.NoError(t, h.Err)
	assert.Zero(t, h.Services[0].Backlog)
	y.clean(a)
}

// newer is the envelope of a version that this program does not know.
func newer(t *testing.T) string {
	data, err := proto.Marshal(&wirepb.Envelope{Version: math.MaxInt32})
	require.NoError(t, err)
	return string(data)
}

// clean requires that nothing is pending or in progress.
func (y *yard) clean(n *node) {
	y.Helper()
	assert.Empty(y, y.pending("svc"))
	assert.Zero(y, y.server.Client().Exists(y.soon(), n.shards[0].progress, n.shards[0].suspects).Val())
}

// An id at the end of all ids makes every later append fail, in the middle of a commit too.
func TestAStreamWithoutFurtherIDsStopsTheRunAndNoCommitIsHalfDone(t *testing.T) {
	t.Parallel()
	y := newYard(t, WithShards(2))
	a := y.node("a", strict("sum"))
	near, far := a.shardOf("k"), ""
	for i := 0; far == ""; i++ {
		if key := fmt.Sprint(i); a.shardOf(key) != near {
			far = key
		}
	}
	other := a.shardOf(far)
	a.publish("k", "1")
	d := a.pull(10, "1")[0]
	require.NoError(t, y.server.Client().XAdd(y.soon(), &redis.XAddArgs{
		Stream: other.in, ID: "18446744073709551615-18446744073709551615", Values: []any{"x", "x"},
	}).Err())
	x := a.changed(d, 0, 0)
	st := actors.NewStamper(actors.StamperOptions{Service: "svc", Organ: "sum"})
	ev, err := st.Emission(d.Event, 0, step{far, "2"}, y.clock())
	require.NoError(t, err)
	x.Emitted = []actors.Event{ev}
	before := y.photo()
	answers, err := a.Settle(y.soon(), []spine.Settlement{x})
	if err == nil {
		assert.Equal(t, spine.Lost, answers[0].Code)
		_, err = a.attempt(spine.Want{Events: 1})
	}
	assert.ErrorIs(t, err, spine.ErrStoreLost)
	assert.ErrorContains(t, err, other.in)
	after := y.photo()
	for _, key := range []string{near.in, near.cell("sum", "k"), a.keys.load()} {
		assert.Equal(t, before[key], after[key], "%s is half written", key)
	}
}

func TestWhatIsTooLargeNeverReachesTheServer(t *testing.T) {
	t.Parallel()
	const limit = 4000
	p := newPlant(t, redistest.Start(t))
	large := func(n int) actors.Payload { // with a payload of n bytes
		frame := `{"account":"1","n":0,"x":""}`
		return actors.With(actors.Raw{Type: "ORDER", Data: []byte(strings.Replace(frame, `""`, `"`+strings.Repeat("x", n-len(frame))+`"`, 1))}, actors.Key("1"))
	}
	echo := actors.NewOrgan("echo", actors.OnAny([]string{"ASK"}, func(context.Context, actors.Event) ([]actors.Payload, error) {
		return actors.Emit(large(limit + 1)), nil
	}))
	once := supervision.Policy{Retry: supervision.Retry{Attempts: 1}, Exhausted: supervision.Store}
	w := p.work(p.server.URL(), append(p.organs(), spine.WithLimits(actors.Limits{Payload: limit}), spine.WithOrgan(echo, spine.WithOrganPolicy(once))))
	for _, n := range []int{limit + 1, 64 << 20} {
		_, err := w.Publish(p.soon(), large(n))
		var tooMuch *actors.LimitError
		require.ErrorAs(t, err, &tooMuch)
		assert.Equal(t, limit, tooMuch.Limit)
	}
	assert.Empty(t, p.server.Client().HGet(p.soon(), keyring{p.ns}.load(), "in").Val(), "nothing was accepted")
	for _, n := range []int{limit - 1, limit} {
		_, err := w.Publish(p.soon(), large(n))
		require.NoError(t, err)
	}
	w.idle()
	p.clean(0)
	_, err := w.Publish(p.soon(), actors.Raw{Type: "ASK", Data: []byte(`{}`)})
	require.NoError(t, err)
	w.idle()
	p.clean(1)
}
