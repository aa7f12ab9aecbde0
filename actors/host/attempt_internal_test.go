package host

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// A look in the moment between two handlings is a look.
func TestAttemptThatWasUsedDoesNotServeAgain(t *testing.T) {
	t.Parallel()
	s := NewSystem(Options{})
	o, err := s.Organ(actors.NewOrgan("idle", actors.Sink(func(context.Context, actors.EventOf[note]) error { return nil })), OrganConfig{Deliver: func(*Batch) {}})
	require.NoError(t, err)
	b := &Batch{Items: make([]Item, 2)}
	for _, ended := range []bool{false, true} {
		for _, start := range []time.Time{{}, time.Now()} {
			a := &attempt{organ: o}
			require.True(t, a.again(b, 0, start))
			if ended {
				a.rest()
			}
			a.look()
			assert.False(t, a.again(b, 1, start))
			assert.Error(t, a.Err(), "it is over")
		}
	}
	require.NoError(t, s.Stop(t.Context()))
}
