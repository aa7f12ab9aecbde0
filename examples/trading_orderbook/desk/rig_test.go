package desk_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(jobEnv); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, "desk at work:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The engine's throttle of its dead letter log ends a second after the last one.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func2.1"))
}

// bubble runs f under fake time, beside other tests.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(2 * time.Second) }) // see TestMain
		f(t)
	})
}

// rig is a desk that runs, and what it has settled.
type rig struct {
	*spinetest.Running
	t       *testing.T
	backend *spine.Memory

	mu      sync.Mutex
	results []spine.Result
	changed chan struct{}
}

// patience ends a test that hangs; nothing here takes long.
const patience = time.Minute

func start(t *testing.T, c desk.Config, more ...spine.Option) *rig {
	t.Helper()
	r := &rig{t: t, backend: spine.NewMemory(), changed: make(chan struct{})}
	hooks := spine.Hooks{Settled: func(x spine.Result) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.results = append(r.results, x)
		close(r.changed)
		r.changed = make(chan struct{})
	}}
	options := append(newDesk(t, c).Options(), spine.WithHooks(hooks))
	r.Running = spinetest.Start(t, r.backend, append(options, more...)...)
	return r
}

// settled are the events that organ has settled.
func (r *rig) settled(organ string) []spine.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(organ)
}

func (r *rig) of(organ string) []spine.Result {
	return slices.DeleteFunc(slices.Clone(r.results), func(x spine.Result) bool { return x.Organ != organ })
}

// await waits until organ has settled n events.
func (r *rig) await(organ string, n int) []spine.Result {
	r.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		r.mu.Lock()
		found, changed := r.of(organ), r.changed
		r.mu.Unlock()
		if len(found) >= n {
			return found
		}
		select {
		case <-changed:
		case <-late.C:
			r.t.Fatalf("waited %s for %d events of organ %s, have %d", patience, n, organ, len(found))
		}
	}
}

// emitted are the payloads of type P that organ has emitted.
func emitted[P actors.Payload](r *rig, organ string) []P {
	r.t.Helper()
	var found []P
	for _, x := range r.settled(organ) {
		for _, ev := range x.Emitted {
			var zero P
			if ev.Type() == zero.EventType() {
				p, err := actors.Decode[P](ev)
				require.NoError(r.t, err)
				found = append(found, p)
			}
		}
	}
	return found
}

func ask[R any](r *rig, organ, key string, query any) R {
	r.t.Helper()
	reply, err := spine.Ask[R](r.t.Context(), r.Spine, organ, key, query)
	require.NoError(r.t, err)
	return reply
}

// numbered are commands as events whose ids are the same in every run.
func numbered(commands []desk.OrderValidated) []actors.Payload {
	var all []actors.Payload
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range commands {
		var id actors.ID
		for i := range id {
			id[i] = byte(random.UintN(256))
		}
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		all = append(all, actors.With(desk.OrderSubmitted(c), id))
	}
	return all
}

// hasty are the built-in policies with waits short enough for real time.
func hasty() supervision.Policies {
	policies := desk.Policies()
	for name, p := range policies.Organs {
		p.Retry.Backoff = supervision.Backoff{Base: time.Millisecond, Factor: 2, Max: 10 * time.Millisecond}
		p.Breaker.Open = 10 * time.Millisecond
		policies.Organs[name] = p
	}
	return policies
}
