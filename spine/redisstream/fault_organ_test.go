package redisstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// Its attempt is over at the deadline. What it comes back with concerns nobody.
func TestAHandlerThatIgnoresItsContextIsTriedAgainAndItsLateResultIsIgnored(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t))
	back, gone := make(chan struct{}), make(chan struct{})
	var attempts atomic.Int32
	var order atomic.Value
	order.Store([]int(nil))
	slow := actors.NewOrgan("slow", actors.On(func(_ context.Context, ev actors.EventOf[receipt]) ([]actors.Payload, error) {
		if ev.Payload.N == 0 && attempts.Add(1) == 1 {
			defer close(gone)
			<-back
			return actors.Emit(memoed{-1}), nil
		}
		order.Store(append(order.Load().([]int), ev.Payload.N))
		return actors.Emit(memoed{ev.Payload.N}), nil
	}))
	policy := supervision.Policy{Timeout: 50 * time.Millisecond, Exhausted: supervision.Store,
		Retry: supervision.Retry{Attempts: 3, Backoff: supervision.Backoff{Base: time.Millisecond, Max: time.Millisecond, Factor: 1}}}
	organs := p.organs()
	w := p.work(p.server.URL(), []spine.Option{organs[3], spine.WithOrgan(slow, spine.Ordered(), spine.WithOrganPolicy(policy))})
	for n := range 3 {
		_, err := w.Publish(p.soon(), receipt{"1", n})
		require.NoError(t, err)
	}
	w.idle()
	close(back)
	<-gone
	w.idle()
	counted, err := spine.Ask[[]int](p.soon(), w, "counts", "all", which{})
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 2}, counted)
	assert.Equal(t, []int{0, 1, 2}, order.Load())
	assert.EqualValues(t, 2, attempts.Load())
	p.clean(0)
}

// Ten thousand keys go on while one waits for its retry, with all that comes behind it.
func TestAKeyThatWaitsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	const keys, behind = 10_000, 50
	p := newPlant(t, redistest.SharedServer(t))
	var mu sync.Mutex
	var broken atomic.Bool
	broken.Store(true)
	handled, parked := map[string]int{}, []int{}
	organ := actors.NewOrgan("sum", actors.Sink(func(_ context.Context, ev actors.EventOf[receipt]) error {
		if ev.Key() == "parked" && broken.Load() {
			return errors.New("not now")
		}
		mu.Lock()
		defer mu.Unlock()
		handled[ev.Key()]++
		if ev.Key() == "parked" {
			parked = append(parked, ev.Payload.N)
		}
		return nil
	}))
	policy := supervision.Policy{Exhausted: supervision.Nack, MaxDeliveries: 1000,
		Retry: supervision.Retry{Attempts: 2, Backoff: supervision.Backoff{Base: 300 * time.Millisecond, Max: 300 * time.Millisecond, Factor: 1}}}
	w := p.work(p.server.URL(), []spine.Option{spine.WithOrgan(organ, spine.Ordered(), spine.Workers(4), spine.WithOrganPolicy(policy)), spine.WithInFlight(500, 64<<20)})
	var all []actors.Payload
	for i := range keys {
		if i%(keys/behind) == 0 {
			all = append(all, receipt{"parked", i})
		}
		all = append(all, receipt{fmt.Sprint("key-", i), i})
	}
	_, err := w.Publish(p.soon(), all...)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(handled) == keys
	}, 60*time.Second, 5*time.Millisecond)
	broken.Store(false)
	w.idle()
	require.Len(t, parked, behind)
	for i, n := range parked {
		assert.Equal(t, i*(keys/behind), n)
	}
	for key, n := range handled {
		if key != "parked" {
			require.Equal(t, 1, n, key)
		}
	}
	p.clean(0)
}

// A call of ours that holds up the server does so for all. One that is slow by what it does is so in every round; a machine
// with other work is so now and then, for whatever runs just then.
func TestNoCallHoldsUpTheServer(t *testing.T) {
	t.Parallel()
	const longest, rounds = 10 * time.Millisecond, 4
	p := newPlant(t, redistest.Start(t))
	w := p.work(p.server.URL(), p.organs())
	w.orders(100)
	w.idle()
	always := map[string]int{} // call -> rounds in which it was slow
	for range rounds {
		p.server.SetSlowLog(longest)
		w.orders(3000) // each makes four events
		w.idle()
		slow := map[string]bool{}
		for _, x := range p.server.SlowLog() {
			slow[callName(x.Args)] = true
			t.Logf("%s: %.100q", x.Duration, x.Args)
		}
		for call := range slow {
			always[call]++
		}
		if len(slow) == 0 {
			break
		}
	}
	for call, n := range always {
		assert.Less(t, n, rounds, call)
	}
	w.check()
}

// callName is the command of a call, or its script.
func callName(words []string) string {
	for _, s := range allScripts {
		if len(words) > 1 && words[1] == s.sha {
			return s.name
		}
	}
	return words[0]
}
