package desk_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

var (
	clusterSeeds  = flag.Int("cluster.seeds", 1, "how many clusters are disturbed, each in its own way")
	clusterSeed   = flag.Uint64("cluster.seed", 1, "the first of them")
	clusterOrders = flag.Int("cluster.orders", 4000, "orders that go through each")
	clusterTimes  = flag.Int("cluster.times", 4, "how often a node of it is killed, stopped for a while, or told to leave")
)

// serveNode is a node until it is told to leave.
func serveNode(name string, backend *redisstream.Backend, of []spine.Option) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	node, err := cluster.Join(backend, of, cluster.WithName(name))
	if err != nil {
		return err
	}
	go func() { // ends soon, or with the process
		for node.Phase() != cluster.Serving {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("published", serving)
	}()
	if err := node.Run(ctx); err != nil {
		return err
	}
	return backend.Close(context.Background())
}

// fleet is a cluster of processes.
type fleet struct {
	t      *testing.T
	job    job
	random *rand.Rand
	nodes  []*worker
	born   int
}

const fleetNodes = 3

// serving is what a node says when it is one, in the words of workers.
const serving = 0

// start starts a node and waits until it is one.
func (f *fleet) start() *worker {
	f.born++
	j := f.job
	j.Node = fmt.Sprint("node", f.born)
	w := startWorker(f.t, j)
	_, ok := <-w.published
	require.True(f.t, ok, "it did not come up")
	assert.Empty(f.t, listening(f.t, w.command.Process.Pid), "a node listens on no port")
	return w
}

// disturb does something bad to a node, and has another one take its place where it ends.
func (f *fleet) disturb() string {
	i := f.random.IntN(len(f.nodes))
	process := f.nodes[i].command.Process
	switch f.random.IntN(3) {
	case 0:
		require.NoError(f.t, process.Kill())
		require.Error(f.t, f.nodes[i].command.Wait())
		f.nodes[i] = f.start()
		return "killed"
	case 1:
		require.NoError(f.t, process.Signal(syscall.SIGTERM))
		require.NoError(f.t, f.nodes[i].command.Wait(), "it leaves in order")
		f.nodes[i] = f.start()
		return "left"
	default:
		require.NoError(f.t, process.Signal(syscall.SIGSTOP))
		time.Sleep(2 * killedLease) // the length of the pause is the test: longer than a lease
		require.NoError(f.t, process.Signal(syscall.SIGCONT))
		return "paused"
	}
}

func (f *fleet) end() {
	for _, w := range f.nodes {
		require.NoError(f.t, w.command.Process.Signal(syscall.SIGTERM))
	}
	for _, w := range f.nodes {
		require.NoError(f.t, w.command.Wait(), "it leaves in order")
	}
}

// onlooker is a node that serves nothing, and asks the others.
func (f *fleet) onlooker(c desk.Config) map[string]finding {
	d, err := desk.New(c)
	require.NoError(f.t, err)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	backend, err := redisstream.New(f.job.Redis, redisstream.WithNamespace(f.job.Namespace), redisstream.WithLease(killedLease),
		redisstream.WithDedup(time.Hour), redisstream.WithLogger(quiet))
	require.NoError(f.t, err)
	node, err := cluster.Join(backend, append(killedOptions(d), spine.WithLogger(quiet)), cluster.WithName("onlooker"), cluster.WithWeight(0), cluster.WithLogger(quiet))
	require.NoError(f.t, err)
	ctx, stop := context.WithCancel(f.t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }() // ends with ctx
	require.Eventually(f.t, func() bool { return node.Phase() == cluster.Serving }, 10*time.Second, 5*time.Millisecond)
	assert.Empty(f.t, backend.Owned())
	found, err := findings(ctx, node.Spine(), c)
	require.NoError(f.t, err)
	stop()
	require.NoError(f.t, <-ended)
	require.NoError(f.t, backend.Close(context.Background()))
	return found
}

// publishAll publishes the commands a few at a time, so that they are on their way for as long as there are disturbances.
func publishAll(t *testing.T, j job, commands []actors.Payload, pause func(done int)) {
	backend, err := redisstream.New(j.Redis, redisstream.WithNamespace(j.Namespace), redisstream.WithLease(killedLease), redisstream.WithDedup(time.Hour))
	require.NoError(t, err)
	s, err := spine.New(backend, spine.WithService(killedService))
	require.NoError(t, err)
	for from := 0; from < len(commands); from += killedChunk {
		_, err := s.Publish(t.Context(), commands[from:min(from+killedChunk, len(commands))]...)
		require.NoError(t, err)
		pause(from + killedChunk)
	}
	require.NoError(t, backend.Close(context.Background()))
}

// TestClusteredDeskTradesAsIfNothingHadHappened has three nodes trade, of which one after the other is killed, stopped for
// longer than its lease, or told to leave, while orders go through. Books, trades and audit chains are those of one
// undisturbed node in the end, and each trade is settled once.
func TestClusteredDeskTradesAsIfNothingHadHappened(t *testing.T) {
	t.Parallel()
	orders := *clusterOrders / killedSymbols * killedSymbols
	wantFound, wantSettled := undisturbed(t, orders)
	for seed := *clusterSeed; seed < *clusterSeed+uint64(*clusterSeeds); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			server := redistest.Start(t, redistest.AOF("always"))
			house, settled := openHouse(t)
			client, err := clearing.NewClient(house.URL(), 1)
			require.NoError(t, err)
			defer client.Close()
			c, commands := killedDesk(orders, client)
			f := &fleet{
				t: t, random: rand.New(rand.NewPCG(seed, 5)),
				job: job{Redis: server.URL(), Namespace: "cluster", House: house.URL(), Orders: orders},
			}
			for range fleetNodes {
				f.nodes = append(f.nodes, f.start())
			}
			done := map[string]int{}
			every := max(orders / *clusterTimes, killedChunk)
			next := every / 2
			publishAll(t, f.job, commands, func(published int) {
				if published >= next {
					next += every
					done[f.disturb()]++
				}
			})
			require.Eventually(t, func() bool {
				in, finished := load(t, server, f.job.Namespace)
				return in == finished
			}, 5*time.Minute, 10*time.Millisecond)
			found := f.onlooker(c)
			f.end()
			assert.Equal(t, wantFound, found)
			assert.Equal(t, wantSettled, settled.all())
			assert.Empty(t, settled.twice, "a trade was settled twice")
			t.Logf("%d orders, %d trades, nodes %v, %d settlements asked for again", orders, len(wantSettled), done, house.Tally().Repeated)
		})
	}
}
