package redisstream

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever waits until nothing is left to be done would not wait for it.
func TestTheBacklogCountsWhatAPullHasTakenThatNobodySaw(t *testing.T) {
	t.Parallel()
	t.Run("its answer was lost", func(t *testing.T) {
		t.Parallel()
		y := newYard(t)
		a := y.node("a", loose("mail"))
		a.publish("k", "1")
		a.tap.next(1, guardScript, mute)
		a.unanswered(1)
		log, err := a.Backlog(y.soon())
		require.NoError(t, err)
		assert.Equal(t, 1, log.Ready)
		a.finish(a.pull(1, "1")...)
	})
	t.Run("it came late", func(t *testing.T) {
		t.Parallel()
		y := newYard(t)
		a := y.node("a", loose("mail"))
		pull := a.tap.next(1, guardScript, stray)
		a.unanswered(1)
		a.nothing()
		a.publish("k", "1")
		require.Contains(t, []string{"OK", "REACQUIRE"}, pull.arrive(y)[0])
		require.Len(t, y.pending("svc"), 1)
		log, err := a.Backlog(y.soon())
		require.NoError(t, err)
		assert.Equal(t, 1, log.Ready)
		a.finish(a.pull(1, "1")...)
	})
}

// One answer that is lost is no reason to give up a run until nothing is left to be done.
func TestTheBacklogIsAskedForUntilThereIsAnAnswer(t *testing.T) {
	t.Parallel()
	for _, script := range []*script{backlogScript, guardScript, progressScript, promoteScript} {
		t.Run(script.name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
			a.publish("k", "1", "2")
			a.pull(1, "1")
			b.takeOver()
			b.tap.next(2, script, mute)
			log, err := b.Backlog(y.soon())
			require.NoError(t, err)
			assert.Equal(t, 2, log.Ready)
		})
	}
}
