package spine_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// bubble runs f under fake time, beside other tests.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The engine's throttle of its dead letter log ends a second after the last one.
		t.Cleanup(func() { time.Sleep(2 * time.Second) })
		f(t)
	})
}

// gaveUp is what OnFailed emits in these tests.
type gaveUp struct {
	Organ   string
	Reason  string
	Attempt int
}

func (gaveUp) EventType() string { return "GAVE_UP" }

func gaveUpOn(f actors.Failure) []actors.Payload {
	return actors.Emit(gaveUp{f.Organ, f.Kind.String(), f.Attempt})
}

// steady is a policy without jitter: three attempts, one and two seconds apart, redelivery
// after ten.
func steady(s supervision.Strategy) supervision.Policy {
	return supervision.Policy{
		Retry: supervision.Retry{
			Attempts: 3, Backoff: supervision.Backoff{Base: time.Second, Factor: 2, Max: 10 * time.Second},
		},
		Exhausted: s, MaxDeliveries: 5, Timeout: 30 * time.Second,
	}
}

// once is a policy without retry.
func once(s supervision.Strategy) supervision.Policy {
	p := steady(s)
	p.Retry.Attempts = 1
	return p
}

// diary notes when something happened, since it was made.
type diary[T any] struct {
	mu    sync.Mutex
	start time.Time
	what  []T
	when  []time.Duration
}

func newDiary[T any]() *diary[T] { return &diary[T]{start: time.Now()} }

// add notes x and returns how many there are now.
func (d *diary[T]) add(x T) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.what, d.when = append(d.what, x), append(d.when, time.Since(d.start))
	return len(d.what)
}

func (d *diary[T]) entries() []T {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]T(nil), d.what...)
}

func (d *diary[T]) times() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Duration(nil), d.when...)
}

// sink is an organ that notes every event of P's type.
func sink[P actors.Payload](name string, d *diary[P]) actors.Organ {
	return actors.NewOrgan(name, actors.Sink(func(_ context.Context, ev actors.EventOf[P]) error {
		d.add(ev.Payload)
		return nil
	}))
}

// failing is an organ that fails with what f returns.
func failing(name string, f func(context.Context, int) error) actors.Organ {
	return actors.NewOrgan(name, actors.Sink(func(ctx context.Context, ev actors.EventOf[ping]) error {
		return f(ctx, ev.Payload.N)
	}))
}

// accounts is a keyed organ that adds up deposits and answers with the sum.
func accounts(name string, before func(deposit) error) *actors.Keyed[balance] {
	return actors.NewKeyed(name, func(string) *balance { return &balance{} },
		actors.Step(func(b *balance, ev actors.EventOf[deposit]) ([]actors.Payload, error) {
			b.Cents += ev.Payload.Cents
			return nil, before(ev.Payload)
		}),
		actors.Answer(func(b *balance, _ howMuch) (int, error) { return b.Cents, nil }))
}

type howMuch struct{}

func fine(deposit) error { return nil }

// quiet is a Spine whose log nobody reads.
func quiet(t testing.TB, b spine.Backend, opts ...spine.Option) *spine.Spine {
	t.Helper()
	s, err := spine.New(b, append([]spine.Option{spine.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	require.NoError(t, err)
	return s
}

// running runs s until the returned function is called, which gives what Run returned.
func running(t testing.TB, s *spine.Spine) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with stop
	return sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}

// eventOf reads an event of this type from its JSON form.
func eventOf(t testing.TB, typ, payload string) actors.Event {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"id": actors.NewID().String(), "timestamp": "2026-01-02T03:04:05Z", "event_type": typ, "payload": json.RawMessage(payload),
	})
	require.NoError(t, err)
	var ev actors.Event
	require.NoError(t, json.Unmarshal(data, &ev))
	return ev
}

func letters(t testing.TB, m *spine.Memory) []supervision.DeadLetter {
	t.Helper()
	page, err := m.Letters(context.Background(), supervision.Filter{}, "", 1000)
	require.NoError(t, err)
	return page.Letters
}

// repeat is n payloads made by f.
func repeat(n int, f func(i int) actors.Payload) []actors.Payload {
	ps := make([]actors.Payload, n)
	for i := range ps {
		ps[i] = f(i)
	}
	return ps
}

var errBad = errors.New("bad")

func noop[P actors.Payload](context.Context, actors.EventOf[P]) error { return nil }

func pingNoop(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) { return nil, nil }
