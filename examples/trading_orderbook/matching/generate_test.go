package matching_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// market is the temper of a generated stream. Each seed draws another one, so
// that some streams crowd a few levels and others jump across the whole range.
type market struct {
	symbols, traders, ids uint64
	freshIDs              bool // ids count upwards and rarely repeat
	mid                   int64
	spread                int64 // how far prices stray from the middle
	drift                 int64 // how far the middle moves per command
	jump                  int   // one command in so many moves the middle anywhere; 0: none
	deepest               int64 // largest usual quantity
	fancy                 int   // percent of stops, icebergs, GTD, prevention and the like
	noise                 int   // percent of commands with something wrong in them
}

// generator makes command streams that know nothing of any engine: a command
// may be left out and the rest is still a stream, which shrinking relies on.
type generator struct {
	market
	*rand.Rand
	next matching.OrderID
	now  int64
}

// generate returns the n commands of a seed.
func generate(seed uint64, n int) []matching.Command {
	g := newGenerator(seed)
	stream := make([]matching.Command, n)
	for i := range stream {
		stream[i] = g.command()
	}
	return stream
}

// configOf is the engine configuration that a seed is run with.
func configOf(seed uint64) matching.Config {
	return matching.Config{L2: true, L3: true, AmendTotal: seed%2 == 1, IDsEver: seed%5 == 2}
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x6e6563726f))}
	g.market = market{
		symbols:  1 + g.Uint64N(3),
		traders:  1 + g.Uint64N(6),
		ids:      10 + g.Uint64N(300),
		freshIDs: configOf(seed).IDsEver || g.one(3),
		mid:      g.Int64N(matching.MaxPrice) + 1,
		spread:   []int64{2, 5, 20, 200, 20_000}[g.IntN(5)],
		drift:    []int64{0, 1, 1, 50, 5_000}[g.IntN(5)],
		jump:     []int{0, 0, 20, 200, 1000}[g.IntN(5)],
		deepest:  []int64{3, 10, 100, 100, 5000}[g.IntN(5)],
		fancy:    []int{0, 10, 40, 80}[g.IntN(4)],
		noise:    []int{0, 3, 10}[g.IntN(3)],
	}
	if g.one(3) {
		g.mid = 1 + g.Int64N(500) // Where prices meet their lower limit.
	}
	return g
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) percent(p int) bool { return g.IntN(100) < p }

func (g *generator) command() matching.Command {
	g.move()
	c := g.sound()
	if g.percent(g.noise) {
		g.spoil(&c)
	}
	return c
}

// move lets the middle of the market wander.
func (g *generator) move() {
	if g.drift > 0 {
		g.mid += g.Int64N(2*g.drift+1) - g.drift
	}
	if g.jump > 0 && g.one(g.jump) {
		g.mid = g.Int64N(matching.MaxPrice)
	}
	g.mid = clamp(g.mid)
}

func clamp(price int64) int64 { return max(1, min(price, matching.MaxPrice)) }

func (g *generator) sound() matching.Command {
	switch p := g.IntN(1000); {
	case p < 600:
		return g.newOrder()
	case p < 760:
		return matching.Command{Op: matching.CancelOrder, Order: g.known(), Trader: g.claimed()}
	case p < 950:
		return g.amend()
	case p < 955:
		return g.cancelAll()
	case p < 970:
		return g.phase()
	case p < 985 && g.fancy > 0:
		return g.tick()
	default:
		return g.newOrder()
	}
}

func (g *generator) newOrder() matching.Command {
	c := matching.Command{
		Op: matching.NewOrder, Order: g.fresh(), Trader: g.trader(), Symbol: g.symbol(),
		Side: matching.Buy + matching.Side(g.IntN(2)),
		Qty:  g.qty(), Price: g.price(),
	}
	g.instruct(&c)
	if g.percent(g.fancy) {
		g.fancyOrder(&c)
	}
	return c
}

