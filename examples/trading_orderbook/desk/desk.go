package desk

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// The names of the organs, as policies and reports spell them.
const (
	ValidateOrder  = "ValidateOrder"
	MatchingEngine = "MatchingEngine"
	Settlement     = "Settlement"
	Positions      = "Positions"
	RiskManager    = "RiskManager"
	AuditTrail     = "AuditTrail"
)

// Organs lists the names of all organs, in the order in which a trade passes them.
func Organs() []string {
	return []string{ValidateOrder, MatchingEngine, Settlement, Positions, RiskManager, AuditTrail}
}

// Config is what a desk is made with.
type Config struct {
	// Symbols are what it trades. Names are 1 to 64 capitals, digits, points and hyphens.
	//
	// A desk that goes on with the cells of another one needs the same symbols and rules. Limits may
	// differ after a graceful stop: a crash has cells step through old events, which must do the same again.
	Symbols []matching.Spec
	// Clearing settles its trades.
	Clearing Clearing
	// Limits are those of every trader who is not in Traders.
	Limits  Limits
	Traders map[string]Limits
	// SettlementWorkers is how many requests may be out at a time. Default 4.
	SettlementWorkers int
	// RecentOrders is how many accepted orders of a symbol are remembered after they are gone, so
	// that one that is sent again is recognised: it is searched for among them, the newest first. Default 16,384, at most
	// 1,000,000; -1 is none.
	RecentOrders int
	// AmendTotal and IDsEver are those of matching.Config.
	AmendTotal, IDsEver bool
	// Wrap, when not nil, is given every organ and returns what takes its place: where faults are
	// injected and calls measured.
	Wrap func(actors.Definition) actors.Definition
}

// Defaults and bounds of Config.
const (
	DefaultSettlementWorkers = 4
	DefaultRecentOrders      = 16_384
	MaxRecentOrders          = 1_000_000
)

// Desk is a trading desk: organs, and how they are to be supervised. It holds no state; that is in the
// cells of the Spine that runs it. It is safe for concurrent use.
type Desk struct {
	config Config
	specs  map[string]matching.Spec
}

