package desk_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
)

// faulty makes the cells of a keyed organ panic, before their Step or after it, when nothing of what it did
// has been seen. An event is hit up to three times in a row.
type faulty struct {
	actors.KeyedOrgan
	mu     sync.Mutex
	random *rand.Rand
	share  float64
	hits   map[actors.ID]int // that are still to come, by event
	panics int
}

func newFaulty(def actors.Definition, share float64, seed uint64) *faulty {
	return &faulty{
		KeyedOrgan: def.(actors.KeyedOrgan), random: rand.New(rand.NewPCG(seed, 3)), share: share, hits: map[actors.ID]int{},
	}
}

func (f *faulty) NewCell(key string) (actors.Cell, error) {
	c, err := f.KeyedOrgan.NewCell(key)
	return &faultyCell{c, f}, err
}

// hit decides about one attempt, and whether the Step still runs.
func (f *faulty) hit(id actors.ID) (panics, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.hits[id]; !known {
		f.hits[id] = 0
		if f.random.Float64() < f.share {
			f.hits[id] = 1 + f.random.IntN(3)
		}
	}
	if f.hits[id] == 0 {
		return false, false
	}
	f.hits[id]--
	f.panics++
	return true, f.random.IntN(2) == 0
}

type faultyCell struct {
	actors.Cell
	faults *faulty
}

func (c *faultyCell) Step(ev actors.Event) ([]actors.Payload, error) {
	panics, after := c.faults.hit(ev.ID())
	if panics && !after {
		panic("injected before the step")
	}
	out, err := c.Cell.Step(ev)
	if panics {
		panic("injected after the step")
	}
	return out, err
}

// outcome is what two runs of the same commands have to agree in.
type outcome struct {
	book   desk.BookState
	depth  desk.Depth
	chain  desk.Link // over the emissions of the matching organ
	trades []desk.TradeExecuted
	books  []desk.BookChanged
	days   map[string]desk.Statement
}

func (r *rig) outcome(traders int) outcome {
	o := outcome{
		book:   ask[desk.BookState](r, desk.MatchingEngine, symbol, desk.BookStateOf{}),
		depth:  ask[desk.Depth](r, desk.MatchingEngine, symbol, desk.DepthOf{}),
		chain:  ask[desk.Audit](r, desk.AuditTrail, symbol, desk.AuditOf{}).Matching,
		trades: emitted[desk.TradeExecuted](r, desk.MatchingEngine),
		books:  emitted[desk.BookChanged](r, desk.MatchingEngine),
		days:   map[string]desk.Statement{},
	}
	for i := range traders {
		name := fmt.Sprintf("trader-%03d", i)
		s, err := spine.Ask[desk.Statement](r.t.Context(), r.Spine, desk.RiskManager, name, desk.StatementOf{})
		if err != nil {
			require.ErrorContains(r.t, err, "no such cell")
			continue
		}
		s.Exposure = desk.Money{} // at last prices, and the order in which trades are settled is nobody's promise
		s.Day = ""
		for k := range s.Positions {
			s.Positions[k].Last, s.Positions[k].Value = "", desk.Money{}
		}
		o.days[name] = s
	}
	return o
}

// TestPanicsInTheMatchingOrganChangeNothing compares a run in which the organ panics again and again with
// one in which it does not.
func TestPanicsInTheMatchingOrganChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		commands := mixed(600, 11)
		calm := start(t, config())
		calm.Publish(numbered(commands)...)
		calm.Idle()
		var faults *faulty
		c := config()
		c.Wrap = func(def actors.Definition) actors.Definition {
			if def.Name() != desk.MatchingEngine {
				return def
			}
			faults = newFaulty(def, 0.1, 5)
			return faults
		}
		wild := start(t, c)
		wild.Publish(numbered(commands)...)
		wild.Idle()
		require.Greater(t, faults.panics, 60)
		assert.Empty(t, wild.Dead(), "nothing is lost")
		want, got := calm.outcome(200), wild.outcome(200)
		assert.Equal(t, want, got)
		assert.Greater(t, len(got.trades), 20)
		assert.NotEmpty(t, got.days)
		assert.Len(t, emitted[desk.SettlementComplete](wild, desk.Settlement), len(got.trades), "each trade is settled once")
		calm.verifyAudit()
		wild.verifyAudit()
	})
}

// verifyAudit recomputes the chains from the events that the audit trail has settled.
func (r *rig) verifyAudit() {
	r.t.Helper()
	var chain desk.Chain
	for _, x := range r.settled(desk.AuditTrail) {
		_, err := chain.Add(x.Event)
		require.NoError(r.t, err)
	}
	got := ask[desk.Audit](r, desk.AuditTrail, symbol, desk.AuditOf{})
	assert.Equal(r.t, chain.All, got.All)
	assert.Equal(r.t, chain.Matching, got.Matching)
	assert.NotZero(r.t, got.Matching.Events)
}

