package chaos_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/necrostack/necrostack/spine/redisstream"
)

var (
	nodes      = flag.Int("chaos.nodes", 0, "how many nodes of a cluster each round of the long run has; 0: half of the rounds have some, half have single nodes")
	minutes    = flag.Float64("chaos.minutes", 0, "how long the long run takes; 0 is not at all")
	seed       = flag.Uint64("chaos.seed", 1, "what rounds of the long run are chosen by")
	only       = flag.String("chaos.only", "", "the kinds of fault, by their names in the report and commas; none is all")
	reportPath = flag.String("chaos.report", "", "file that the report of the long run is written to as well")
	evidence   = flag.String("chaos.evidence", "", "folder that keeps what the store wrote in rounds of the long run with violations")
)

// roleVariable holds the orders of a process that is to be something else than the test.
const roleVariable = "NECROSTACK_CHAOS"

func TestMain(m *testing.M) {
	text, child := os.LookupEnv(roleVariable)
	if !child {
		os.Exit(conduct(m))
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// conduct runs the tests.
func conduct(m *testing.M) int {
	folder, err := os.MkdirTemp("", "chaos")
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }() // A folder that stays harms nobody.
	buildFolder = folder
	return m.Run()
}

// orders are what a process of a round is told.
type orders struct {
	Role      string // "node" or "publisher"
	Name      string
	URL       string
	Namespace string
	Shards    int
	Retain    bool // keep what is acknowledged
	InPlace   int  // of persistence.SnapshotPolicy
	Healed    bool
	Lease     time.Duration

	// Of a node of a cluster.
	Cluster bool
	Program int    // 2 has an organ more than 1
	Label   string // tells apart those of one name
	Journal string // file, of what it was told and what it has worked on
	Holding string // file, of what it takes for its own

	// Of a publisher.
	Notes  string // file
	Number uint64 // of the publisher
	Rate   int    // events per second
	Seed   uint64 // of a node of a cluster, too
}

const (
	service      = "desk"
	soloLease    = 600 * time.Millisecond
	clusterLease = 2 * time.Second
	capacity     = 1500 // small, so that what is to be drained after the faults is little
	answerIn     = 400 * time.Millisecond
)

// serve is the main function of a child process.
func serve(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	// It ends with the process: the conductor holds the other end, and is no more.
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(2)
	}()
	b, err := o.open()
	if err != nil {
		return err
	}
	if o.Role == "publisher" {
		return publish(ctx, b, o)
	}
	if o.Cluster {
		return join(ctx, b, o)
	}
	return work(ctx, b, o)
}

func (o orders) open() (*redisstream.Backend, error) {
	opts := []redisstream.Option{
		redisstream.WithNamespace(o.Namespace), redisstream.WithShards(o.Shards), redisstream.WithNode(o.Name),
		redisstream.WithLease(o.Lease), redisstream.WithCapacity(capacity), redisstream.WithTimeouts(answerIn, answerIn),
		redisstream.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	}
	if o.Retain {
		opts = append(opts, redisstream.WithRetain(redisstream.RetainForever))
	}
	return redisstream.New(o.URL, opts...)
}

// closeIn bounds the end of a process in good order.
const closeIn = 5 * time.Second

func closeBackend(b *redisstream.Backend) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeIn)
	defer cancel()
	return b.Close(ctx)
}
