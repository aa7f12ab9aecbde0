package through

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/pace"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// system is a Spine that runs, with books that are filled, and the orders for it.
type system struct {
	*load.Spine
	backend *spine.Memory
	orders  *orders
	meter   *meter
	closers []func() error
}

// orders wraps traffic into payloads.
type orders struct {
	*traffic
	payload func(desk.Command) actors.Payload
}

func (o *orders) at(uint64) actors.Payload { return o.payload(o.next()) }

// patience bounds every wait for a system that should be done by then.
const patience = time.Minute

var errStuck = fmt.Errorf("the orders were not done within %s", patience)

// open starts the system of a kind and fills its books.
func open(ctx context.Context, k Kind, t *texts, c Config) (s *system, err error) {
	s = &system{backend: spine.NewMemory(), orders: &orders{traffic: newTraffic(t, c.Seed)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	opts, err := s.options(k, c)
	if err != nil {
		return s, err
	}
	w := load.NewWindow(inFlight, batch)
	s.meter = &meter{window: w, symbol: t.symbol, seen: make([]int, len(t.symbols)), latency: latency.New()}
	opts = append(opts, spine.WithHooks(spine.Hooks{Settled: s.meter.settled}))
	if s.Spine, err = load.StartSpine(w, s.backend, s.orders.at, opts...); err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.Close)
	return s, s.run(ctx, s.orders.fillers())
}

// run feeds n orders in a closed loop and waits until nothing is left to do.
func (s *system) run(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	if err := s.Feed(ctx, n); err != nil {
		return err
	}
	return s.WaitIdle(ctx)
}

// options are the organs of a kind, and what they need.
func (s *system) options(k Kind, c Config) ([]spine.Option, error) {
	client, err := s.clear()
	if err != nil {
		return nil, err
	}
	var matcher actors.Definition
	find := func(o actors.Definition) actors.Definition {
		if o.Name() == desk.MatchingEngine {
			matcher = o
		}
		return o
	}
	d, err := desk.New(desk.Config{Symbols: s.orders.specs, Clearing: client, Wrap: find})
	if err != nil {
		return nil, err
	}
	all := d.Options()
	if k == Organ {
		s.orders.payload = func(c desk.Command) actors.Payload { return desk.OrderValidated(c) }
		own := supervision.Policies{Organs: map[string]supervision.Policy{
			desk.MatchingEngine: c.Policies.For(desk.MatchingEngine),
		}}
		return []spine.Option{spine.WithOrgan(matcher), spine.WithPolicies(own)}, nil
	}
	s.orders.payload = func(c desk.Command) actors.Payload { return desk.OrderSubmitted(c) }
	return append(all, spine.WithPolicies(c.Policies)), nil
}

// clear opens a clearing house that settles everything at once, and a client of it.
func (s *system) clear() (*clearing.Client, error) {
	house, err := clearing.Open(clearing.HouseConfig{})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() error { house.Close(); return nil })
	client, err := clearing.NewClient(house.URL(), desk.DefaultSettlementWorkers)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() error { client.Close(); return nil })
	return client, nil
}

// check asks the books what they came to.
func (s *system) check(ctx context.Context) error {
	if n := s.meter.failed.Load(); n > 0 {
		return fmt.Errorf("%d orders failed, or had another number of results than one", n)
	}
	for k, symbol := range s.orders.symbols {
		got, err := spine.Ask[desk.BookState](ctx, s, desk.MatchingEngine, symbol, desk.BookStateOf{})
		if err != nil {
			return err
		}
		want := s.orders.streams[k].Totals()
		if int64(got.Trades) != want.Trades || got.Live != want.Resting {
			return fmt.Errorf("the book of %s came to %d trades and %d orders resting, want %d and %d",
				symbol, got.Trades, got.Live, want.Trades, want.Resting)
		}
	}
	return nil
}

// close ends everything, the latest first.
func (s *system) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// meter sees the results of MatchingEngine. The organ takes the orders of a symbol in turn, and symbols come in
// turn, so which order a result is of follows from how many of its symbol there were.
type meter struct {
	window  *load.Window // of the closed loop
	symbol  func(name string) int
	seen    []int // by symbol; on the Spine's goroutine
	latency latency.Histogram
	failed  atomic.Int64
	done    atomic.Int64 // orders of the open loop
	open    atomic.Pointer[openLoop]
}

// openLoop says which orders came when. It is set before the first of them.
type openLoop struct {
	plan  pace.Plan
	first int // number of the order that is start 0
}

func (m *meter) settled(r spine.Result) {
	if r.Organ != desk.MatchingEngine {
		return
	}
	if r.Letter != nil {
		m.failed.Add(1)
	}
	k := m.symbol(r.Event.Key())
	number := m.seen[k]*len(m.seen) + k
	m.seen[k]++
	o := m.open.Load()
	if o == nil {
		m.window.Done()
		return
	}
	start := number - o.first
	if start < 0 || start >= o.plan.N {
		m.failed.Add(1)
		return
	}
	m.latency.Add(time.Since(o.plan.At(start)))
	m.done.Add(1)
}
