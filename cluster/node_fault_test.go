package cluster_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
)

func TestTheShardsOfADeadNodeAreTakenWithinItsLeaseAndASecond(t *testing.T) {
	inParty(t, func(p *party) {
		a, b, c := p.start("a"), p.start("b"), p.start("c")
		p.shared(5*testBeat, a, b, c)
		p.moved()
		mine, id := a.handle.Owned(), a.ID() // the first by ID, too
		a.cut()
		p.within(testLease+time.Second, func(x *assert.CollectT) {
			assert.Equal(x, testShards, len(b.handle.Owned())+len(c.handle.Owned()))
		})
		p.shared(3*testBeat, b, c)
		moves := p.moved()
		assert.Len(p, moves, len(mine))
		for _, m := range moves {
			assert.Equal(p, "a", m.from)
			assert.LessOrEqual(p, m.without, testLease+time.Second)
		}
		p.within(2*testBeat, func(c *assert.CollectT) { assert.NotContains(c, p.records(), id) })
		assert.Positive(p, b.lines.with("WARN", "silent", id)+c.lines.with("WARN", "silent", id))
	})
}

func TestAZombieBeginsAnewUnderAnotherID(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		was := a.ID()
		a.cut()
		p.shared(2*testLease, b)
		p.within(2*testBeat, func(c *assert.CollectT) { assert.NotContains(c, p.records(), was) })
		a.heal()
		p.shared(6*testBeat, a, b)
		assert.NotEqual(p, was, a.ID())
		assert.Equal(p, "a", cluster.NameOf(a.ID()))
		assert.Equal(p, 1, a.lines.with("WARN", "begins anew", was))
	})
}

func TestAMissedBeatMovesNothing(t *testing.T) {
	inParty(t, func(p *party) {
		a, b, c := p.start("a"), p.start("b"), p.start("c")
		p.shared(5*testBeat, a, b, c)
		p.moved()
		p.agreed()
		for range 5 {
			b.cut()
			time.Sleep(testLease / 2)
			b.heal()
			time.Sleep(2 * testBeat)
		}
		assert.Empty(p, p.moved())
		assert.Empty(p, p.agreed())
		assert.Zero(p, a.lines.with("silent"))
	})
}

func TestLosingTheStorePausesEverybody(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		ids := p.records()
		p.moved()
		p.agreed()
		p.do(func() { p.store.down = true })
		time.Sleep(10 * testLease)
		c := p.start("c")
		time.Sleep(testLease)
		p.do(func() { p.store.down = false })
		p.shared(6*testBeat, a, b, c)
		assert.Subset(p, p.records(), ids)
		assert.Len(p, p.agreed(), 1)
		assert.LessOrEqual(p, len(p.moved()), ceil(testShards, 3))
		for _, g := range []*guest{a, b} {
			assert.Equal(p, 1, g.lines.with("WARN", "does not answer"))
			assert.Equal(p, 1, g.lines.with("INFO", "answers again"))
			assert.Zero(p, g.lines.with("silent"))
		}
	})
}

func TestANodeLeavesThoughTheStoreDoesNotAnswer(t *testing.T) {
	inParty(t, func(p *party) {
		a, b, c := p.start("a"), p.start("b"), p.start("c")
		p.shared(5*testBeat, a, b, c)
		for g, trouble := range map[*guest]*bool{a: &p.store.down, b: &p.store.mute} {
			p.do(func() { *trouble = true })
			time.Sleep(testBeat)
			begun := time.Now()
			require.NoError(p, g.stop())
			assert.Less(p, time.Since(begun), testLease)
			p.do(func() { *trouble = false })
		}
		p.shared(testLease+4*testBeat, c)
	})
}