// instruct sets one of the plain types.
func (g *generator) instruct(c *matching.Command) {
	switch p := g.IntN(100); {
	case p < 8:
		c.Type = matching.Market
		c.TIF = []matching.TIF{matching.GTC, matching.IOC, matching.FOK}[g.IntN(3)]
	case p < 15:
		c.TIF = matching.IOC
	case p < 25:
		c.TIF = matching.FOK
	case p < 35:
		c.TIF = matching.PostOnly
	}
}

// fancyOrder makes a stop, an iceberg, a GTD or a preventive order, or several
// of them at once.
func (g *generator) fancyOrder(c *matching.Command) {
	if g.one(2) {
		c.Prevention = matching.Prevention(g.IntN(5))
	}
	if g.one(3) {
		g.stop(c)
	}
	if g.one(4) && c.TIF != matching.FOK && c.Type != matching.Market {
		c.TIF, c.Time = matching.GTD, g.now+1+g.Int64N(20)
	}
	limit := c.Type == matching.Limit || c.Type == matching.StopLimit
	if stays := c.TIF != matching.IOC && c.TIF != matching.FOK; g.one(3) && limit && stays {
		c.Display = 1 + g.Int64N(min(c.Qty, 20))
		if g.one(10) {
			c.Display = c.Qty / (999 + g.Int64N(3))
		}
	}
}

func (g *generator) stop(c *matching.Command) {
	c.Trigger = g.price()
	c.Type = matching.StopLimit
	if g.one(2) && c.TIF != matching.PostOnly {
		c.Type = matching.Stop
	}
}

func (g *generator) amend() matching.Command {
	c := matching.Command{Op: matching.AmendOrder, Order: g.known(), Trader: g.claimed()}
	c.HasQty, c.HasPrice = !g.one(3), g.one(2)
	if c.HasQty {
		c.Qty = g.qty()
	}
	if c.HasPrice {
		c.Price = g.price()
	}
	return c
}

func (g *generator) cancelAll() matching.Command {
	return matching.Command{
		Op: matching.CancelAll, Trader: g.trader(), Symbol: matching.SymbolID(g.Uint64N(g.symbols + 1)),
	}
}

// phase mostly opens: a closed symbol answers everything with a rejection.
func (g *generator) phase() matching.Command {
	c := matching.Command{Op: matching.SetPhase, Symbol: g.symbol()}
	if g.one(4) {
		c.Phase = matching.Phase(g.IntN(3))
	}
	return c
}

func (g *generator) tick() matching.Command {
	g.now += g.Int64N(6)
	return matching.Command{Op: matching.Tick, Time: g.now}
}

// fresh is an id for a new order, now and then one that is taken.
func (g *generator) fresh() matching.OrderID {
	if !g.freshIDs || g.one(50) && g.next > 0 {
		return g.known()
	}
	g.next++
	return g.next
}

// known is an id that may well be live.
func (g *generator) known() matching.OrderID {
	if !g.freshIDs {
		return matching.OrderID(1 + g.Uint64N(g.ids))
	}
	recent := min(uint64(g.next), g.ids)
	return g.next + 1 - matching.OrderID(g.Uint64N(recent+1))
}

func (g *generator) trader() matching.TraderID { return matching.TraderID(1 + g.Uint64N(g.traders)) }

func (g *generator) symbol() matching.SymbolID { return matching.SymbolID(1 + g.Uint64N(g.symbols)) }

// claimed is the trader of a cancel or an amend: mostly nobody in particular.
func (g *generator) claimed() matching.TraderID {
	if g.one(4) {
		return g.trader()
	}
	return 0
}

func (g *generator) price() int64 {
	switch {
	case g.one(200):
		return []int64{1, matching.MaxPrice, 1 + g.Int64N(matching.MaxPrice)}[g.IntN(3)]
	case g.one(50):
		return clamp(g.mid + g.Int64N(100_000) - 50_000)
	default:
		return clamp(g.mid + g.Int64N(2*g.spread+1) - g.spread)
	}
}

