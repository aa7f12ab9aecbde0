package host

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

func TestCrewUsesAGoroutineAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c crew
		ran := 0
		for range 100 {
			c.Schedule(func() { ran++ })
			synctest.Wait()
			assert.Len(t, c.idle, 1)
		}
		assert.Equal(t, 100, ran)
		c.close()
	})
}

func TestCrewKeepsNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c crew
		var all sync.WaitGroup
		gate := make(chan struct{})
		for range crewLimit + 10 {
			all.Add(1)
			c.Schedule(func() { <-gate; all.Done() })
		}
		synctest.Wait()
		assert.Empty(t, c.idle, "nobody waits for a goroutine that is busy")
		close(gate)
		all.Wait()
		synctest.Wait()
		assert.Len(t, c.idle, crewLimit)
		c.close()
	})
}

func TestCrewGoesOnAfterGoexit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c crew
		calls := 0
		c.Schedule(func() {
			if calls++; calls == 1 {
				runtime.Goexit()
			}
		})
		synctest.Wait()
		assert.Equal(t, 2, calls)
		c.close()
	})
}

// The bubble fails if a goroutine is left.
func TestCrewThatIsClosedKeepsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c crew
		gate := make(chan struct{})
		c.Schedule(func() {})
		c.Schedule(func() { <-gate })
		synctest.Wait()
		c.close()
		late := false
		c.Schedule(func() { late = true })
		close(gate)
		synctest.Wait()
		assert.True(t, late)
		assert.Empty(t, c.idle)
	})
}