func TestAPlanThatWasOvertakenIsNotFollowed(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		before := p.store.agreed["plan"]
		c := p.start("c")
		// Whoever proposes first finds that the plan is another one than it has read, and it is none that the proposer has made.
		race := func() { p.do(func() { p.store.agreed["plan"] = before + " " }) }
		p.do(func() { a.handle.racing, b.handle.racing, c.handle.racing = race, nil, nil })
		p.shared(10*testBeat, a, b, c)
		agrees := p.agreed()
		require.NotEmpty(p, agrees)
		lost := 0
		for _, x := range agrees {
			if !x.done {
				lost++
			}
		}
		assert.LessOrEqual(p, lost, 1)
		for s, id := range a.Status().Plan {
			assert.Equal(p, id, b.Status().Plan[s])
			assert.Equal(p, id, c.Status().Plan[s])
		}
	})
}

func TestWhenTheFirstProposesNothingAnotherDoes(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		p.agreed()
		// A member that is first by its ID, and only beats.
		stop := make(chan struct{})
		leave := sync.OnceFunc(func() { close(stop) })
		p.Cleanup(leave)
		go func() { // ends with stop
			h := p.store.handle("!")
			for beat := byte('1'); ; beat++ {
				_, _, _ = h.Enter(p.Context(), "", "!first", `{"beat":`+string(beat%10+'0')+`,"weight":1,"organs":["one"],"unheard":{"of":[1]}}`)
				select {
				case <-time.After(testBeat):
				case <-stop:
					return
				}
			}
		}()
		p.within(5*testBeat, func(c *assert.CollectT) { assert.Contains(c, []int{5, 6}, len(a.Status().Plan.Of("!first"))) })
		agrees := p.agreed()
		assert.Equal(p, "plan", agrees[len(agrees)-1].name)
		leave()
		p.shared(2*testLease, a, b)
	})
}

func TestWhatIsDamagedIsTakenForAbsent(t *testing.T) {
	inParty(t, func(p *party) {
		p.store.members["bad"] = `{"beat":`
		p.store.members["heavy"] = `{"beat":1,"weight":-1}`
		p.store.members["{}"] = `{"beat":1,"weight":1}`
		p.store.agreed["plan"] = `{"version":7,"members":[],"owners":"AAAA"}`
		p.store.agreed["pins"] = `{"version":1,"pins":{"99":"a"}}`
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		assert.Equal(p, 1, a.lines.with("ERROR", "damaged", `\"bad\"`))
		assert.Equal(p, 1, a.lines.with("ERROR", "damaged", `\"heavy\"`))
		assert.Equal(p, 1, a.lines.with("ERROR", "damaged", "pins"))
		assert.Equal(p, 1, a.lines.with("ERROR", "damaged", "plan"))
		require.NoError(p, a.Pin(p.Context(), 3, "a"))
		p.within(5*testBeat, func(c *assert.CollectT) { assert.Equal(c, cluster.Pins{3: "a"}, b.Status().Pins) })
		for name, text := range map[string]string{
			"no JSON": `x`, "too few": `{"version":9,"owners":"AAA="}`, "not base64": `{"version":9,"owners":"?"}`,
			"no such member": `{"version":9,"owners":"BQAAAAAAAAAAAAAAAAAAAA=="}`,
			"too many":       `{"version":9,"owners":"AAAAAAAAAAAAAAAAAAAAAAA="}`,
			"members twice":  `{"version":9,"members":[{"id":"a","weight":1},{"id":"a","weight":1}],"owners":"AAAAAAAAAAAAAAAAAAAAAA=="}`,
		} {
			before := a.lines.with("ERROR", "plan")
			p.do(func() { p.store.agreed["plan"] = text })
			p.within(2*testBeat, func(c *assert.CollectT) { assert.Equal(c, before+1, a.lines.with("ERROR", "plan"), name) })
			p.within(5*testBeat, func(c *assert.CollectT) {
				assert.Len(c, append(a.handle.Owned(), b.handle.Owned()...), testShards, name)
			})
		}
	})
}

func TestAStoreThatIsEmptiedIsFilledAgain(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		p.do(func() { clear(p.store.members); clear(p.store.agreed) })
		p.shared(8*testBeat, a, b)
	})
}
