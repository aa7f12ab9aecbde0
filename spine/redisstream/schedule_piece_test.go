package redisstream

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

// One Settle may take two commits, and the owner may end between them. Each of them writes how far an event has come with
// it: not what the next one, which may never be executed, makes of it.
func TestAnOwnerThatEndsBetweenTwoCommitsOfASettleLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("first"), strict("second")), y.node("b", strict("first"), strict("second"))
	var names []string
	for i := range pieceSettlements {
		names = append(names, fmt.Sprint(i))
	}
	a.publish("k", names...)
	var ds []spine.Delivery
	for len(ds) < len(names) {
		more, err := a.attempt(spine.Want{Events: len(names), Bytes: 1 << 30})
		require.NoError(t, err)
		ds = append(ds, more...)
	}
	// For all the first organ, then for all the second one: the second commit finishes what the first has begun.
	var ss []spine.Settlement
	for organ := range 2 {
		for i, d := range ds {
			ss = append(ss, a.changed(d, organ, uint64(i)))
		}
	}
	first := a.tap.next(1, commitScript, linger)
	answers := a.settling(ss...)
	first.come(y) // it is executed, and the second one is not sent before its answer comes
	assert.Equal(t, map[string]string{"5:first:k": fmt.Sprint(pieceSettlements)}, y.facts("first", "second").Changes)
	b.takeOver()
	again := b.pull(pieceSettlements, names...)
	for i, d := range again {
		require.Len(t, d.Todo, 1, "event %d", i)
		require.Equal(t, 1, d.Todo[0].Organ, "the first organ is finished with event %d, and the second is not", i)
	}
	first.goOn()
	assert.Contains(t, <-answers, spine.Lost)
	var rest []spine.Settlement
	for i, d := range again {
		rest = append(rest, b.changed(d, 1, uint64(i)))
	}
	for _, code := range b.settle(rest...) {
		require.Equal(t, spine.Settled, code)
	}
	y.finished([]string{"first", "second"})
}
