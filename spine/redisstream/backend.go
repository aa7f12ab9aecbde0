package redisstream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// Backend is the spine.Backend that keeps everything in one Redis. It is an Inspector, a persistence.Store and
// supervision.DeadLetters too, each for the service it serves. All methods are safe for concurrent use.
type Backend struct {
	settings settings
	keys     keyring
	shards   []*shard
	server   server
	rdb      *redis.Client // for the check of the server
	operator string        // '1' for who rewinds or removes a service
	owner    string        // see Owner
	closing  chan struct{} // closed by Close
	pulls    turnstile     // one pull talks to the server at a time
	commits  turnstile     // one Settle at a time
	contests turnstile     // two acquisitions of one node would take the shard from each other
	joinable int           // mostJoined
	lanes    publishLanes
	runs     runs
	asks     exchange
	group    sync.WaitGroup
	giving   sync.WaitGroup // leases that are given back

	mu         sync.Mutex
	closed     bool
	failed     error  // for good: the store is lost
	store      string // its id, once it is known
	runID      string // of the server
	service    spine.Service
	serving    bool
	routes     routes
	numbers    uint64 // entries so far
	handouts   uint64
	pulled     uint64     // pulls so far that have brought something
	pulling    int        // Pulls that wait
	handy      *puller    // the last of them that lets somebody else have what comes
	handedAt   time.Time  // when little was handed out that nobody has settled anything of yet
	behind     bool       // a pull is on its way behind a commit
	begun      uint64     // Pulls so far
	turn       int        // which shard is first in what goes round
	planTurn   int        // which is first in a pull: with a common step with turn, some shards would never be
	want       spine.Want // of the last Pull
	claims     []bool     // by shard: it is for this node; nil: all are
	staging    *stage     // the Settle that is under way
	deferred   deferredNumbers
	armed      armed
	changed    chan struct{} // closed when ownership changes, or something may be had
	keeper     keeper
	save       spine.SaveFunc // of the Spine that runs
	listener   listener
	peekedAt   time.Time // fetch's own
	stirred    time.Time // when this process last added something to a shard of its own
	troubled   time.Time // when the last log line about the server was written
	lastBucket int64
}

var (
	errClosed = spine.ErrClosed
	errLost   = fmt.Errorf("redisstream: the shard is not this node's any more: %w", spine.ErrMoved)
)

// New returns a handle on the store at address, redis://[user[:password]@]host[:port][/db], rediss://… with TLS, or
// unix://…. It does no I/O: the first use connects, and reports a server that is not fit. The error names
// all mistakes in the options.
func New(address string, opts ...Option) (*Backend, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	b := &Backend{
		joinable: mostJoined, owner: newOwner(s.node),
		settings: s, keys: keyring{s.namespace}, closing: make(chan struct{}), changed: make(chan struct{}),
		pulls: newTurnstile(), commits: newTurnstile(), contests: newTurnstile(),
	}
	b.settings.onConnect = b.connected
	b.keeper.wake = make(chan struct{}, 1)
	main, blocking, err := b.settings.connect(address)
	if err != nil {
		return nil, err
	}
	b.rdb, b.server = main, &redisServer{main, blocking}
	for i := range s.shards {
		b.shards = append(b.shards, newShard(b.keys, i))
	}
	b.lanes.init()
	b.asks.init()
	return b, nil
}

// Close implements spine.Backend. What this node owns is released, so that another may take it over at once. It waits for
// answers that are on their way, for as long as WithTimeouts lets one take.
func (b *Backend) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	close(b.closing)
	b.asks.cancel()
	b.broadcast()
	b.mu.Unlock()
	b.keeper.stop()
	b.release(ctx)
	b.giving.Wait() // each ends with the answer to what it has sent last
	b.server.close()
	b.group.Wait()
	return nil
}

// Durable implements spine.Durable.
func (b *Backend) Durable() bool { return true }

// usable reports why the handle cannot be used. The lock must be held.
func (b *Backend) usable() error {
	switch {
	case b.closed:
		return errClosed
	case b.failed != nil:
		return b.failed
	default:
		return nil
	}
}

// ready is usable for what needs a service. The lock must be held.
func (b *Backend) ready() error {
	if err := b.usable(); err != nil {
		return err
	}
	if !b.serving {
		return fmt.Errorf("%w: no Spine runs on this backend yet (Hooks.Started tells)", spine.ErrService)
	}
	return nil
}

// broadcast wakes everybody who waits for a change. The lock must be held.
func (b *Backend) broadcast() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// micro is the clock in microseconds.
func (b *Backend) micro() int64 { return b.settings.now().UnixMicro() }

// trouble tells that the server does not answer, not more often than it can be read.
func (b *Backend) trouble(err error) {
	b.mu.Lock()
	now := time.Now()
	silent := now.Sub(b.troubled) < troubleEvery
	if !silent {
		b.troubled = now
	}
	b.mu.Unlock()
	if !silent {
		b.settings.log.Warn("no answer from the store; the request is repeated", "store", b.settings.target(), "error", err)
	}
}

const troubleEvery = 5 * time.Second

// fail ends the use of the store for good. The lock must be held.
func (b *Backend) fail(err error) error {
	if b.failed == nil {
		b.failed = err
		b.settings.log.Error("the store cannot be used any more", "store", b.settings.target(), "error", err)
		b.broadcast()
	}
	return b.failed
}

// turnstile lets one through at a time, and gives up with a context.
type turnstile chan struct{}

func newTurnstile() turnstile { return make(turnstile, 1) }

func (t turnstile) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try enters if nobody is within.
func (t turnstile) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turnstile) leave() { <-t }

var (
	_ spine.Backend           = (*Backend)(nil)
	_ spine.Inspector         = (*Backend)(nil)
	_ spine.Durable           = (*Backend)(nil)
	_ spine.Switchboard       = (*Backend)(nil)
	_ persistence.Store       = (*Backend)(nil)
	_ supervision.DeadLetters = (*Backend)(nil)
)
