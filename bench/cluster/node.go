package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// ServeIfNode is the first thing that a program calls which runs benchmarks of clusters: the node processes are that program, too.
// In one of those it does not return.
func ServeIfNode() {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, "bench node:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// node is a node process.
type node struct {
	orders  orders
	backend *redisstream.Backend
	member  *cluster.Node

	acked, done atomic.Int64
	first, last []atomic.Int64 // of each shard, in ns since 1970: other processes compare them with theirs

	mu  sync.Mutex
	out *json.Encoder
}

func serve(text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	n := &node{out: json.NewEncoder(os.Stdout)}
	if err := json.Unmarshal([]byte(text), &n.orders); err != nil {
		return err
	}
	if err := n.open(); err != nil {
		return err
	}
	go n.listen(os.Stdin) // ends with the process
	tell, told := make(chan struct{}), make(chan struct{})
	go func() { // ends with tell
		defer close(told)
		n.tell(tell)
	}()
	err := n.member.Run(ctx)
	close(tell)
	<-told
	n.say(said{Left: n.status()})
	closing, cancel := context.WithTimeout(context.Background(), closeIn)
	defer cancel()
	return errors.Join(err, n.backend.Close(closing))
}

// closeIn bounds the end of a node in good order.
const closeIn = 5 * time.Second

func (n *node) open() (err error) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if n.backend, err = openBackend(n.orders); err != nil {
		return err
	}
	shards := n.orders.Shards
	n.first, n.last = make([]atomic.Int64, shards), make([]atomic.Int64, shards)
	of := []spine.Option{
		spine.WithService(load.RelayService), spine.WithLogger(quiet), spine.WithHooks(spine.Hooks{Settled: n.settled}),
	}
	for _, organ := range n.orders.Relay.Organs() {
		of = append(of, spine.WithOrgan(organ))
	}
	n.member, err = cluster.Join(n.backend, of, cluster.WithName(n.orders.Name), cluster.WithLogger(quiet))
	return err
}

// openBackend opens a handle with default settings.
func openBackend(o orders) (*redisstream.Backend, error) {
	return redisstream.New("redis://"+o.Addr, redisstream.WithShards(o.Shards), redisstream.WithLease(o.Lease), redisstream.WithNode(o.Name),
		redisstream.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
}

func (n *node) settled(r spine.Result) {
	if !r.Acked {
		return
	}
	n.acked.Add(1)
	if n.orders.Relay.Last(r.Event) {
		n.done.Add(1)
	}
	s, now := r.Event.Shard(n.orders.Shards), time.Now().UnixNano()
	n.first[s].CompareAndSwap(0, now)
	n.last[s].Store(now)
}

// tellEvery is often enough that a window of starts does not wait for the news.
const tellEvery = 2 * time.Millisecond

// tell says how many starts are done.
func (n *node) tell(until <-chan struct{}) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-until:
			over = true
		}
		if done := n.done.Swap(0); done > 0 {
			n.say(said{Done: done})
		}
	}
}

func (n *node) say(x said) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.out.Encode(x) // nobody listens any more: listen hears of that
}

// listen serves requests until there is nobody who could have more. Whoever has started the process holds the other end.
func (n *node) listen(in io.Reader) {
	for requests := json.NewDecoder(in); ; {
		var q request
		if err := requests.Decode(&q); err != nil {
			os.Exit(orphan)
		}
		switch q.Do {
		case doMark:
			for i := range n.first {
				n.first[i].Store(0)
			}
			n.say(said{Status: n.status()})
		case doStatus:
			n.say(said{Status: n.status()})
		case doAsk:
			n.say(n.ask(q))
		default:
			n.say(said{Error: fmt.Sprintf("unknown request %q", q.Do)})
		}
	}
}

// orphan is how a node ends whose parent has.
const orphan = 3

func (n *node) status() *Status {
	now := n.member.Status()
	x := &Status{
		Serving: now.Phase == cluster.Serving, Settled: slices.Equal(now.Owned, now.Plan.Of(now.ID)), Owned: []int{},
		CPU: measure.CPU(), Acked: n.acked.Load(), First: timesOf(n.first), Last: timesOf(n.last),
	}
	for _, s := range now.Owned {
		x.Owned = append(x.Owned, int(s))
	}
	owners := map[string]bool{}
	for _, id := range now.Plan {
		owners[id] = true
	}
	delete(owners, "")
	x.Members = len(owners)
	return x
}

// timesOf has the zero time for what has not been.
func timesOf(ns []atomic.Int64) []time.Time {
	all := make([]time.Time, len(ns))
	for i := range ns {
		if at := ns[i].Load(); at != 0 {
			all[i] = time.Unix(0, at).UTC()
		}
	}
	return all
}

// ask asks one question after the other.
func (n *node) ask(q request) said {
	if len(q.Keys) == 0 {
		return said{Error: "ask: no keys"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.For+closeIn)
	defer cancel()
	seen, asked := latency.New(), Asked{}
	for i, end := 0, time.Now().Add(q.For); time.Now().Before(end); i++ {
		began := time.Now()
		_, err := spine.Ask[uint64](ctx, n.member.Spine(), load.RelayOrgan(0), q.Keys[i%len(q.Keys)], load.HowMany{})
		if err != nil {
			asked.Errors++
			continue
		}
		seen.Add(time.Since(began))
	}
	asked.Quantiles = seen.Quantiles()
	return said{Asked: &asked}
}
