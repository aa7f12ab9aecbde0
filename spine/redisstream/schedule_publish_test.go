package redisstream

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy of a publish that arrives after the next publish of its lane must add nothing.
func TestALateCopyOfAPublishAddsNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	n := y.node("n", loose("a"))
	for range publishers - 1 { // so that there is one lane
		_, err := n.lanes.take(t.Context())
		require.NoError(t, err)
	}
	late := n.tap.next(1, submitScript, stray)
	n.publish("k", "1") // lost on its way, and repeated
	n.publish("k", "2")
	require.Equal(t, []string{""}, late.arrive(y), "it has nobody to tell")
	n.publish("k", "3")
	n.pull(10, "1", "2", "3")
}
