package redisstream

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// A server that dies and comes back may have lost the end of what it had answered. These schedules do that to it without
// breaking a connection: only the numbers of pulls and commits can tell.

func TestAnIdleOwnerNoticesThatAnAnsweredCommitIsGone(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1")
	d := a.pull(1, "1")[0]
	a.nothing()
	before := y.photo()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(d, 0, 0)))
	y.rollBack(before)
	require.Equal(t, map[string][]string{"o": {"1"}}, y.facts("sum").Pending)
	a.awaitLoss()
	a.owns()
	again := a.pull(1, "1")[0]
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(again, 0, 0)))
	y.finished([]string{"sum"})
	assert.Equal(t, map[string]string{"3:sum:k": "1"}, y.facts("sum").Changes)
}

// The pull that brought its entry is gone too: the entry is new again, and would come a second time.
func TestACommitOfAnEntryWhosePullIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	before := y.photo()
	d := a.pull(1, "1")[0]
	y.rollBack(before)
	assert.Equal(t, []spine.AnswerCode{spine.Lost}, a.settle(a.done(d, 0, "1")))
	assert.Empty(t, y.effects())
	a.owns()
	a.finish(a.pull(1, "1")...)
	y.finished([]string{"mail"}, "1")
}

func TestACommitBehindOneThatIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2")
	ds := a.pull(2, "1", "2")
	before := y.photo()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	y.rollBack(before)
	require.Equal(t, []spine.AnswerCode{spine.Lost}, a.settle(a.changed(ds[1], 0, 1)))
	assert.Empty(t, y.facts("sum").Changes)
	a.owns()
	for i, d := range a.pull(2, "1", "2") {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(d, 0, uint64(i))))
	}
	y.finished([]string{"sum"})
}

// In the time that is no more, the hand-out was answered with nothing; a copy of it that comes late hands out in the time
// that is.
func TestAHandoutThatTheOwnerHasNotSeenIsFoundByTheNextPull(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.defers("1")
	before := y.photo()
	y.advance(time.Minute)
	handout := a.tap.next(1, guardScript, stray)
	a.unanswered(1)
	// In the first time it is not due, and the owner is answered with nothing.
	due := redis.Z{Score: float64(y.clock().Add(time.Hour).UnixMicro()), Member: y.pending("svc")[0].ID}
	require.NoError(t, y.server.Client().ZAdd(y.soon(), a.shards[0].serviceKeys.due[0], due).Err())
	a.nothing()
	y.rollBack(before)
	require.Equal(t, "OK", handout.arrive(y)[0])
	require.NotEmpty(t, y.server.Client().HGet(y.soon(), a.shards[0].own, "h").Val())
	a.awaitLoss()
	a.owns()
	a.finish(a.pull(1, "1")...)
	a.nothing()
	y.finished([]string{"mail"}, "1")
}

func TestACellIsNotReadBehindACommitThatIsGone(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2")
	ds := a.pull(2, "1", "2")
	before := y.photo()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	y.rollBack(before)
	_, err := a.Load(y.soon(), []persistence.Cell{{Organ: "sum", Key: "k"}}, nil)
	require.ErrorIs(t, err, errLost)
	a.owns()
	hs, err := a.Load(y.soon(), []persistence.Cell{{Organ: "sum", Key: "k"}}, nil)
	require.NoError(t, err)
	assert.Zero(t, hs[0].Last)
}

// The epoch is a number for people: after a rollback it is given out a second time.
func TestARepeatedEpochIsNoLease(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1")
	a.pull(1, "1")
	before := y.photo()
	b.takeOver()
	d := b.pull(1, "1")[0]
	epoch := y.server.Client().HGet(y.soon(), b.shards[0].own, "epoch").Val()
	y.rollBack(before)
	c := y.node("c", strict("sum"))
	c.takeOver()
	require.Equal(t, epoch, y.server.Client().HGet(y.soon(), c.shards[0].own, "epoch").Val())
	again := c.pull(1, "1")[0]
	assert.Equal(t, []spine.AnswerCode{spine.Lost}, b.settle(b.changed(d, 0, 0)))
	require.Equal(t, []spine.AnswerCode{spine.Settled}, c.settle(c.changed(again, 0, 0)))
	y.finished([]string{"sum"})
	assert.Equal(t, map[string]string{"3:sum:k": "1"}, y.facts("sum").Changes)
}

// The zombie's token is the store's again, and its numbers fit: what it does then must be what the store has.
func TestAZombieWhoseTokenIsBackIsTheOwner(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1", "2")
	ds := a.pull(2, "1", "2")
	before := y.photo()
	b.takeOver()
	for i, d := range b.pull(2, "1", "2") {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(d, 0, uint64(i))))
	}
	y.rollBack(before)
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	b.awaitLoss()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[1], 0, 1)))
	y.finished([]string{"sum"})
	assert.Equal(t, map[string]string{"3:sum:k": "2"}, y.facts("sum").Changes)
}

// A commit that was repeated over a rollback is applied in the time that is.
func TestAnUnansweredCommitIsAppliedAfterARollbackOfItself(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	d := a.pull(1, "1")[0]
	before := y.photo()
	lost := a.tap.next(1, commitScript, mute)
	held := a.tap.next(1, commitScript, stall)
	answer := a.settling(a.done(d, 0, "1"))
	lost.come(y)
	held.come(y)
	require.Equal(t, []string{"1"}, y.effects())
	y.rollBack(before)
	held.goOn()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, <-answer)
	y.finished([]string{"mail"}, "1")
}

// What was published is gone with its request's number, and so is every other answer to the publisher: it may publish it again.
func TestAPublishThatIsGoneMayBeRepeated(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	before := y.photo()
	lost := a.tap.next(1, submitScript, mute)
	held := a.tap.next(1, submitScript, stall)
	published := make(chan struct{})
	go func() { // ends when the request may go on
		defer close(published)
		a.publish("k", "1")
	}()
	lost.come(y)
	held.come(y)
	y.rollBack(before)
	held.goOn()
	<-published
	assert.Equal(t, 1, y.facts("mail").Unsettled)
	assert.Equal(t, []string{"a"}, held.arrive(y), "a copy is answered as the first time")
	a.finish(a.pull(10, "1")...)
	a.nothing()
	y.finished([]string{"mail"}, "1")
}
