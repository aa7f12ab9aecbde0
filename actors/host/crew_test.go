package host

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

// actorOf is an actor that does the same at every message.
type actorOf func()

func (f actorOf) InvokeUserMessage(any)        { f() }
func (f actorOf) InvokeSystemMessage(any)      { f() }
func (actorOf) EscalateFailure(_, message any) { panic(message) }

// tell has c run an actor with so many messages.
func tell(c *crew, messages int, do func()) {
	m := &mailbox{crew: c, invoker: actorOf(do)}
	for range messages {
		m.PostUserMessage(struct{}{})
	}
}

func TestCrewUsesAGoroutineAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c crew
		ran := 0
		for range 100 {
			tell(&c, 1, func() { ran++ })
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
			tell(&c, 1, func() { <-gate; all.Done() })
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
		tell(&c, 2, func() {
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
		tell(&c, 1, func() {})
		tell(&c, 1, func() { <-gate })
		synctest.Wait()
		c.close()
		late := false
		tell(&c, 1, func() { late = true })
		close(gate)
		synctest.Wait()
		assert.True(t, late)
		assert.Empty(t, c.idle)
	})
}

func TestCrewHasSomebodyComeWhileOthersBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c crew
		gate := make(chan struct{})
		var ran atomic.Int32
		for i := range 100 {
			tell(&c, 1, func() {
				if i%2 == 0 {
					<-gate
				}
				ran.Add(1)
			})
		}
		synctest.Wait()
		assert.EqualValues(t, 50, ran.Load(), "nobody waits behind one that blocks")
		close(gate)
		synctest.Wait()
		assert.EqualValues(t, 100, ran.Load())
		c.close()
	})
}

// inLine returns the order in which c takes a router that came before lanes, of which some are brief.
func inLine(brief ...bool) (order []int) {
	c := crew{called: true} // nobody comes
	router := &mailbox{crew: &c, router: true}
	number := map[*mailbox]int{router: -1}
	c.schedule(router)
	for i, b := range brief {
		m := &mailbox{crew: &c}
		m.brief.Store(b)
		number[m] = i
		c.schedule(m)
	}
	for m := c.next(false); m != nil; m = c.next(false) {
		order = append(order, number[m])
	}
	return order
}

func TestRouterLetsBriefLanesGoFirst(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []int{0, 1, -1, 2, 3}, inLine(true, true, false, true))
	assert.Equal(t, []int{-1, 0}, inLine(false))
	assert.Equal(t, []int{0, -1}, inLine(true))
	many := make([]bool, beforeRouter+2)
	for i := range many {
		many[i] = true
	}
	assert.Equal(t, -1, inLine(many...)[beforeRouter], "but not for ever")
}
