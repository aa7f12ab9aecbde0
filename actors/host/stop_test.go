package host_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// patient is an organ whose handler waits for its context, or for the hour the event names.
func patient(ctxErr error) actors.Organ {
	return pinging(func(ctx context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		if ev.Payload.Name == "quick" {
			return nil, nil
		}
		<-ctx.Done()
		if context.Cause(ctx) != host.ErrStopping {
			return nil, errors.New("ended for another reason")
		}
		if ctxErr != nil {
			return nil, ctxErr
		}
		return nil, ctx.Err()
	})
}

func TestUnhurryGivesBackWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{})
		o.lane().Run(batchOf(event(t, ping{N: 1}), event(t, ping{N: 2, Name: "5s"}), event(t, ping{N: 3}), event(t, ping{N: 4})))
		time.Sleep(time.Second)
		o.system.Unhurry()
		time.Sleep(5 * time.Second)
		b := o.only()
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Handled, host.Undone, host.Undone}, codes(b))
		assert.False(t, b.Down)
		assert.Equal(t, []int{1, 2}, handled.take())
	})
}

func TestInterruptIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"error of the context": nil, "error of its own": errors.New("connection closed")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := own(t, patient(err), host.OrganConfig{})
				o.lane().Run(batchOf(event(t, ping{Name: "quick"}), event(t, ping{}), event(t, ping{Name: "quick"})))
				time.Sleep(time.Second)
				o.none()
				o.system.Interrupt()
				synctest.Wait()
				b := o.only()
				assert.Equal(t, []host.OutcomeCode{host.Handled, host.Interrupted, host.Undone}, codes(b))
				assert.Nil(t, b.Outcomes[1].Failure)
			})
		})
	}
}

func TestFailureDuringInterruptIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			time.Sleep(500 * time.Millisecond)
			return nil, errors.New("for its own reasons")
		}), host.OrganConfig{})
		o.lane().Run(batchOf(pings(t, 1)...))
		synctest.Wait()
		o.system.Interrupt()
		time.Sleep(time.Second)
		assert.Equal(t, []host.OutcomeCode{host.Failed}, codes(o.only()))
	})
}

func TestInterruptedHandlerHasTheGraceHoweverLongItRanBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{})
		o.lane().Run(batchOf(event(t, ping{Name: "20s"}), event(t, ping{})))
		time.Sleep(19*time.Second + 200*time.Millisecond)
		o.system.Interrupt()
		time.Sleep(900 * time.Millisecond)
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Undone}, codes(o.only()), "it ended within the grace")
	})
}

func TestInterruptedHandlerThatIgnoresItIsAbandonedAfterTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{})
		o.lane().Run(batchOf(event(t, ping{Name: "1h"}), event(t, ping{})))
		time.Sleep(200 * time.Millisecond)
		o.system.Interrupt()
		time.Sleep(1100 * time.Millisecond)
		b := o.only()
		assert.Equal(t, []host.OutcomeCode{host.Interrupted, host.Undone}, codes(b))
		assert.True(t, b.Abandoned)
		time.Sleep(2 * time.Hour)
	})
}

func TestInterruptedSinkBatchIsInterruptedWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, func(ctx context.Context, _ []actors.EventOf[ping]) error {
			<-ctx.Done()
			return ctx.Err()
		}), host.OrganConfig{})
		o.lane().Run(batchOf(pings(t, 3)...))
		synctest.Wait()
		o.system.Interrupt()
		synctest.Wait()
		assert.Equal(t, all(host.Interrupted, 3), codes(o.only()))
		assert.Equal(t, []int{3}, sizes.take())
	})
}

func TestStopWaitsForRunningHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{Workers: 2})
		o.organ.Lanes()[1].Run(batchOf(event(t, ping{N: 1, Name: "5s"})))
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, o.system.Stop(context.Background()))
		assert.Equal(t, 5*time.Second, time.Since(begun))
		assert.Equal(t, all(host.Handled, 1), codes(o.only()))
		require.NoError(t, o.system.Stop(context.Background()), "twice")
	})
}

func TestStopGivesUpWithItsContextAndMayBeCalledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{})
		o.lane().Run(batchOf(event(t, ping{N: 1, Name: "5s"})))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := o.system.Stop(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, `stop organ "pinger"`)
		require.NoError(t, o.system.Stop(context.Background()))
		assert.Equal(t, all(host.Handled, 1), codes(o.only()))
	})
}

func TestStopDoesNotWaitForAbandonedHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{Policy: within(time.Second)})
		o.sleepRun(5*time.Second, event(t, ping{Name: "1h"}))
		begun := time.Now()
		require.NoError(t, o.system.Stop(context.Background()))
		assert.Less(t, time.Since(begun), time.Second)
		assert.Equal(t, 1, o.system.Abandoned())
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Zero(t, o.system.Abandoned(), "it comes back to nobody")
	})
}

func TestStopAbandonsWhatItInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The lane is halted first: its stuck handler is found by the watch afterwards.
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{Policy: within(time.Second)})
		o.lane().Run(batchOf(event(t, ping{Name: "1h"})))
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, o.system.Stop(context.Background()))
		assert.Less(t, time.Since(begun), 2*time.Second)
		assert.Equal(t, []host.OutcomeCode{host.Failed}, codes(o.only()), "its batch came back before")
		time.Sleep(2 * time.Hour)
	})
}

func TestBatchThatComesTooLateIsUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{})
		o.lane().Run(batchOf(pings(t, 3)...))
		require.NoError(t, o.system.Stop(context.Background()))
		b := o.only()
		assert.Len(t, handled.take(), len(only2(codes(b), host.Handled)), "what was told is handled or undone, not lost")

		o.lane().Run(batchOf(pings(t, 3)...))
		b = o.only()
		assert.Equal(t, all(host.Undone, 3), codes(b))
		assert.True(t, b.Down)
		assert.Empty(t, handled.take())
	})
}

func only2(cs []host.OutcomeCode, code host.OutcomeCode) (found []host.OutcomeCode) {
	for _, c := range cs {
		if c == code {
			found = append(found, c)
		}
	}
	return found
}

func TestStopReachesALaneThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, wayward(), host.OrganConfig{})
		o.run(event(t, ping{Name: "panic"}))
		o.run(event(t, ping{Name: "panic"}))
		assert.Len(t, only(o.kinds(), host.LaneReady), 1, "the second restart waits")
		begun := time.Now()
		o.lane().Run(batchOf(pings(t, 2)...)) // against the rules, and still not lost
		require.NoError(t, o.system.Stop(context.Background()))
		assert.Zero(t, time.Since(begun))
		assert.Equal(t, all(host.Undone, 2), codes(o.only()))
	})
}

func TestNothingStartsAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := host.NewSystem(host.Options{})
		require.NoError(t, s.Stop(context.Background()))
		organ := wayward()
		_, err := s.Organ(organ, host.OrganConfig{Deliver: func(*host.Batch) {}})
		assert.ErrorIs(t, err, host.ErrStopped)
		_, err = s.Router("router", func(any) {}, func(error) {})
		assert.ErrorIs(t, err, host.ErrStopped)
		_, err = s.Spawn(organ, lasting())
		assert.ErrorIs(t, err, host.ErrStopped)
	})
}

func TestOrganCanBeStoppedByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &instances{}
		o := own(t, x.organ(), host.OrganConfig{Workers: 2})
		synctest.Wait()
		require.NoError(t, o.organ.Stop(context.Background()))
		assert.EqualValues(t, 2, x.stopped.Load())
		require.NoError(t, o.organ.Stop(context.Background()))
		again, err := o.system.Organ(x.organ(), host.OrganConfig{Deliver: o.deliver})
		require.NoError(t, err)
		again.Lanes()[0].Run(batchOf(pings(t, 1)...))
		synctest.Wait()
		assert.Equal(t, all(host.Handled, 1), codes(o.only()))
	})
}

func TestContextGivesHandlersItsValuesAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type name struct{}
		parent, cancel := context.WithCancel(context.WithValue(context.Background(), name{}, "value"))
		cancel()
		s := host.NewSystem(host.Options{Context: parent})
		var back []*host.Batch
		o, err := s.Organ(pinging(func(ctx context.Context, _ actors.EventOf[ping]) ([]actors.Payload, error) {
			if ctx.Err() != nil || ctx.Value(name{}) != "value" {
				return nil, errors.New("not the values alone")
			}
			return nil, nil
		}), host.OrganConfig{Deliver: func(b *host.Batch) { back = append(back, b) }})
		require.NoError(t, err)
		o.Lanes()[0].Run(batchOf(pings(t, 1)...))
		synctest.Wait()
		assert.Equal(t, all(host.Handled, 1), codes(back[0]))
		require.NoError(t, s.Stop(context.Background()))
	})
}

func TestRouterHandlesOneMessageAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := host.NewSystem(host.Options{})
		var got []any
		var broken []error
		r, err := s.Router("router", func(msg any) {
			if msg == "panic" {
				panic("in router")
			}
			got = append(got, msg)
		}, func(err error) { broken = append(broken, err) })
		require.NoError(t, err)
		for _, msg := range []any{1, 2, "panic", 3, "panic"} {
			r.Tell(msg)
		}
		synctest.Wait()
		assert.Equal(t, []any{1, 2}, got, "after a panic it handles nothing more")
		require.Len(t, broken, 1)
		assert.ErrorContains(t, broken[0], "in router")
		require.NoError(t, s.Stop(context.Background()))
		r.Tell(4)
		time.Sleep(2 * time.Second) // for the engine's throttle
	})
}
