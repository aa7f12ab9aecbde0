package host_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// within is a policy with a timeout.
func within(d time.Duration) supervision.Policy { return supervision.Policy{Timeout: d} }

func TestHandlerThatListensTimesOutAndKeepsItsWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(ctx context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
			if ev.Payload.N == 1 {
				<-ctx.Done()
				return nil, errors.New("gave up")
			}
			return nil, nil
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		begun := time.Now()
		b := o.sleepRun(10*time.Second, pings(t, 3)...)
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Handled}, codes(b))
		assert.Equal(t, actors.KindTimeout, b.Outcomes[1].Failure.Kind)
		assert.ErrorContains(t, b.Outcomes[1].Failure.Err, "no result within 10s: gave up")
		assert.Equal(t, 10*time.Second, b.Ended.Sub(begun))
		assert.False(t, b.Down)
		assert.Empty(t, o.kinds())
	})
}

func TestHandlerThatIsLateButSuccessfulCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, pinging(func(ctx context.Context, _ actors.EventOf[ping]) ([]actors.Payload, error) {
			time.Sleep(10*time.Second + 500*time.Millisecond)
			return nil, nil
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		assert.Equal(t, all(host.Handled, 1), codes(o.sleepRun(11*time.Second, pings(t, 1)...)))
		assert.Empty(t, o.kinds())
	})
}

// stubborn is an organ whose handler ignores its context for as long as the event's name says, and then does
// as the event's number says.
func stubborn(handled *journal[int]) actors.Organ {
	return pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		if ev.Payload.Name != "" {
			d, err := time.ParseDuration(ev.Payload.Name)
			if err != nil {
				return nil, err
			}
			time.Sleep(d)
		}
		handled.add(ev.Payload.N)
		switch ev.Payload.N {
		case panics:
			panic("after all that time")
		case goexits:
			runtime.Goexit()
		}
		return actors.Emit(pong{}), nil
	})
}

func TestHandlerThatIgnoresItsContextIsAbandoned(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]int{"returns": 7, "panics": panics, "ends its goroutine": goexits} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var handled journal[int]
				o := own(t, stubborn(&handled), host.OrganConfig{Policy: within(10 * time.Second)})
				o.lane().Run(batchOf(event(t, ping{N: 1}), event(t, ping{N: end, Name: "1m"}), event(t, ping{N: 3})))
				time.Sleep(10*time.Second + 900*time.Millisecond)
				o.none()
				time.Sleep(3 * time.Second) // the grace of a second, and what the watch needs to notice
				b := o.only()
				require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Undone}, codes(b))
				assert.Equal(t, actors.KindTimeout, b.Outcomes[1].Failure.Kind)
				assert.ErrorContains(t, b.Outcomes[1].Failure.Err, "no result within 10s: the handler ignores its context")
				assert.True(t, b.Down)
				assert.True(t, b.Abandoned)
				assert.Equal(t, []host.NoticeKind{host.HandlerAbandoned, host.LaneReady}, o.kinds())
				assert.Equal(t, 1, o.system.Abandoned())

				assert.Equal(t, all(host.Handled, 2), codes(o.run(pings(t, 2)...)), "a new actor works on")
				assert.Equal(t, []int{1, 0, 1}, handled.take())

				time.Sleep(time.Minute)
				assert.Equal(t, []int{end}, handled.take())
				o.none() // its result is void
				assert.Equal(t, []host.NoticeKind{host.HandlerReturned}, o.kinds())
				assert.Zero(t, o.system.Abandoned())
				assert.Equal(t, all(host.Handled, 2), codes(o.run(pings(t, 2)...)))
			})
		})
	}
}

func TestBusyLaneIsNotMistakenForAStuckOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// One event per batch, and the lane is found at work whenever the watch looks.
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{Policy: within(10 * time.Second)})
		for range 30 {
			b := o.sleepRun(2*time.Second, event(t, ping{Name: "1999ms"}))
			require.Equal(t, all(host.Handled, 1), codes(b))
		}
		assert.Empty(t, o.kinds())
	})
}

func TestTimeoutsAreKeptApartByOrgan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		o := own(t, stubborn(&handled), host.OrganConfig{Policy: within(time.Minute)})
		var fast []*host.Batch
		quick, err := o.system.Organ(actors.NewOrgan("quick", actors.Sink(func(context.Context, actors.EventOf[ping]) error {
			time.Sleep(time.Hour)
			return nil
		})), host.OrganConfig{Policy: within(100 * time.Millisecond), Deliver: func(b *host.Batch) { fast = append(fast, b) }})
		require.NoError(t, err)
		o.lane().Run(batchOf(event(t, ping{Name: "20s"})))
		quick.Lanes()[0].Run(batchOf(pings(t, 1)...))
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		assert.Len(t, fast, 1)
		time.Sleep(20 * time.Second)
		assert.Equal(t, all(host.Handled, 1), codes(o.only()))
		o.stop()
		time.Sleep(time.Hour)
	})
}

// TestFinishingRacesWithBeingAbandoned has handlers end at the very time at which the watch gives them up:
// each batch must come back once, whoever wins.
func TestFinishingRacesWithBeingAbandoned(t *testing.T) {
	t.Parallel()
	const timeout = 10 * time.Millisecond
	var back sync.WaitGroup
	organ := pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		time.Sleep(timeout + time.Millisecond + time.Duration(ev.Payload.N)*100*time.Microsecond)
		return actors.Emit(pong{}), nil
	})
	s := host.NewSystem(host.Options{})
	const lanes, rounds = 8, 25
	type result struct {
		b         *host.Batch
		abandoned bool
	}
	results := make(chan result, lanes)
	ready := make(chan *host.Lane, 2*lanes)
	o, err := s.Organ(organ, host.OrganConfig{
		Workers: lanes, Policy: within(timeout),
		Deliver: func(b *host.Batch) { results <- result{b, b.Abandoned} },
		Notify: func(n host.Notice) {
			if n.Kind == host.LaneReady {
				ready <- n.Lane
			}
		},
	})
	require.NoError(t, err)
	for i, l := range o.Lanes() {
		back.Add(1)
		l.Run(batchOf(event(t, ping{N: i})))
	}
	finished, abandoned := 0, 0
	left := lanes * (rounds - 1)
	for range lanes * rounds {
		r := <-results
		require.Len(t, r.b.Outcomes, 1)
		l := r.b.Lane
		if r.abandoned {
			abandoned++
			require.Equal(t, actors.KindTimeout, r.b.Outcomes[0].Failure.Kind)
			l = <-ready // of this lane or another: as many become ready as were down
		} else {
			finished++
			require.Equal(t, host.Handled, r.b.Outcomes[0].Code)
		}
		if left > 0 {
			left--
			l.Run(batchOf(event(t, ping{N: left % 40})))
		}
	}
	t.Logf("%d finished, %d abandoned", finished, abandoned)
	require.NoError(t, s.Stop(context.Background()))
	require.Empty(t, results)
	require.Eventually(t, func() bool { return s.Abandoned() == 0 }, 10*time.Second, time.Millisecond)
}
