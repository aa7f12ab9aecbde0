package redisstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

// What is counted against events is forgotten with them: nobody would ever ask for it again.

// suspecting makes an owner of a shard with one entry that was in hand when others died, once too often.
func (y *yard) suspecting() (b *node, s *shard, id string) {
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.publish("k", "1")
	a.pull(1, "1")
	b.takeOver()
	s, id = b.shards[0], y.pending("svc")[0].ID
	require.NoError(y, y.server.Client().HSet(y.soon(), s.suspects, id, deathsUnnoticed).Err())
	return b, s, id
}

func TestACountThatComesLateLeavesNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	b, s, _ := y.suspecting()
	marks := b.tap.next(1, progressScript, stray)
	b.unanswered(1)
	counts := b.tap.next(1, suspectScript, stray)
	b.unanswered(1)
	d := b.pull(1, "1")[0]
	require.Equal(t, 1, d.Todo[0].Crashes)
	b.finish(d)
	assert.Zero(t, y.server.Client().Exists(y.soon(), s.suspects).Val())
	assert.Equal(t, []string{"OK"}, marks.arrive(y))
	assert.Equal(t, []string{"REACQUIRE"}, counts.arrive(y))
	assert.Zero(t, y.server.Client().Exists(y.soon(), s.suspects).Val())
}

func TestWhatWasCountedIsForgottenAlsoByAnOwnerWhoSuspectsNobody(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	b, s, id := y.suspecting()
	require.Equal(t, 1, b.pull(1, "1")[0].Todo[0].Crashes)
	require.Equal(t, "1", y.server.Client().HGet(y.soon(), s.suspects, id+"|mail").Val())
	require.NoError(t, y.server.Client().HSet(y.soon(), s.own, "tok", "").Err()) // as after a release
	b.awaitLoss()
	b.owns()
	d := b.pull(1, "1")[0]
	require.Empty(t, d.Todo, "nobody has died")
	b.finish(d)
	assert.Zero(t, y.server.Client().Exists(y.soon(), s.suspects).Val())
}

func TestACountThatComesWhenTheEventHasBeenDeferredAndIsBackLeavesNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	b, s, _ := y.suspecting()
	counts := b.tap.next(1, suspectScript, stray)
	b.unanswered(1)
	require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.retry(b.pull(1, "1")[0], 0, 1, time.Hour)))
	y.advance(time.Hour)
	d := b.pull(1, "1")[0]
	assert.Equal(t, []string{"REACQUIRE"}, counts.arrive(y))
	b.finish(d)
	assert.Zero(t, y.server.Client().Exists(y.soon(), s.suspects).Val())
}
