package spine_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// blaming is a Memory that says of every event how often the process has died with it in hand.
type blaming struct {
	*spine.Memory
	crashes int
}

func (b *blaming) Pull(ctx context.Context, w spine.Want) ([]spine.Delivery, error) {
	ds, err := b.Memory.Pull(ctx, w)
	for i := range ds {
		if ds[i].Event.Type() == (bomb{}).EventType() {
			ds[i].Todo = []spine.Todo{{Organ: 0, Crashes: b.crashes}}
		}
	}
	return ds, err
}

type bomb struct{}

func (bomb) EventType() string { return "BOMB" }

type defused struct{ Why string }

func (defused) EventType() string { return "DEFUSED" }

func TestAnEventThatKillsTheProcessIsDeadLetteredUnhandledAndOnFailedHearsOfIt(t *testing.T) {
	t.Parallel()
	for crashes, handled := range map[int]int{1: 1, 4: 1, 5: 0} {
		synctest.Test(t, func(t *testing.T) {
			b := &blaming{spine.NewMemory(), crashes}
			calls, heard := 0, []string{}
			s, err := spine.New(b,
				spine.WithOrgan(actors.NewOrgan("sapper",
					actors.Sink(func(context.Context, actors.EventOf[bomb]) error { calls++; return nil }),
					actors.OnFailed(func(_ actors.EventOf[bomb], f actors.Failure) []actors.Payload {
						return []actors.Payload{defused{f.Kind.String()}}
					}))),
				spine.WithOrgan(actors.NewOrgan("ear", actors.Sink(func(_ context.Context, ev actors.EventOf[defused]) error {
					heard = append(heard, ev.Payload.Why)
					return nil
				}))))
			require.NoError(t, err)
			_, err = s.RunUntilIdle(t.Context(), bomb{})
			require.NoError(t, err)
			assert.Equal(t, handled, calls)
			page, err := b.Letters(t.Context(), supervision.Filter{}, "", 9)
			require.NoError(t, err)
			if handled == 1 {
				assert.Empty(t, page.Letters)
				return
			}
			require.Len(t, page.Letters, 1)
			assert.Equal(t, actors.KindCrash, page.Letters[0].Reason)
			assert.Equal(t, []string{"crash"}, heard)
		})
	}
}

// telling is a Memory that finds out by itself that everything in hand is lost.
type telling struct {
	*spine.Memory
	pulls int
	last  uint64
}

func (b *telling) Pull(ctx context.Context, w spine.Want) ([]spine.Delivery, error) {
	b.pulls++
	if b.pulls == 2 {
		// A settlement that cannot be makes Memory hand out everything again.
		_, err := b.Settle(ctx, []spine.Settlement{{Receipt: spine.Receipt{A: 1 << 40, B: 1 << 40}}})
		return []spine.Delivery{{Lost: true, Handout: b.last}}, err
	}
	ds, err := b.Memory.Pull(ctx, w)
	for i := range ds {
		b.last = ds[i].Handout
	}
	return ds, err
}

func TestALossTheBackendFindsOutDropsWhatIsInHandAndItComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &telling{Memory: spine.NewMemory()}
		calls, begun := 0, make(chan struct{}, 9)
		hold := make(chan struct{})
		s, err := spine.New(b, spine.WithOrgan(actors.NewOrgan("a", actors.Sink(func(context.Context, actors.EventOf[bomb]) error {
			calls++
			begun <- struct{}{}
			if calls == 1 {
				<-hold
			}
			return nil
		}))), spine.WithHooks(spine.Hooks{Received: func(ev actors.Event) { assert.False(t, ev.IsZero(), "a loss is no event") }}))
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { // ends with the backlog
			_, err := s.RunUntilIdle(t.Context(), bomb{})
			ended <- err
		}()
		<-begun
		synctest.Wait() // the second pull has told of the loss
		close(hold)
		require.NoError(t, <-ended)
		assert.Equal(t, 2, calls, "what ran when it was lost is void, and handled again")
		assert.Equal(t, 1, s.Stats().ShardsLost)
	})
}