func (g *generator) qty() int64 {
	if g.one(200) {
		return matching.MaxQty - g.Int64N(3)
	}
	return 1 + g.Int64N(g.deepest)
}

// spoil puts something wrong, or at least odd, into one field.
func (g *generator) spoil(c *matching.Command) {
	odd := []int64{0, -1, matching.OffTick, matching.MaxQty + 1, matching.MaxPrice + 1, 1 << 62}[g.IntN(6)]
	small := uint8(g.IntN(8))
	switch g.IntN(15) {
	case 0:
		c.Op = matching.Op(small)
	case 1:
		c.Order = matching.OrderID(odd)
	case 2:
		c.Trader = matching.TraderID(small)
	case 3:
		c.Symbol = matching.SymbolID(small)
	case 4:
		c.Side = matching.Side(small)
	case 5:
		c.Type = matching.Type(small)
	case 6:
		c.TIF = matching.TIF(small)
	case 7:
		c.Prevention = matching.Prevention(small)
	case 8:
		c.Phase = matching.Phase(small)
	case 9:
		c.Qty = odd
	case 10:
		c.Price = odd
	case 11:
		c.Display = odd
	case 12:
		c.Trigger = odd
	case 13:
		c.Time = odd
	case 14:
		c.HasQty, c.HasPrice = !c.HasQty, !c.HasPrice
	}
}

// seen counts what a generated stream led to, by name.
type seen map[string]int

func (s seen) command(c *matching.Command, events []matching.Event) {
	rounds := 0
	for i, e := range events {
		s[fmt.Sprintf("event %v", e.Kind)]++
		if e.Reason != matching.NoReason {
			s[fmt.Sprintf("%v for %v", e.Kind, e.Reason)]++
		}
		if e.Kind == matching.Triggered && i > 0 {
			rounds++
		}
	}
	last := events[len(events)-1].Kind
	if c.Op == matching.NewOrder && last != matching.Rejected {
		s[fmt.Sprintf("new %v %v", c.Type, c.TIF)]++
		s[fmt.Sprintf("new %v, display %t", c.Type, c.Display > 0)]++
		s[fmt.Sprintf("new with %v", c.Prevention)]++
	}
	if rounds >= 3 {
		s["three stops after one command"]++
	}
}

// A property that no generated command touches holds by itself.
func TestGeneratedCommandsReachEverything(t *testing.T) {
	t.Parallel()
	found := seen{}
	for seed := uint64(1); seed <= 100; seed++ {
		ref := newReference(configOf(seed), specs()...)
		for _, c := range generate(seed, streamLength) {
			found.command(&c, ref.apply(&c))
		}
	}
	for _, what := range everything() {
		assert.GreaterOrEqual(t, found[what], 5, what)
	}
}

// everything names what generated streams have to lead to.
func everything() []string {
	list := []string{"three stops after one command"}
	add := func(format string, values ...any) { list = append(list, fmt.Sprintf(format, values...)) }
	for kind := matching.Trade; kind <= matching.Ticked; kind++ {
		add("event %v", kind)
	}
	for why := matching.UnknownOp; why <= matching.NoLiquidity; why++ {
		add("REJECTED for %v", why)
	}
	for why := matching.User; why <= matching.MassCancel; why++ {
		add("CANCELLED for %v", why)
	}
	for _, why := range []matching.Reason{matching.FOKUnfillable, matching.PostOnlyWouldCross, matching.NoLiquidity} {
		add("CANCELLED for %v", why)
	}
	for kind := matching.Limit; kind <= matching.StopLimit; kind++ {
		for tif := matching.GTC; tif <= matching.GTD; tif++ {
			if goesWith(kind, tif) {
				add("new %v %v", kind, tif)
			}
		}
	}
	for mode := matching.Allow; mode <= matching.Decrement; mode++ {
		add("new with %v", mode)
	}
	add("new %v, display true", matching.Limit)
	add("new %v, display true", matching.StopLimit)
	return list
}
