package desk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/spine/spinetest"
)

var (
	killedOrders = flag.Int("killed.orders", 15000, "orders of the desk that is killed again and again")
	killedTimes  = flag.Int("killed.times", 2, "how often it is killed")
	killedWithin = flag.Duration("killed.within", 500*time.Millisecond, "how long it may work at the most, from its first result on, until it is killed")
)

// The desk that is killed is this test binary once more, which reads its job from the environment.
const jobEnv = "NECRO_DESK_JOB"

// job is what a process that will be killed is to do.
type job struct {
	Redis, Namespace, House string
	Orders                  int
	From                    int    // the first order to publish
	Last                    bool   // nobody will kill it: it tells what is found in the end
	Node                    string // it is a node of a cluster, and publishes nothing
}

const (
	killedSymbols = 4
	killedChunk   = 100
	killedLease   = 300 * time.Millisecond
	killedService = "desk"
)

// killedDesk is the desk of both runs, and all its commands under ids that are the same in every process.
func killedDesk(orders int, house desk.Clearing) (desk.Config, []actors.Payload) {
	c, commands := manySymbols(killedSymbols, orders/killedSymbols)
	c.Clearing = house
	return c, commands
}

// finding is what can be known of a symbol at the end.
type finding struct {
	Book     desk.BookState
	Depth    desk.Depth
	Matching desk.Link         // over the emissions of MatchingEngine, their ids included
	Types    map[string]uint64 // events that AuditTrail has had
}

func findings(ctx context.Context, s *spine.Spine, c desk.Config) (map[string]finding, error) {
	all := map[string]finding{}
	for _, spec := range c.Symbols {
		book, err := spine.Ask[desk.BookState](ctx, s, desk.MatchingEngine, spec.Name, desk.BookStateOf{Orders: true})
		if err != nil {
			return nil, err
		}
		depth, err := spine.Ask[desk.Depth](ctx, s, desk.MatchingEngine, spec.Name, desk.DepthOf{})
		if err != nil {
			return nil, err
		}
		audit, err := spine.Ask[desk.Audit](ctx, s, desk.AuditTrail, spec.Name, desk.AuditOf{})
		if err != nil {
			return nil, err
		}
		all[spec.Name] = finding{book, depth, audit.Matching, audit.Types}
	}
	return all, nil
}

// work does a job and tells of it, line by line: "published N" when the orders before N are in the store,
// and in the end what was found. It ends with the process that has begun it.
func work(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	slog.SetLogLoggerLevel(slog.LevelError)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	house, err := clearing.NewClient(j.House, 4)
	if err != nil {
		return err
	}
	c, commands := killedDesk(j.Orders, house)
	d, err := desk.New(c)
	if err != nil {
		return err
	}
	backend, err := redisstream.New(j.Redis, redisstream.WithNamespace(j.Namespace), redisstream.WithLease(killedLease),
		redisstream.WithDedup(time.Hour))
	if err != nil {
		return err
	}
	if j.Node != "" {
		return serveNode(j.Node, backend, killedOptions(d))
	}
	s, err := spine.New(backend, killedOptions(d)...)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for from := j.From; from < j.Orders; from += killedChunk {
		to := min(from+killedChunk, j.Orders)
		if _, err := s.Publish(ctx, commands[from:to]...); err != nil {
			return err
		}
		fmt.Println("published", to)
	}
	if !j.Last {
		select {} // until it is killed
	}
	for err = spine.ErrNotRunning; err == spine.ErrNotRunning; { // on its way up
		time.Sleep(time.Millisecond)
		err = s.WaitIdle(ctx)
	}
	if err != nil {
		return err
	}
	found, err := findings(ctx, s, c)
	if err != nil {
		return err
	}
	stop()
	if err := <-ended; err != nil {
		return err
	}
	if err := backend.Close(context.Background()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func killedOptions(d *desk.Desk) []spine.Option {
	return append(d.Options(), spine.WithService(killedService), spine.WithPolicies(hasty()), spine.WithMaxSteps(0))
}

// worker is a process at a job.
type worker struct {
	command   *exec.Cmd
	published chan int
	said      chan string // the last line
}

func startWorker(t *testing.T, j job) *worker {
	t.Helper()
	text, err := json.Marshal(j)
	require.NoError(t, err)
	w := &worker{command: exec.Command(os.Args[0]), published: make(chan int, j.Orders), said: make(chan string, 1)}
	w.command.Env = append(os.Environ(), jobEnv+"="+string(text))
	w.command.Stderr = os.Stderr
	_, err = w.command.StdinPipe() // closed with this process, and then the worker ends
	require.NoError(t, err)
	out, err := w.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, w.command.Start())
	go func() { // ends with the worker
		defer close(w.said)
		defer close(w.published)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			if n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "published ")); err == nil {
				w.published <- n
				continue
			}
			w.said <- lines.Text()
		}
	}()
	return w
}

