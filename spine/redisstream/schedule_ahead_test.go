package redisstream

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// emits is the settlement of what is done with an event and emits another, for now.
func (n *node) emits(d spine.Delivery, key, text string) spine.Settlement {
	n.y.Helper()
	ev, err := n.y.stamper.Root(step{key, text}, n.y.clock())
	require.NoError(n.y, err)
	return spine.Settlement{Shard: d.Shard, Receipt: d.Receipt, Emitted: []actors.Event{ev}}
}

// waiting begins a Pull and returns when it has nothing to do but wait.
func (n *node) waiting() <-chan []spine.Delivery {
	n.y.Helper()
	got, _ := n.waitingFor(spine.Want{Events: 10, Bytes: 1 << 20})
	return got
}

func (n *node) waitingFor(w spine.Want) (<-chan []spine.Delivery, <-chan error) {
	n.y.Helper()
	got, end := make(chan []spine.Delivery, 1), make(chan error, 1)
	go func() { // ends with the Pull
		ds, err := n.Pull(n.y.soon(), w)
		got <- ds
		end <- err
	}()
	idle := func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.pulling > 0 && !n.shards[0].hot && n.shards[0].request == nil && len(n.pulls) == 0
	}
	require.Eventually(n.y, idle, 20*time.Second, time.Millisecond)
	return got, end
}

func TestWhatACommitAppendsComesWithItsAnswer(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	ds := a.pull(1, "1")
	got := a.waiting()
	before, guards := len(a.tap.of(commitScript)), len(a.tap.of(guardScript))
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(ds[0], "k", "2")))
	assert.Equal(t, []string{"2"}, texts(<-got))
	sent := a.tap.of(commitScript)
	require.Len(t, sent, before+1)
	assert.Zero(t, sent[before].loose, "one transaction")
	assert.Len(t, sent[before].calls, 3, "a commit and two reads")
	assert.Len(t, a.tap.of(guardScript), guards, "no pull of its own")
}

func TestWhatComesWithACommitIsHandedOverBeforeSettleReturns(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	ds := a.pull(1, "1")
	var handed []spine.Delivery
	got, end := a.waitingFor(spine.Want{Events: 10, Bytes: 1 << 20, Hand: func(ds []spine.Delivery) { handed = append(handed, ds...) }})
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(ds[0], "k", "2")))
	assert.Equal(t, []string{"2"}, texts(handed))
	assert.Empty(t, <-got)
	require.ErrorIs(t, <-end, spine.ErrHanded)
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(handed[0], "k", "3")))
	assert.Len(t, handed, 1, "nobody waits")
	a.pull(1, "3")
}

func TestACommitOfManyLeavesThePullToItsGuard(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	for range mostJoined + 1 {
		a.publish("k", "1")
	}
	ds := a.pull(mostJoined+1, strings.Split(strings.Repeat("1", mostJoined+1), "")...)
	got := a.waiting()
	guards := len(a.tap.of(guardScript))
	var all []spine.Settlement
	for _, d := range ds {
		all = append(all, spine.Settlement{Shard: d.Shard, Receipt: d.Receipt})
	}
	all[0] = a.emits(ds[0], "k", "2")
	require.NotContains(t, a.settle(all...), spine.Lost)
	assert.Equal(t, []string{"2"}, texts(<-got))
	sent := a.tap.of(guardScript)
	require.Greater(t, len(sent), guards)
	assert.Equal(t, 1, sent[guards].loose, "a commit, and behind it a transaction of its own")
}

func TestCommitAndPullWithoutAnAnswerAreRepeatedAndFindAll(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"that arrived": mute, "that was lost": stray} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", loose("mail"))
			a.publish("k", "1")
			ds := a.pull(1, "1")
			got := a.waiting()
			lost := a.tap.next(1, commitScript, f)
			require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(ds[0], "k", "2")))
			require.Greater(t, len(lost.calls), 1, "a pull went with it")
			ds = <-got
			assert.Equal(t, []string{"2"}, texts(ds))
			a.finish(ds...)
			a.nothing()
		})
	}
}
