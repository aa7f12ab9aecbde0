package redisstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// plant is an application on a server that faults are done to: orders go to accounts, which have state and send receipts, of
// which there are totals, which have state too; and to a clerk, who has none and makes notes, which are
// counted. So each of an organ's effects, done twice or not at all or in another order, shows at the end.
type plant struct {
	*testing.T
	server   *redistest.Server
	ns       string
	opts     []Option
	accepted map[string][]int // by account
	n        int
}

type order struct {
	Account string `json:"account"`
	N       int    `json:"n"`
}

func (order) EventType() string  { return "ORDER" }
func (o order) EventKey() string { return o.Account }

type receipt struct {
	Account string `json:"account"`
	N       int    `json:"n"`
}

func (receipt) EventType() string  { return "RECEIPT" }
func (r receipt) EventKey() string { return r.Account }

type memoed struct {
	N int `json:"n"`
}

func (memoed) EventType() string { return "MEMOED" }
func (memoed) EventKey() string  { return "all" }

// seen is the state of all cells here: the numbers that came, in their order.
type seen struct {
	N []int `json:"n"`
}

type which struct{}

const accounts = 8

func newPlant(t *testing.T, server *redistest.Server, opts ...Option) *plant {
	ns := redistest.Namespace(t)
	return &plant{T: t, server: server, ns: ns, accepted: map[string][]int{}, opts: append([]Option{
		WithNamespace(ns), WithShards(4), WithLease(2 * time.Second), WithTimeouts(time.Second, time.Second), WithRelaxedDurability(),
		WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}, opts...)}
}

func (p *plant) organs() []spine.Option {
	answer := actors.Answer(func(s *seen, _ which) ([]int, error) { return s.N, nil })
	fresh := func(string) *seen { return &seen{} }
	return []spine.Option{
		spine.WithOrgan(actors.NewKeyed("accounts", fresh, answer, actors.Step(func(s *seen, ev actors.EventOf[order]) ([]actors.Payload, error) {
			s.N = append(s.N, ev.Payload.N)
			return actors.Emit(receipt{ev.Payload.Account, ev.Payload.N}), nil
		}))),
		spine.WithOrgan(actors.NewKeyed("totals", fresh, answer, actors.Step(func(s *seen, ev actors.EventOf[receipt]) ([]actors.Payload, error) {
			s.N = append(s.N, ev.Payload.N)
			return nil, nil
		}))),
		spine.WithOrgan(actors.NewOrgan("clerk", actors.On(func(_ context.Context, ev actors.EventOf[order]) ([]actors.Payload, error) {
			return actors.Emit(memoed{ev.Payload.N}), nil
		})), spine.Workers(2)),
		spine.WithOrgan(actors.NewKeyed("counts", fresh, answer, actors.Step(func(s *seen, ev actors.EventOf[memoed]) ([]actors.Payload, error) {
			s.N = append(s.N, ev.Payload.N)
			return nil, nil
		}))),
	}
}

// worker is a Spine of the plant that runs.
type worker struct {
	*spine.Spine
	p       *plant
	backend *Backend
	stop    context.CancelFunc
	ended   chan struct{}
	err     error // of Run; to be read after ended
}

// work runs a Spine at an address until the test ends. It must end in good order unless the test has stopped it before.
func (p *plant) work(url string, organs []spine.Option, opts ...Option) *worker {
	p.Helper()
	b, err := New(url, append(slices.Clone(p.opts), opts...)...)
	require.NoError(p, err)
	started := make(chan struct{})
	s, err := spine.New(b, append(organs, spine.WithService("svc"), spine.WithLogger(slog.New(slog.DiscardHandler)),
		spine.WithHooks(spine.Hooks{Started: func() { close(started) }}))...)
	require.NoError(p, err)
	ctx, stop := context.WithCancel(context.Background())
	w := &worker{Spine: s, p: p, backend: b, stop: stop, ended: make(chan struct{})}
	go func() { // ends with stop, at the latest with the test
		defer close(w.ended)
		w.err = s.Run(ctx)
	}()
	p.Cleanup(func() {
		stop()
		<-w.ended
		_ = b.Close(p.soon())
	})
	select {
	case <-started:
	case <-w.ended:
		require.NoError(p, w.err)
	}
	return w
}

