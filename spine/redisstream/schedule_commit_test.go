package redisstream

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// settling settles beside the test's own goroutine.
func (n *node) settling(ss ...spine.Settlement) <-chan []spine.AnswerCode {
	codes := make(chan []spine.AnswerCode, 1)
	go func() { codes <- n.settle(ss...) }() // ends when the test lets the commit go on
	return codes
}

func TestTheCommitOfAZombieIsFencedAndChangesNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1", "2")
	ds := a.pull(1, "1")
	commit := a.tap.next(1, commitScript, stall)
	answer := a.settling(a.changed(ds[0], 0, 0))
	commit.come(y)
	b.takeOver() // and restores the cell as it is
	hs, err := b.Load(y.soon(), []persistence.Cell{{Organ: "sum", Key: "k"}}, nil)
	require.NoError(t, err)
	require.Zero(t, hs[0].Last)
	before := y.facts("sum")
	commit.goOn()
	assert.Equal(t, []spine.AnswerCode{spine.Lost}, <-answer)
	assert.Equal(t, []string{"FENCED"}, commit.arrive(y), "and so is a copy")
	assert.Equal(t, before, y.facts("sum"))

	for i, d := range b.pull(10, "1", "2") {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(d, 0, uint64(i))))
	}
	assert.Equal(t, []string{"FENCED"}, commit.arrive(y))
	assert.Equal(t, map[string]string{"3:sum:k": "2"}, y.facts("sum").Changes)
	y.finished([]string{"sum"})
}

func TestACommitIsRepeatedUnchangedAndCountsOnce(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"that arrived": mute, "that was lost": stray} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", loose("mail"))
			a.publish("k", "1", "2")
			ds := a.pull(1, "1")
			a.tap.next(3, commitScript, f)
			a.finish(ds...)
			sent := a.tap.of(commitScript)
			require.Len(t, sent, 4)
			for _, r := range sent[1:] {
				assert.Equal(t, sent[0].calls[0].keys, r.calls[0].keys)
				assert.Equal(t, sent[0].calls[0].args, r.calls[0].args)
			}
			require.Equal(t, facts{
				Commit: "1", Pull: y.facts("mail").Pull, Pending: map[string][]string{}, Changes: map[string]string{},
				Effects: []string{"1"}, Unsettled: 1,
			}, y.facts("mail"))
			a.finish(a.pull(1, "2")...)
			y.finished([]string{"mail"}, "1", "2")
		})
	}
}

// What it brings is answered already: a copy of it changes nothing, whatever else was committed meanwhile.
func TestALateCopyOfACommitChangesNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2")
	ds := a.pull(2, "1", "2")
	first := a.tap.next(1, commitScript, stray)
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	require.Equal(t, []string{"OK"}, first.arrive(y), "the last one")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[1], 0, 1)))
	before := y.facts("sum")
	assert.Equal(t, []string{"REACQUIRE"}, first.arrive(y), "the one before the last")
	assert.Equal(t, before, y.facts("sum"))
	y.finished([]string{"sum"})
}

// A commit names its number, the highest pull its entries came by, and for each cell what it was computed on. Each must be what
// the store has.
func TestACommitThatDoesNotFollowOnTheStoreIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field string // of own
		value string
		word  string
	}{
		"with a number too high":       {"c", "5", "REACQUIRE"},
		"with a number of the past":    {"c", "9", "REACQUIRE"},
		"of a pull that was not":       {"p", "0", "REACQUIRE"},
		"with another token":           {"tok", "x", "FENCED"},
		"of a shard nobody owns":       {"tok", "", "FENCED"},
		"on a cell that has gone on":   {"cell", "7", "REACQUIRE"},
		"on a cell that has gone back": {"cell", "0", "REACQUIRE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", strict("sum"))
			a.publish("k", "1", "2")
			require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(a.pull(1, "1")[0], 0, 0)))
			commit := a.tap.next(1, commitScript, stall)
			answer := a.settling(a.changed(a.pull(1, "2")[0], 0, 1))
			commit.come(y)
			s := a.shards[0]
			if c.field == "cell" {
				require.NoError(t, y.server.Client().HSet(y.soon(), s.cell("sum", "k"), "n", c.value).Err())
			} else {
				require.NoError(t, y.server.Client().HSet(y.soon(), s.own, c.field, c.value).Err())
			}
			before := y.facts("sum")
			assert.Equal(t, []string{c.word}, commit.arrive(y))
			assert.Equal(t, before, y.facts("sum"))
			commit.goOn()
			assert.Equal(t, []spine.AnswerCode{spine.Lost}, <-answer)
			assert.Equal(t, before.Pending, y.facts("sum").Pending)
		})
	}
}

// The answers to what runs ahead could otherwise come in another order than what it does.
func TestOfAShardOneCommitIsOnItsWayAtATime(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2")
	ds := a.pull(2, "1", "2")
	nack := a.tap.next(1, commitScript, stall)
	first := a.settling(a.retry(ds[0], 0, 1, time.Minute))
	nack.come(y)
	ctx, stop := context.WithCancel(y.soon())
	stop()
	_, err := a.Settle(ctx, []spine.Settlement{a.changed(ds[1], 0, 0)})
	require.ErrorIs(t, err, context.Canceled, "it waits for the first")
	assert.Len(t, a.tap.of(commitScript), 1)
	nack.goOn()
	assert.Equal(t, []spine.AnswerCode{spine.Lost}, <-first, "the second was given up, and with it the shard")
	a.owns()
	assert.Empty(t, y.facts("sum").Changes)
}

func TestARequestWithoutAnAnswerIsNoFailureOfAHandler(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1")
	ds := a.pull(1, "1")
	require.Nil(t, ds[0].Todo)
	for i := range 5 { // more than any policy's attempts
		next := y.node("next"+string(rune('0'+i)), strict("sum"))
		lost := next.tap.next(1, guardScript, mute)
		next.takeOver()
		_, err := next.attempt(spine.Want{Events: 1})
		require.Error(t, err)
		lost.come(y)
		ds, err = next.attempt(spine.Want{Events: 1})
		require.NoError(t, err)
		require.Equal(t, []string{"1"}, texts(ds))
		for _, todo := range ds[0].Todo {
			assert.Zero(t, todo.Attempts)
		}
		a = next
	}
	next := a.tap.next(4, commitScript, stray)
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	next.come(y)
	y.finished([]string{"sum"})
	assert.Zero(t, y.facts("sum").Letters)
}

func TestASecondCommitOfAnEventByAnotherHandoutIsNotApplied(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	ds := a.pull(1, "1")
	a.finish(ds...)
	assert.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.done(ds[0], 0, "again")), "as the first time")
	assert.Len(t, a.tap.of(commitScript), 1)
	y.finished([]string{"mail"}, "1")
}