// New makes a desk. It reports all mistakes in c at once.
func New(c Config) (*Desk, error) {
	c.SettlementWorkers = cmp.Or(c.SettlementWorkers, DefaultSettlementWorkers)
	c.RecentOrders = cmp.Or(c.RecentOrders, DefaultRecentOrders)
	d := &Desk{config: c, specs: map[string]matching.Spec{}}
	engine, err := matching.New(d.rules().engine)
	errs := append(c.mistakes(), err)
	for _, spec := range c.Symbols {
		errs = append(errs, d.trade(engine, spec))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// mistakes are those that are not about a single symbol.
func (c *Config) mistakes() []error {
	var errs []error
	if n := c.SettlementWorkers; n < 1 {
		errs = append(errs, fmt.Errorf("desk: settlement workers %d, want at least 1", n))
	}
	if n := c.RecentOrders; n < -1 || n > MaxRecentOrders {
		errs = append(errs, fmt.Errorf("desk: recent orders %d not in 1..%d, nor -1 for none", n, MaxRecentOrders))
	}
	if c.Clearing == nil {
		errs = append(errs, errors.New("desk: there is no clearing"))
	}
	if len(c.Symbols) == 0 {
		errs = append(errs, errors.New("desk: there is no symbol"))
	}
	errs = append(errs, checkLimits("limits", c.Limits))
	for _, trader := range slices.Sorted(maps.Keys(c.Traders)) {
		errs = append(errs, checkLimits(fmt.Sprintf("limits of trader %q", trader), c.Traders[trader]))
	}
	return errs
}

// trade adds a symbol that the engine takes and whose sums stay far from the end of Money.
func (d *Desk) trade(engine *matching.Engine, spec matching.Spec) error {
	id, err := engine.AddSymbol(spec)
	if err != nil {
		return fmt.Errorf("desk: %w", err)
	}
	spec = engine.Spec(id)
	if keyOf(spec.Name) != spec.Name {
		return fmt.Errorf("desk: symbol %q: want 1 to %d capitals, digits, points and hyphens", clip(spec.Name), maxSymbol)
	}
	if over, units := bits.Mul64(uint64(spec.MaxQty), uint64(spec.Lot)); over > 0 || units > maxUnits {
		return fmt.Errorf("desk: symbol %q: an order of %d lots of %d is more than %d units", spec.Name, spec.MaxQty, spec.Lot, int64(maxUnits))
	}
	price := string(spec.AppendPrice(nil, spec.MaxPrice))
	amount, err := amountOf(price, spec.MaxQty*spec.Lot)
	if err != nil || largestTrade.Less(amount) {
		return fmt.Errorf("desk: symbol %q: an order of %d units at %s is worth more than %s", spec.Name, spec.MaxQty*spec.Lot, price, largestTrade)
	}
	d.specs[spec.Name] = spec
	return nil
}

// What one order may come to at the most: a million of the largest trades still add up. The limits of a
// default symbol, 10^9 units at 10^7, are far below.
const maxUnits = 1_000_000_000_000

var largestTrade, _ = ParseMoney("10000000000000000000") // 10^19

func checkLimits(what string, l Limits) error {
	if l.Position < 0 {
		return fmt.Errorf("desk: %s: position is %d, want 0 or more", what, l.Position)
	}
	return nil
}

func (d *Desk) limits(trader string) Limits {
	if own, ok := d.config.Traders[trader]; ok {
		return own
	}
	return d.config.Limits
}

// rules are what all books are made with.
func (d *Desk) rules() rules {
	return rules{
		engine: matching.Config{Named: true, L2: true, AmendTotal: d.config.AmendTotal, IDsEver: d.config.IDsEver},
		recent: max(d.config.RecentOrders, 0),
	}
}

// Symbols lists what the desk trades, sorted.
func (d *Desk) Symbols() []string { return slices.Sorted(maps.Keys(d.specs)) }

// Spec describes a symbol; ok is false for one that is not traded.
func (d *Desk) Spec(symbol string) (spec matching.Spec, ok bool) {
	spec, ok = d.specs[symbol]
	return spec, ok
}

// ForAll is one command for each symbol: a CANCEL_ALL or a TICK concerns one book at a time.
func (d *Desk) ForAll(c OrderSubmitted) []actors.Payload {
	var all []actors.Payload
	for _, c.Symbol = range d.Symbols() {
		all = append(all, c)
	}
	return all
}

// What one command may emit: a sweep makes two events for each maker, so this is one through some 50,000
// orders. A command that would emit more is a dead letter, and rejected as FAILED.
const (
	emissions     = 100_000
	emissionBytes = 64 << 20
)

// Options are the organs and Policies. A caller adds its own after them: policies of a file by
// spine.WithPolicies, which go over these organ by organ (see Policies), hooks, a logger.
func (d *Desk) Options() []spine.Option {
	wrap := d.config.Wrap
	if wrap == nil {
		wrap = func(o actors.Definition) actors.Definition { return o }
	}
	return []spine.Option{
		spine.WithOrgan(wrap(newValidate(d.specs)), spine.Ordered()),
		spine.WithOrgan(wrap(newMatching(d.specs, d.rules()))),
		spine.WithOrgan(wrap(newSettlement(d.config.Clearing)), spine.Workers(d.config.SettlementWorkers)),
		spine.WithOrgan(wrap(newPositions())),
		spine.WithOrgan(wrap(newRisk(d.limits))),
		spine.WithOrgan(wrap(newAuditTrail())),
		spine.WithPolicies(Policies()),
		spine.WithEmissions(emissions, emissionBytes),
	}
}

// Policies are the built-in policies, in a value of the caller's own: what a policy file says of an
// organ takes the place of the entry here.
func Policies() supervision.Policies {
	// Nothing on the way of an order may get lost, and no order may be overtaken: an organ that fails
	// is given the event again, for as long as a person needs to notice.
	firm := supervision.Policy{
		Retry:     supervision.Retry{Attempts: 3, Backoff: supervision.Exponential(50*time.Millisecond, 5*time.Second)},
		Exhausted: supervision.Nack, Timeout: 10 * time.Second, MaxDeliveries: 50,
	}
	// A clearing house that does not answer is left alone and asked once a second; trades wait, and
	// those that were probes are not worn out by it.
	patient := firm
	patient.Timeout = 5 * time.Second
	patient.MaxDeliveries = 10_000
	patient.Breaker = supervision.BreakerPolicy{Failures: 5, Open: time.Second}
	return supervision.Policies{Organs: map[string]supervision.Policy{
		ValidateOrder: firm, MatchingEngine: firm, Settlement: patient,
		Positions: firm, RiskManager: firm, AuditTrail: firm,
	}}
}
