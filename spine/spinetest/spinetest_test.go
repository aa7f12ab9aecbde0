package spinetest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

type ping struct{ N int }

func (ping) EventType() string { return "PING" }

// fake is a test that may fail without failing the one that looks at it.
type fake struct {
	testing.TB
	errors, fatals []string
	cleanups       []func()
}

func (f *fake) Helper()          {}
func (f *fake) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fake) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fake) Fatalf(format string, args ...any) {
	f.fatals = append(f.fatals, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// try runs a test under a fake T, to its end and that of its cleanups.
func try(t *testing.T, test func(f *fake)) *fake {
	t.Helper()
	f := &fake{TB: t}
	done := make(chan struct{})
	go func() { // ends with the test, also when that is fatal
		defer close(done)
		test(f)
	}()
	<-done
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return f
}

func handles(f func(context.Context, int) error) spine.Option {
	return spine.WithOrgan(actors.NewOrgan("organ", actors.Sink(func(ctx context.Context, ev actors.EventOf[ping]) error {
		return f(ctx, ev.Payload.N)
	})))
}

func fine(context.Context, int) error { return nil }

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The engine's throttle of its dead letter log ends a second after the last one.
		t.Cleanup(func() { time.Sleep(2 * time.Second) })
		f(t)
	})
}

func TestSettledWaitsAndReturnsEachOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := try(t, func(f *fake) {
			r := spinetest.Start(f, spine.NewMemory(), handles(func(ctx context.Context, _ int) error {
				if actors.Attempt(ctx) < 3 {
					return errors.New("flaky")
				}
				return nil
			}))
			ids := r.Publish(ping{1}, ping{2})
			first := r.Settled(1)
			second := r.Settled(1)
			assert.ElementsMatch(f.TB, ids, []actors.ID{first[0].Event.ID(), second[0].Event.ID()})
			assert.Equal(f.TB, 3, first[0].Attempt)
			assert.True(f.TB, first[0].Acked)
			assert.Equal(f.TB, "organ", first[0].Organ)
			assert.Len(f.TB, r.Notes(), 4)
			assert.Empty(f.TB, r.Dead())
		})
		assert.Empty(t, f.fatals)
		assert.Empty(t, f.errors)
	})
}

func TestSettledTellsOfFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := spinetest.Start(t, spine.NewMemory(), handles(func(context.Context, int) error {
			return actors.Permanent(errors.New("never"))
		}))
		r.Publish(ping{1})
		got := r.Settled(1)[0]
		require.NotNil(t, got.Failure)
		assert.Equal(t, actors.KindPermanent, got.Failure.Kind)
		require.NotNil(t, got.Letter)
		assert.Equal(t, []supervision.DeadLetter{*got.Letter}, r.Dead())
	})
}

func TestSettledLosesPatience(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		f := try(t, func(f *fake) {
			r := spinetest.Start(f, spine.NewMemory(), handles(fine))
			r.Publish(ping{1})
			r.Settled(2)
		})
		require.Len(t, f.fatals, 1)
		assert.Contains(t, f.fatals[0], "for 2 settled events, have 1")
		assert.Equal(t, spinetest.Patience, time.Since(start))
		assert.Empty(t, f.errors)
	})
}

func TestASpineThatDoesNotEndWellFailsTheTest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		f := try(t, func(f *fake) {
			r := spinetest.Start(f, spine.NewMemory(), handles(func(context.Context, int) error { <-release; return nil }))
			r.Publish(ping{1})
			synctest.Wait()
		})
		close(release)
		assert.Empty(t, f.fatals)
		require.Len(t, f.errors, 1)
		assert.Contains(t, f.errors[0], spine.ErrDrain.Error())
	})
}

func TestSettledDoesNotWaitForASpineThatHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		f := try(t, func(f *fake) {
			r := spinetest.Start(f, spine.NewMemory(), spine.WithMaxSteps(1), handles(fine))
			r.Publish(ping{1}, ping{2})
			r.Settled(2)
		})
		require.Len(t, f.fatals, 1)
		assert.Contains(t, f.fatals[0], spine.ErrMaxSteps.Error())
		require.Len(t, f.errors, 1)
		assert.Contains(t, f.errors[0], spine.ErrMaxSteps.Error())
		assert.Less(t, time.Since(start), time.Minute)
	})
}

func TestARefusedPublishFailsTheTest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := try(t, func(f *fake) {
			spinetest.Start(f, spine.NewMemory(), handles(fine)).Publish(nil)
		})
		require.Len(t, f.fatals, 1)
		assert.Contains(t, f.fatals[0], "publish payload 1")
	})
}

func TestMistakesInTheOptionsFailTheTest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := try(t, func(f *fake) { spinetest.Start(f, spine.NewMemory(), spine.WithBatch(0)) })
		require.Len(t, f.fatals, 1)
		assert.Contains(t, f.fatals[0], "WithBatch")
	})
}

func TestABackendThatDoesNotOpenFailsTheTest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		require.NoError(t, m.Close(t.Context()))
		f := try(t, func(f *fake) { spinetest.Start(f, m, handles(fine)) })
		require.Len(t, f.errors, 1)
		assert.Contains(t, f.errors[0], spine.ErrClosed.Error())
	})
}

func TestIdleFailsWhereWorkWaitsForAPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := try(t, func(f *fake) {
			r := spinetest.Start(f, spine.NewMemory(), handles(fine))
			if err := r.Pause("organ"); err != nil {
				f.Fatalf("%v", err)
			}
			r.Publish(ping{1})
			r.Idle()
		})
		require.Len(t, f.fatals, 1)
		assert.Contains(t, f.fatals[0], spine.ErrWaiting.Error())
		assert.Empty(t, f.errors)
	})
}

func TestPayloadsGoThroughTheirCodec(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := try(t, func(f *fake) {
			spinetest.Start(f, spine.NewMemory(), handles(fine)).Publish(unwritable{})
		})
		require.Len(t, f.fatals, 1)
		assert.Contains(t, f.fatals[0], actors.ErrEncode.Error())
	})
}

type unwritable struct{ C chan int }

func (unwritable) EventType() string { return "UNWRITABLE" }