// kill lets the worker work for a while and kills it. It returns up to where it is known to have published.
func (w *worker) kill(t *testing.T, after time.Duration, from int) int {
	t.Helper()
	published := from
	timer := time.NewTimer(after)
	<-timer.C // the moment of the kill is the test, whatever it meets
	require.NoError(t, w.command.Process.Kill())
	for n := range w.published {
		published = n
	}
	require.Error(t, w.command.Wait())
	return published
}

// finish waits for the end, and returns what was found.
func (w *worker) finish(t *testing.T) map[string]finding {
	t.Helper()
	for range w.published {
	}
	var found map[string]finding
	require.NoError(t, json.Unmarshal([]byte(<-w.said), &found))
	require.NoError(t, w.command.Wait())
	return found
}

// settlements are what a house has settled, by effect key.
type settlements struct {
	mu    sync.Mutex
	byKey map[string]clearing.Instruction
	twice []string
}

// openHouse opens a house that keeps what it settles. It forgets nothing, so none is settled a second time.
func openHouse(t *testing.T) (*clearing.House, *settlements) {
	t.Helper()
	s := &settlements{byKey: map[string]clearing.Instruction{}}
	house, err := clearing.Open(clearing.HouseConfig{Refuse: func(in clearing.Instruction) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, again := s.byKey[in.Key]; again {
			s.twice = append(s.twice, in.Key)
		}
		s.byKey[in.Key] = in
		return ""
	}})
	require.NoError(t, err)
	t.Cleanup(house.Close)
	return house, s
}

func (s *settlements) all() map[string]clearing.Instruction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey
}

// undisturbed runs all commands in memory.
func undisturbed(t *testing.T, orders int) (map[string]finding, map[string]clearing.Instruction) {
	t.Helper()
	house, settled := openHouse(t)
	client, err := clearing.NewClient(house.URL(), 4)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	c, commands := killedDesk(orders, client)
	running := spinetest.Start(t, spine.NewMemory(), append(newDesk(t, c).Options(), spine.WithService(killedService), spine.WithMaxSteps(0))...)
	running.Publish(commands...)
	running.Idle()
	found, err := findings(t.Context(), running.Spine, c)
	require.NoError(t, err)
	return found, settled.all()
}

// TestKilledDeskTradesAsIfNothingHadHappened kills the process that trades, again and again, while orders go
// through. What it has published and nobody knows of is published again under the same ids.
func TestKilledDeskTradesAsIfNothingHadHappened(t *testing.T) {
	t.Parallel()
	orders := *killedOrders / killedSymbols * killedSymbols
	wantFound, wantSettled := undisturbed(t, orders)
	server := redistest.Start(t, redistest.AOF("always"))
	house, settled := openHouse(t)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	j := job{Redis: server.URL(), Namespace: "killed", House: house.URL(), Orders: orders}
	interrupted := 0
	for range *killedTimes {
		after := time.Duration(random.Int64N(int64(*killedWithin)))
		_, before := load(t, server, j.Namespace)
		w := startWorker(t, j)
		require.Eventually(t, func() bool {
			_, finished := load(t, server, j.Namespace)
			return finished > before // an event that is in hand whenever the process dies is held for the cause
		}, time.Minute, 5*time.Millisecond)
		j.From = w.kill(t, after, j.From)
		in, finished := load(t, server, j.Namespace)
		left := in - finished
		t.Logf("killed after %s: %d of %d orders published, %d events unfinished", after.Round(time.Millisecond), j.From, orders, left)
		if left > 0 {
			interrupted++
		}
	}
	assert.Positive(t, interrupted, "no kill met any work")
	j.Last = true
	found := startWorker(t, j).finish(t)
	assert.Equal(t, wantFound, found)
	assert.Equal(t, wantSettled, settled.all())
	assert.Empty(t, settled.twice, "a trade was settled twice")
	in, finished := load(t, server, j.Namespace)
	assert.Equal(t, in, finished)
	t.Logf("%d orders, %d trades, %d settlements asked for again", orders, len(wantSettled), house.Tally().Repeated)
}

// load is how many events there have been, and how many of them the desk has finished.
func load(t *testing.T, server *redistest.Server, namespace string) (in, finished int) {
	t.Helper()
	load, err := server.Client().HGetAll(t.Context(), namespace+":load").Result()
	require.NoError(t, err)
	in, _ = strconv.Atoi(load["in"])
	finished, _ = strconv.Atoi(load["a:"+killedService])
	return in, finished
}