// manySymbols is a desk of n symbols, and a stream of commands over all of them.
func manySymbols(n, each int) (desk.Config, []actors.Payload) {
	c := config()
	c.Symbols = nil
	var commands []desk.OrderValidated
	for i := range n {
		name := "S" + string(rune('A'+i))
		c.Symbols = append(c.Symbols, matching.DefaultSpec(name))
		for _, command := range mixed(each, uint64(i)) {
			command.Symbol = name
			commands = append(commands, command)
		}
	}
	random := rand.New(rand.NewPCG(9, 9))
	next := make([]int, n)
	var all []desk.OrderValidated
	for len(all) < len(commands) {
		if i := random.IntN(n); next[i] < each {
			all = append(all, commands[i*each+next[i]])
			next[i]++
		}
	}
	return c, numbered(all)
}

// TestBooksSurvivePassivation has room for one cell where there are eight.
func TestBooksSurvivePassivation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const symbols = 8
		c, commands := manySymbols(symbols, 60)
		roomy := start(t, c)
		crowded := start(t, c, spine.WithResidentCells(1, time.Minute))
		roomy.Publish(commands...)
		roomy.Idle()
		for portion := range slices.Chunk(commands, 40) { // what waits for a cell keeps it
			crowded.Publish(portion...)
			crowded.Idle()
		}
		assert.Greater(t, crowded.Stats().Organs[desk.MatchingEngine].Cells.Passivated, int64(symbols))
		for _, spec := range c.Symbols {
			want := ask[desk.BookState](roomy, desk.MatchingEngine, spec.Name, desk.BookStateOf{})
			assert.Equal(t, want, ask[desk.BookState](crowded, desk.MatchingEngine, spec.Name, desk.BookStateOf{}), spec.Name)
			assert.NotZero(t, want.Live)
			wantAudit := ask[desk.Audit](roomy, desk.AuditTrail, spec.Name, desk.AuditOf{})
			gotAudit := ask[desk.Audit](crowded, desk.AuditTrail, spec.Name, desk.AuditOf{})
			assert.Equal(t, wantAudit.Matching, gotAudit.Matching, spec.Name)
			assert.Equal(t, wantAudit.Types, gotAudit.Types, spec.Name)
		}
	})
}

// TestDeskGoesOnWhereItStopped runs the first half, stops, and runs the second half on a new Spine.
func TestDeskGoesOnWhereItStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		commands := numbered(mixed(400, 13))
		whole := start(t, config())
		whole.Publish(commands...)
		whole.Idle()
		backend := spine.NewMemory()
		first, err := spine.New(backend, newDesk(t, config()).Options()...)
		require.NoError(t, err)
		_, err = first.RunUntilIdle(t.Context(), commands[:200]...)
		require.NoError(t, err)
		second := &rig{Running: spinetest.Start(t, backend.Attach(), newDesk(t, config()).Options()...), t: t}
		second.Publish(commands[200:]...)
		second.Idle()
		got := ask[desk.BookState](second, desk.MatchingEngine, symbol, desk.BookStateOf{})
		assert.Equal(t, ask[desk.BookState](whole, desk.MatchingEngine, symbol, desk.BookStateOf{}), got)
		assert.NotZero(t, got.Trades)
	})
}

// TestSweepThatIsTooLargeChangesNothing holds that a command the Spine cannot commit is answered, and undone.
func TestSweepThatIsTooLargeChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t, config(), spine.WithEmissions(7, 1<<20))
		for i := range 4 {
			r.Publish(limit(fmt.Sprintf("s%d", i), "seller", "SELL", 1, "100.00", ""))
		}
		r.Idle()
		before := ask[desk.BookState](r, desk.MatchingEngine, symbol, desk.BookStateOf{})
		r.Publish(limit("b1", "bob", "BUY", 4, "100.00", ""), limit("b2", "bob", "BUY", 1, "99.00", ""))
		r.Idle()
		require.Len(t, r.Dead(), 1)
		rejected := emitted[desk.OrderRejected](r, desk.MatchingEngine)
		require.Len(t, rejected, 1)
		assert.Equal(t, "b1", rejected[0].OrderID)
		assert.Equal(t, desk.ReasonFailed, rejected[0].Reason)
		assert.Empty(t, emitted[desk.TradeExecuted](r, desk.MatchingEngine))
		r.Publish(desk.OrderSubmitted{Action: desk.ActionCancel, OrderID: "b2", Symbol: symbol})
		r.Idle()
		assert.Equal(t, before, ask[desk.BookState](r, desk.MatchingEngine, symbol, desk.BookStateOf{}))
	})
}
