package redisstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

// defers publishes events with these texts, each of its own key, and lets each fail once, so that it waits a minute in the
// store alone.
func (n *node) defers(want ...string) {
	n.y.Helper()
	for _, text := range want {
		n.publish(text, text)
	}
	for _, d := range n.pull(len(want), want...) {
		require.Equal(n.y, []spine.AnswerCode{spine.Settled}, n.settle(n.retry(d, 0, 1, time.Minute)))
	}
}

func TestDeferredWorkIsHandedOutWhenItIsDueAndNoTakeoverReadsIt(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.defers("1", "2")
	f := y.facts("mail")
	assert.Equal(t, map[string][]string{"d": {"1", "2"}}, f.Pending)
	assert.Equal(t, 2, f.Progress)
	assert.Equal(t, 2, f.Due)
	a.idle()
	a.nothing()
	b.takeOver()
	b.nothing()
	y.advance(time.Minute)
	ds := b.pull(10, "1", "2")
	assert.Equal(t, map[string][]string{"o": {"1", "2"}}, y.facts("mail").Pending)
	for _, d := range ds {
		require.Len(t, d.Todo, 1)
		assert.Equal(t, 1, d.Todo[0].Attempts)
	}
	b.finish(ds...)
	y.finished([]string{"mail"}, "1", "2")
}

// A hand-out changes the store; so its repeat has to hand out the same, and not what else is due by then.
func TestAHandoutWithoutAnAnswerIsRepeatedAsItWas(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.defers("1", "2")
	y.advance(time.Minute)
	lost := a.tap.next(2, guardScript, mute)
	_, err := a.attempt(spine.Want{Events: 1, Organs: []int{1}})
	require.Error(t, err)
	lost.come(y)
	h := y.server.Client().HGet(y.soon(), a.shards[0].own, "h").Val()
	require.NotEmpty(t, h)
	_, err = a.attempt(spine.Want{Events: 10, Organs: []int{10}})
	require.Error(t, err)
	f := y.facts("mail")
	assert.Equal(t, map[string][]string{"o": {"1"}, "d": {"2"}}, f.Pending)
	assert.Equal(t, h, y.server.Client().HGet(y.soon(), a.shards[0].own, "h").Val())
	a.finish(a.pull(10, "1")...)
	a.finish(a.pull(10, "2")...)
	a.nothing()
	y.finished([]string{"mail"}, "1", "2")
}

// What was handed out and not answered is found by whoever takes over, since it is with consumer o again.
func TestAHandoutThatNobodyHeardOfIsFoundByTheNextOwner(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.defers("1", "2")
	y.advance(time.Minute)
	a.tap.next(1, guardScript, mute)
	a.unanswered(1)
	b.takeOver()
	assert.Empty(t, y.server.Client().HGet(y.soon(), a.shards[0].own, "h").Val(), "the new owner has seen none")
	ds := b.pull(10, "1", "2")
	for _, d := range ds {
		require.Len(t, d.Todo, 1)
		assert.Equal(t, 1, d.Todo[0].Attempts)
	}
	b.finish(ds...)
	y.finished([]string{"mail"}, "1", "2")
}

// The same entry would come by the takeover's read as well.
func TestNothingIsHandedOutBeforeATakeoverHasReadEverything(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.defers("1")
	a.publish("k", "2", "3", "4")
	a.pull(3, "2", "3", "4")
	y.advance(time.Minute)
	b.takeOver()
	var ds []spine.Delivery
	for range 4 {
		one, err := b.attempt(spine.Want{Events: 1})
		require.NoError(t, err)
		ds = append(ds, one...)
	}
	assert.Equal(t, []string{"2", "3", "4", "1"}, texts(ds))
	drained := false
	for _, r := range b.tap.of(guardScript) {
		guard := r.calls[0]
		drained = drained || guard.args[1] != "" && len(guard.keys) > 3
		if !drained {
			assert.Len(t, guard.keys, 3, "it asks for nothing that is due")
		}
	}
	assert.True(t, drained)
	b.finish(ds...)
	b.nothing()
	y.finished([]string{"mail"}, "2", "3", "4", "1")
}

// The owner lets go of an entry when it sends the commit that defers it: a pull may bring it back before the commit's answer.
func TestADeferralMayBeHandedOutBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	d := a.pull(1, "1")[0]
	commit := a.tap.next(1, commitScript, linger)
	answer := a.settling(a.retry(d, 0, 1, time.Minute))
	commit.come(y)
	y.advance(time.Minute)
	again := a.pull(1, "1")[0]
	assert.NotEqual(t, d.Receipt, again.Receipt)
	commit.goOn()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, <-answer)
	a.finish(again)
	a.nothing()
	y.finished([]string{"mail"}, "1")
}

// A late copy of a pull that lists what is due, or hands it out, would bring back what was settled meanwhile.
func TestALateCopyOfAHandoutBringsNothingBack(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.defers("1")
	y.advance(time.Minute)
	pull := a.tap.next(1, guardScript, stray)
	a.unanswered(1)
	ds := a.pull(1, "1")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.retry(ds[0], 0, 2, 0)))
	before := y.facts("mail")
	require.Equal(t, map[string][]string{"d": {"1"}}, before.Pending)
	require.Equal(t, "OK", pull.arrive(y)[0], "the last one, as it was")
	assert.Equal(t, before, y.facts("mail"), "it is deferred, and stays so")
	a.finish(a.pull(1, "1")...)
	require.Equal(t, "REACQUIRE", pull.arrive(y)[0])
	y.finished([]string{"mail"}, "1")
}

// With consumer d it would come behind what comes later in its key.
func TestARetryInTheOrderOfAKeyStaysWithItsOwner(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1", "2", "3")
	d := a.pull(1, "1")[0]
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.retry(d, 0, 1, time.Minute)))
	a.nothing()
	f := y.facts("sum")
	assert.Equal(t, map[string][]string{"o": {"1", "2", "3"}}, f.Pending)
	assert.Zero(t, f.Due)
	b.takeOver()
	b.publish("l", "other")
	other := b.pull(10, "other")[0]
	b.nothing()
	y.advance(time.Minute)
	for i, text := range []string{"1", "2", "3"} {
		d := b.pull(1, text)[0]
		if i == 0 {
			require.Len(t, d.Todo, 1)
			assert.Equal(t, 1, d.Todo[0].Attempts, "it is known to whoever takes over")
		}
		require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(d, 0, uint64(i))))
	}
	require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(other, 0, 0)))
	b.nothing()
	y.finished([]string{"sum"})
}

func TestARetryIsNotHandedOutBeforeItsFailureIsAnswered(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2")
	d := a.pull(1, "1")[0]
	nack := a.tap.next(1, commitScript, stall)
	answer := a.settling(a.retry(d, 0, 1, 0))
	nack.come(y)
	y.advance(time.Minute)
	a.nothing()
	nack.goOn()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, <-answer)
	for i, text := range []string{"1", "2"} {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(a.pull(1, text)[0], 0, uint64(i))))
	}
	y.finished([]string{"sum"})
}
