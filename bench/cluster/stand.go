package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis/server"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// Setting is a cluster.
type Setting struct {
	Name   string        `json:"name"`
	Nodes  int           `json:"nodes"`
	Shards int           `json:"shards"`
	Lease  time.Duration `json:"lease_ns"`
	Relay  load.Relay    `json:"relay"`
}

// stand is a cluster up and running on a server of its own.
type stand struct {
	setting Setting
	keys    []string // of starts
	server  *server.Server
	client  *goredis.Client      // asks the server how it is
	backend *redisstream.Backend // publishes
	starts  *load.RelayPublisher
	at      uint64 // starts so far
	tally   tally
	nodes   []*process
	born    int
	failed  func(error)
}

const (
	// fsync is the policy that production has as a rule.
	fsync = server.Everysec
	// patience bounds whatever is waited for.
	patience = time.Minute
	// look is how often nodes are asked whether what is waited for has come.
	look = 10 * time.Millisecond
)

var errStuck = fmt.Errorf("nothing more came within %s", patience)

// on lets f use a cluster that has formed. ctx of f ends when a node does that nobody has ended.
func (x Setting) on(ctx context.Context, keys []string, f func(ctx context.Context, s *stand) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stand{setting: x, keys: keys, failed: func(err error) { cancel(err) }}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return fmt.Errorf("%s: %w", x.Name, err)
	}
	if err := f(ctx, s); err != nil {
		return fmt.Errorf("%s: %w", x.Name, err)
	}
	return nil
}

func (s *stand) open(ctx context.Context) (err error) {
	if s.server, err = server.Start(ctx, fsync); err != nil {
		return err
	}
	s.client = server.Connect(s.server.Addr, 1)
	if s.backend, err = openBackend(s.orders("publisher")); err != nil {
		return err
	}
	s.starts = load.NewRelayPublisher(s.backend, s.setting.Relay, s.keys)
	for range s.setting.Nodes {
		if _, err := s.start(); err != nil {
			return err
		}
	}
	_, err = s.formed(ctx)
	return err
}

func (s *stand) orders(name string) orders {
	return orders{Addr: s.server.Addr, Name: name, Shards: s.setting.Shards, Lease: s.setting.Lease, Relay: s.setting.Relay}
}

// start adds a node.
func (s *stand) start() (*process, error) {
	s.born++
	p, err := startProcess(s.orders("node-"+strconv.Itoa(s.born)), hears{done: s.tally.done, failed: s.failed})
	if err == nil {
		s.nodes = append(s.nodes, p)
	}
	return p, err
}

// close ends everything at once: nothing of the data is kept.
func (s *stand) close() (err error) {
	for _, p := range s.nodes {
		err = errors.Join(err, p.close())
	}
	if s.backend != nil {
		closing, cancel := context.WithTimeout(context.Background(), closeIn)
		defer cancel()
		err = errors.Join(err, s.backend.Close(closing))
	}
	if s.client != nil {
		err = errors.Join(err, s.client.Close())
	}
	if s.server != nil {
		err = errors.Join(err, s.server.Close())
	}
	return err
}

// owners says which node has which shard.
type owners map[int]*process

// formed waits until the nodes have all shards between them as the plan gives them, and returns who has which.
func (s *stand) formed(ctx context.Context) (owners, error) {
	var of owners
	err := s.until(ctx, "the shards are shared", func(ctx context.Context) (bool, error) {
		of = owners{}
		for _, p := range s.nodes {
			x, err := p.status(ctx, doStatus)
			if err != nil || !x.Serving || !x.Settled || x.Members != len(s.nodes) {
				return false, err
			}
			for _, shard := range x.Owned {
				of[shard] = p
			}
		}
		return len(of) == s.setting.Shards, nil
	})
	return of, err
}

// until waits until f says so.
func (s *stand) until(ctx context.Context, what string, f func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("wait until %s: %w", what, errStuck))
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if over, err := f(ctx); over || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// now is what all have used so far.
func (s *stand) now(ctx context.Context) (m moment, err error) {
	for _, p := range s.nodes {
		x, err := p.status(ctx, doStatus)
		if err != nil {
			return m, err
		}
		m.nodes = append(m.nodes, x)
	}
	m.own = measure.CPU()
	m.work, err = workOf(ctx, s.client)
	m.at = time.Now()
	return m, err
}

// cost is what f costs.
func (s *stand) cost(ctx context.Context, f func(ctx context.Context) error) (Cost, error) {
	before, err := s.now(ctx)
	if err != nil {
		return Cost{}, err
	}
	if err := f(ctx); err != nil {
		return Cost{}, err
	}
	after, err := s.now(ctx)
	if err != nil {
		return Cost{}, err
	}
	return after.since(before), nil
}

// keysOfEach returns so many keys for each shard, the first of each before the second of any.
func keysOfEach(shards, n int) []string {
	of := make([][]string, shards)
	for i, missing := 0, shards*n; missing > 0; i++ {
		key := "key-" + strconv.Itoa(i)
		s := shardOf(key, shards)
		if len(of[s]) < n {
			of[s] = append(of[s], key)
			missing--
		}
	}
	var keys []string
	for k := range n {
		for s := range shards {
			keys = append(keys, of[s][k])
		}
	}
	return keys
}

func shardOf(key string, shards int) int { return int(actors.HashKey(key) % uint64(shards)) }
