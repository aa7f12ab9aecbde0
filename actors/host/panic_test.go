package host_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// wayward is an organ whose handler does what the event's name says.
func wayward() actors.Organ {
	return pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		switch ev.Payload.Name {
		case "panic":
			panic("in handler")
		case "panic nil":
			panic(nil)
		case "goexit":
			runtime.Goexit()
		case "caught":
			return nil, supervision.NewPanicError("caught by the handler")
		case "emit":
			return actors.Emit(panicking{}), nil
		}
		return nil, nil
	})
}

// panicking is a payload that cannot be made an event of.
type panicking struct{ N int }

func (p panicking) EventType() string { return "PANICKING" }
func (p panicking) EventKey() string  { panic("in EventKey") }

func TestPanicCostsOneEvent(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"panic", "panic nil", "goexit", "caught", "emit"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := own(t, wayward(), host.OrganConfig{})
				b := o.run(event(t, ping{N: 0}), event(t, ping{N: 1, Name: way}), event(t, ping{N: 2}))
				require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Undone}, codes(b))
				assert.True(t, b.Down)
				assert.False(t, b.Abandoned)
				f := b.Outcomes[1].Failure
				assert.Equal(t, actors.KindPanic, f.Kind)
				assert.NotEmpty(t, f.Stack)
				assert.Equal(t, 1, f.Attempt)
				var panicked *supervision.PanicError
				require.ErrorAs(t, f.Err, &panicked)
				assert.Equal(t, way == "goexit", errors.Is(f.Err, supervision.ErrGoexit))
				// The first restart of a quiet organ waits for nothing.
				assert.Equal(t, []host.NoticeKind{host.Restarting, host.LaneReady}, o.kinds())
				assert.Equal(t, all(host.Handled, 2), codes(o.run(pings(t, 2)...)), "the lane works again")
			})
		})
	}
}

func TestRestartsWaitLongerEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, wayward(), host.OrganConfig{})
		bad := event(t, ping{Name: "panic"})
		o.run(bad)
		o.kinds()
		var waits []time.Duration
		for range 3 {
			o.run(bad)
			require.Equal(t, []host.NoticeKind{host.Restarting}, o.kinds())
			down := time.Now()
			for len(o.kinds()) == 0 {
				time.Sleep(100 * time.Microsecond)
				synctest.Wait()
			}
			waits = append(waits, time.Since(down))
		}
		assert.Positive(t, waits[0])
		assert.Greater(t, waits[1], waits[0])
		assert.Greater(t, waits[2], waits[1])
	})
}

func TestSpentBudgetIsToldAndTheLaneStillComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := supervision.Policy{Restarts: supervision.Restarts{Max: 1, Within: time.Hour}}
		o := own(t, wayward(), host.OrganConfig{Policy: policy})
		bad := event(t, ping{Name: "panic"})
		o.run(bad)
		o.kinds()
		o.run(bad)
		assert.Equal(t, []host.NoticeKind{host.Restarting, host.BudgetSpent}, o.kinds())
		time.Sleep(4 * time.Second)
		assert.Empty(t, o.kinds())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []host.NoticeKind{host.LaneReady}, o.kinds())
		assert.Equal(t, all(host.Handled, 1), codes(o.run(pings(t, 1)...)))
	})
}

// instances counts the instances of a PerWorker organ, and says what making and stopping them does.
type instances struct {
	made, stopped atomic.Int32
	fresh         func(n int32) error
	stop          func(n int32)
}

func (x *instances) organ() actors.Organ {
	return actors.PerWorker("instances", func() (actors.Organ, error) {
		n := x.made.Add(1)
		if x.fresh != nil {
			if err := x.fresh(n); err != nil {
				return actors.Organ{}, err
			}
		}
		return actors.NewOrgan("instance",
			actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
				if ev.Payload.Name == "panic" {
					panic("in instance")
				}
				return actors.Emit(pong{int(n)}), nil
			}),
			actors.OnStop(func() {
				x.stopped.Add(1)
				if x.stop != nil {
					x.stop(n)
				}
			}),
		), nil
	})
}

func instanceOf(t *testing.T, b *host.Batch) int {
	t.Helper()
	require.Equal(t, host.Handled, b.Outcomes[0].Code)
	p, err := actors.Decode[pong](b.Outcomes[0].Emitted[0])
	require.NoError(t, err)
	return p.N
}

func TestRestartMakesAFreshInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &instances{}
		o := own(t, x.organ(), host.OrganConfig{})
		assert.Equal(t, 1, instanceOf(t, o.run(pings(t, 1)...)))
		o.run(event(t, ping{Name: "panic"}))
		assert.EqualValues(t, 1, x.stopped.Load(), "the instance that panicked was stopped")
		assert.Equal(t, 2, instanceOf(t, o.run(pings(t, 1)...)))
		o.stop()
		assert.EqualValues(t, 2, x.stopped.Load())
		assert.EqualValues(t, 2, x.made.Load())
	})
}

func TestEveryWorkerHasItsInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &instances{}
		o := own(t, x.organ(), host.OrganConfig{Workers: 3})
		synctest.Wait()
		assert.EqualValues(t, 3, x.made.Load())
		o.stop()
		assert.EqualValues(t, 3, x.stopped.Load())
	})
}

func TestSharedInstanceIsStoppedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int32
		o := own(t, actors.NewOrgan("shared",
			actors.Sink(func(_ context.Context, ev actors.EventOf[ping]) error { panic("always") }),
			actors.OnStop(func() { stopped.Add(1) }),
		), host.OrganConfig{Workers: 3})
		o.run(pings(t, 1)...)
		assert.Zero(t, stopped.Load(), "the others still use it")
		o.stop()
		assert.EqualValues(t, 1, stopped.Load())
	})
}

func TestInstanceThatCannotBeMadeBringsTheBatchBack(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error":  func() error { return errors.New("no connection") },
		"panic":  func() error { panic("no connection") },
		"goexit": func() error { runtime.Goexit(); return nil },
		"hang":   func() error { time.Sleep(45 * time.Second); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := &instances{}
				x.fresh = func(n int32) error {
					if n > 1 && n < 4 {
						return fail()
					}
					return nil
				}
				o := own(t, x.organ(), host.OrganConfig{})
				b := o.run(event(t, ping{Name: "panic"}))
				assert.True(t, b.Down)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				kinds := o.kinds()
				assert.Len(t, only(kinds, host.LaneReady), 1, "a lane is ready once, however often it was tried")
				assert.Len(t, only(kinds, host.Restarting), 3)
				assert.Equal(t, 4, instanceOf(t, o.run(pings(t, 1)...)))
				assert.Zero(t, o.system.Abandoned(), "who was late has come back")
				if name == "hang" {
					assert.Len(t, only(kinds, host.HandlerAbandoned), 2)
					assert.Len(t, only(kinds, host.HandlerReturned), 2)
					assert.EqualValues(t, 3, x.stopped.Load(), "what comes too late is stopped as well")
				}
			})
		})
	}
}

func only(kinds []host.NoticeKind, kind host.NoticeKind) (found []host.NoticeKind) {
	for _, k := range kinds {
		if k == kind {
			found = append(found, k)
		}
	}
	return found
}

func TestWorkerWithoutAnInstanceSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		x := &instances{fresh: func(n int32) error {
			if n == 2 {
				return down
			}
			return nil
		}}
		o := own(t, x.organ(), host.OrganConfig{Workers: 2})
		o.organ.Lanes()[0].Run(batchOf(pings(t, 2)...))
		o.organ.Lanes()[1].Run(batchOf(pings(t, 2)...))
		synctest.Wait()
		o.mu.Lock()
		back := o.back
		o.back = nil
		o.mu.Unlock()
		require.Len(t, back, 2)
		for _, b := range back {
			if !b.Down {
				assert.Equal(t, all(host.Handled, 2), codes(b))
				continue
			}
			assert.Equal(t, all(host.Undone, 2), codes(b))
			require.ErrorIs(t, b.Problem, down)
		}
		assert.Equal(t, []host.NoticeKind{host.Restarting, host.LaneReady}, o.kinds())
	})
}

func TestStopFunctionCannotHarm(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(){
		"panic":  func() { panic("in OnStop") },
		"goexit": runtime.Goexit,
		"hang":   func() { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := &instances{stop: func(int32) { stop() }}
				o := own(t, x.organ(), host.OrganConfig{})
				o.run(event(t, ping{Name: "panic"}))
				time.Sleep(31 * time.Second)
				synctest.Wait()
				assert.Contains(t, o.kinds(), host.LaneReady)
				assert.Equal(t, 2, instanceOf(t, o.run(pings(t, 1)...)))
				o.stop()
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

func TestOwnerThatEndsTheGoroutineHarmsNobody(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"", "panic", "1h"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := host.NewSystem(host.Options{Logger: discard()})
				var delivered, ready atomic.Int32
				organ := pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
					switch ev.Payload.Name {
					case "panic":
						panic("in handler")
					case "1h":
						time.Sleep(time.Hour)
					}
					return nil, nil
				})
				o, err := s.Organ(organ, host.OrganConfig{
					Policy:  within(time.Second),
					Deliver: func(*host.Batch) { delivered.Add(1); runtime.Goexit() },
					Notify: func(n host.Notice) {
						if n.Kind == host.LaneReady {
							ready.Add(1)
						}
					},
				})
				require.NoError(t, err)
				o.Lanes()[0].Run(batchOf(event(t, ping{Name: what})))
				time.Sleep(5 * time.Second)
				o.Lanes()[0].Run(batchOf(event(t, ping{})))
				synctest.Wait()
				assert.EqualValues(t, 2, delivered.Load())
				if what != "" {
					assert.EqualValues(t, 1, ready.Load())
				}
				require.NoError(t, s.Stop(context.Background()))
				time.Sleep(2 * time.Hour)
			})
		})
	}
}