// halt stops the worker and gives its shards back.
func (w *worker) halt() {
	w.p.Helper()
	w.stop()
	<-w.ended
	require.NoError(w.p, w.err)
	require.NoError(w.p, w.backend.Close(w.p.soon()))
}

func (p *plant) soon() context.Context {
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	p.Cleanup(stop)
	return ctx
}

// orders publishes n orders, some at a time; all must be accepted.
func (w *worker) orders(n int) {
	w.p.Helper()
	const atOnce = 20
	for n > 0 {
		var ps []actors.Payload
		for range min(n, atOnce) {
			account := strconv.Itoa(w.p.n % accounts)
			ps = append(ps, order{account, w.p.n})
			w.p.accepted[account] = append(w.p.accepted[account], w.p.n)
			w.p.n++
		}
		_, err := w.Publish(w.p.soon(), ps...)
		require.NoError(w.p, err)
		n -= len(ps)
	}
}

// idle waits until nothing is left to be done. While the server is in trouble the question itself may have no answer.
func (w *worker) idle() {
	w.p.Helper()
	ctx := w.p.soon()
	err := w.WaitIdle(ctx)
	for err != nil && ctx.Err() == nil {
		err = w.WaitIdle(ctx)
	}
	require.NoError(w.p, err)
}

// check waits until everything is done, and requires that it was done once and in order, and that nothing is left.
func (w *worker) check() {
	p := w.p
	p.Helper()
	w.idle()
	total := 0
	for account, want := range p.accepted {
		total += len(want)
		for _, organ := range []string{"accounts", "totals"} {
			got, err := spine.Ask[[]int](p.soon(), w, organ, account, which{})
			require.NoError(p, err)
			require.Equalf(p, want, got, "%s of %s", organ, account)
		}
	}
	counted, err := spine.Ask[[]int](p.soon(), w, "counts", "all", which{})
	require.NoError(p, err)
	slices.Sort(counted)
	want := make([]int, total)
	for i := range want {
		want[i] = i
	}
	require.Equal(p, want, counted)
	p.clean(0)
}

// clean requires that the store holds nothing that is not finished, and so many dead letters.
func (p *plant) clean(letters int) {
	p.Helper()
	ctx, client, keys := p.soon(), p.server.Client(), keyring{p.ns}
	generation := client.HGet(ctx, keys.meta(), "generation").Val()
	for i := range 4 {
		k := keys.shardIn(generation, i)
		s := k.of("svc", []string{"accounts", "totals", "clerk", "counts"})
		pending, err := client.XPending(ctx, k.in, "svc").Result()
		require.NoError(p, err)
		assert.Zero(p, pending.Count, "pending in shard %d", i)
		for _, key := range append([]string{s.progress, s.suspects, k.delayed}, s.due...) {
			n, err := client.Exists(ctx, key).Result()
			require.NoError(p, err)
			assert.Zero(p, n, key)
		}
	}
	load, err := client.HMGet(ctx, keys.load(), "in", "a:svc").Result()
	require.NoError(p, err)
	assert.Equal(p, load[0], load[1], "accepted and acknowledged")
	n, err := client.XLen(ctx, keys.letters("svc")).Result()
	require.NoError(p, err)
	assert.EqualValues(p, letters, n, "dead letters")
}

// awaitEnd waits until Run has ended, and returns its error.
func (w *worker) awaitEnd() error {
	w.p.Helper()
	select {
	case <-w.ended:
		return w.err
	case <-w.p.soon().Done():
		require.FailNow(w.p, "it runs on")
		return errors.New("unreachable")
	}
}

// executed is how often the server has run a command.
func (p *plant) executed(command string) int {
	p.Helper()
	stats, err := p.server.Client().Info(p.soon(), "commandstats").Result()
	require.NoError(p, err)
	n := 0
	_, err = fmt.Sscanf(infoFacts(stats)["cmdstat_"+command], "calls=%d,", &n)
	if infoFacts(stats)["cmdstat_"+command] != "" {
		require.NoError(p, err)
	}
	return n
}
