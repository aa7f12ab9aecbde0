package redisstream

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

var (
	historyRounds = flag.Int("redis.histories", 3, "how many rounds each test of histories has")
	historySeed   = flag.Uint64("redis.histories.seed", 1, "of the faults of the first round; the next ones have the next")
)

// history is what clients asked of a store and what it answered, parted by what has nothing to do with each other. There must be
// an order of all requests of a part, each between its call and its return, in which a machine that does one after the other
// gives the same answers.
type history struct {
	mu    sync.Mutex
	now   int64
	parts map[string][]porcupine.Operation
}

func newHistory() *history { return &history{parts: map[string][]porcupine.Operation{}} }

// tick is the time: that of a call, before it is sent.
func (h *history) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	return h.now
}

// note adds a request that returns now. Without an answer it has not returned to the end: it may be done at any time, or never.
func (h *history) note(part string, client int, called int64, in, out any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	op := porcupine.Operation{ClientId: client, Call: called, Return: h.now, Input: in, Output: out}
	if out == nil {
		op.Return = math.MaxInt64
	}
	h.parts[part] = append(h.parts[part], op)
}

// checked is how many operations there are.
func (h *history) checked() int {
	_, all := h.operations()
	return all
}

// operations is how many there are of a part at most, and of all.
func (h *history) operations() (longest, all int) {
	for _, ops := range h.parts {
		longest, all = max(longest, len(ops)), all+len(ops)
	}
	return longest, all
}

// checkLimit is how long one part may take: one without a fault takes milliseconds.
const checkLimit = 20 * time.Second

// check requires that every part has such an order.
func (h *history) check(t *testing.T, model porcupine.Model) {
	t.Helper()
	for _, part := range slices.Sorted(maps.Keys(h.parts)) {
		if got := porcupine.CheckOperationsTimeout(model, h.parts[part], checkLimit); got != porcupine.Ok {
			require.FailNow(t, "no order explains the answers", "%s: %s\n%s", part, got, listed(model, h.parts[part]))
		}
	}
}

// listed shows operations for people.
func listed(model porcupine.Model, ops []porcupine.Operation) string {
	var lines strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&lines, "client %d, %d to %d: %s\n", op.ClientId, op.Call, op.Return, model.DescribeOperation(op.Input, op.Output))
	}
	return lines.String()
}

// TestHistoryOfLeasesAndCellsHasAnOrder has nodes work under bad weather, and take the shards from one another. At no time are two tokens
// of a shard accepted; and the cells have all that was published, once and in the order of the stream.
func TestHistoryOfLeasesAndCellsHasAnOrder(t *testing.T) {
	t.Parallel()
	eachRound(t, func(t *testing.T, seed uint64) int {
		f := newFleet(t, seed)
		f.sail()
		longestLease, leases := f.leases.operations()
		longestCell, cells := f.cells.operations()
		t.Logf("leases %d, of a shard up to %d; cells %d, of a key up to %d; takeovers %d; requests %v",
			leases, longestLease, cells, longestCell, f.takeovers(), f.weather.met)
		f.leases.check(t, machine(lease.do))
		f.cells.check(t, machine(keyed.do))
		return f.leases.checked() + f.cells.checked()
	})
}

// TestHistoryOfPublishedIDsHasAnOrder publishes events under ids that were chosen, from several nodes and again and again, through a bad
// network: one of them is accepted, and all others are told that it was.
func TestHistoryOfPublishedIDsHasAnOrder(t *testing.T) {
	t.Parallel()
	eachRound(t, func(t *testing.T, seed uint64) int {
		p := newPress(t, seed)
		p.run()
		longest, all := p.history.operations()
		t.Logf("%d, of an id up to %d; %d without an answer; requests %+v", all, longest, p.unknown.Load(), p.proxy.Counts())
		p.history.check(t, machine(known.do))
		return p.history.checked()
	})
}

// eachRound runs rounds, each with another seed, and tells what they come to.
func eachRound(t *testing.T, run func(t *testing.T, seed uint64) int) {
	var all atomic.Int64
	began := time.Now()
	t.Cleanup(func() {
		took := time.Since(began)
		t.Logf("%d operations in %v, %.0f a second", all.Load(), took.Round(time.Millisecond), float64(all.Load())/took.Seconds())
	})
	for i := range uint64(*historyRounds) {
		seed := *historySeed + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			all.Add(int64(run(t, seed)))
		})
	}
}
