package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
)

var phases = []cluster.Phase{cluster.Joining, cluster.Serving, cluster.Draining, cluster.Gone}

func TestALifeTakesTheDrawnStepsOnly(t *testing.T) {
	t.Parallel()
	paths := map[cluster.Phase][]cluster.Phase{ // how to get there
		cluster.Joining:  nil,
		cluster.Serving:  {cluster.Serving},
		cluster.Draining: {cluster.Serving, cluster.Draining},
		cluster.Gone:     {cluster.Serving, cluster.Draining, cluster.Gone},
	}
	legal := map[[2]cluster.Phase]bool{
		{cluster.Joining, cluster.Serving}:  true,
		{cluster.Joining, cluster.Gone}:     true,
		{cluster.Serving, cluster.Draining}: true,
		{cluster.Serving, cluster.Gone}:     true,
		{cluster.Draining, cluster.Gone}:    true,
	}
	for from, path := range paths {
		for _, to := range append(phases, cluster.Gone+1) {
			var l cluster.Life
			for _, p := range path {
				require.NoError(t, l.Enter(p))
			}
			err := l.Enter(to)
			if legal[[2]cluster.Phase{from, to}] {
				require.NoError(t, err)
				assert.Equal(t, to, l.Phase())
				continue
			}
			require.ErrorIs(t, err, cluster.ErrTransition)
			assert.ErrorContains(t, err, `from "`+from.String()+`" to "`+to.String()+`"`)
			assert.Equal(t, from, l.Phase())
		}
	}
}

func TestAPhaseSaysWhatANodeMayDo(t *testing.T) {
	t.Parallel()
	for i, want := range []struct{ beats, takes, owns bool }{{true, false, false}, {true, true, true}, {true, false, true}, {false, false, false}} {
		p := phases[i]
		assert.Equal(t, want, struct{ beats, takes, owns bool }{p.Beats(), p.Takes(), p.Owns()}, p.String())
	}
}
