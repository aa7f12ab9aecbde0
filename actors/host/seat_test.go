package host_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// heavy is the state of a cell.
type heavy struct{ Room [64]int }

// TestReplacedActorKeepsNothing: the lane, which goes on, has its first actor in itself.
func TestReplacedActorKeepsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var made []weak.Pointer[heavy]
		organ := actors.NewKeyed("heavy", func(string) *heavy {
			h := &heavy{}
			made = append(made, weak.Make(h))
			return h
		}, actors.Step(func(_ *heavy, ev actors.EventOf[keyed]) ([]actors.Payload, error) {
			if ev.Payload.N == stucks {
				time.Sleep(time.Minute) // whatever the context says
			}
			return nil, nil
		}))
		o := own(t, organ, host.OrganConfig{Store: newStore(), Workers: 1, Policy: within(time.Second)})
		b := batchOf(event(t, keyed{"a", stucks}))
		batch := weak.Make(b)
		o.lane().Run(b)
		time.Sleep(3 * time.Second)
		require.Equal(t, []host.OutcomeCode{host.Failed}, codes(o.only()))
		require.Equal(t, all(host.Handled, 1), codes(o.run(event(t, keyed{"a", 1}))))
		time.Sleep(time.Minute)
		assert.Equal(t, []host.NoticeKind{host.HandlerAbandoned, host.LaneReady, host.HandlerReturned}, o.kinds())
		runtime.GC()
		runtime.GC()
		assert.Nil(t, made[0].Value(), "of the actor that was stuck")
		assert.Nil(t, batch.Value(), "what it was stuck with")
		assert.NotNil(t, made[1].Value(), "of the present one")
	})
}
