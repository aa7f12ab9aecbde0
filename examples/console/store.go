package console

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/supervision"
)

// Store are the flags that say where events are kept: in the process, which is the default, or in a Redis.
type Store struct {
	Redis     string // an address as redisstream.New takes it; "" is the process
	Namespace string
	Service   string
	Node      string // what this process is called there; "" is redisstream's default
	Shards    int    // into how many it is parted; 0 is redisstream's default
}

// StoreUsage is what --help says about a Store.
const StoreUsage = `Store (default: this process, for this run)
  --redis URL         redis://[user[:password]@]host[:port][/db], rediss:// or unix://; what is there goes on after a
                      crash or a restart. $` + PasswordEnv + ` is the password, unless the URL has one
  --namespace NAME    what its keys begin with: runs of one name go on with each other's work
  --service NAME      under what name this program handles events
  --shards N          into how many shards the store is parted, if necro reshard has changed it
`

// PasswordEnv is the environment variable with the password of the Redis.
const PasswordEnv = "NECRO_REDIS_PASSWORD"

// Lease is after how long what a killed program had in hand is taken over from Redis.
const Lease = 2 * time.Second

// dedupWindow is how long an order or a request that is published again is recognised.
const dedupWindow = 24 * time.Hour

// Room is how much a store holds at the most; 0 is the store's own default.
type Room struct {
	Events  int // that wait: whoever has more of them waits too
	Letters int
}

// Backend is what the programs need of a place for events.
type Backend interface {
	spine.Backend
	spine.Inspector
	supervision.DeadLetters
}

// Flags adds the flags to f, with the program's own defaults.
func (s *Store) Flags(f *flag.FlagSet, namespace, service string) {
	f.StringVar(&s.Redis, "redis", "", "")
	f.StringVar(&s.Namespace, "namespace", namespace, "")
	f.StringVar(&s.Service, "service", service, "")
	f.IntVar(&s.Shards, "shards", redisstream.DefaultShards, "")
}

// Check reports flags that make no sense together.
func (s *Store) Check(given map[string]bool) error {
	var errs []error
	if given["redis"] && s.Redis == "" {
		errs = append(errs, errors.New("--redis is empty, want an address such as redis://127.0.0.1:6379"))
	}
	for _, name := range []string{"namespace", "service", "shards"} {
		if given[name] && s.Redis == "" {
			errs = append(errs, fmt.Errorf("--%s goes with --redis", name))
		}
	}
	return errors.Join(errs...)
}

// Durable reports whether what is unfinished outlives the process.
func (s *Store) Durable() bool { return s.Redis != "" }

// Open returns the store. A Redis is asked at once whether it can be reached and is fit to hold events; the error
// is for a person.
func (s *Store) Open(ctx context.Context, room Room, log *slog.Logger) (Backend, error) {
	if !s.Durable() {
		options := []spine.MemoryOption{spine.WithLetterLimit(room.Letters)}
		if room.Events > 0 {
			options = append(options, spine.WithCapacity(room.Events))
		}
		return spine.NewMemory(options...), nil
	}
	options := []redisstream.Option{
		redisstream.WithNamespace(s.Namespace),
		redisstream.WithShards(cmp.Or(s.Shards, redisstream.DefaultShards)),
		redisstream.WithLease(Lease),
		redisstream.WithDedup(dedupWindow),
		redisstream.WithCapacity(cmp.Or(room.Events, redisstream.DefaultCapacity)),
		redisstream.WithLetterLimit(cmp.Or(room.Letters, redisstream.DefaultLetterLimit)),
		redisstream.WithLogger(log),
	}
	if s.Node != "" {
		options = append(options, redisstream.WithNode(s.Node))
	}
	if os.Getenv(PasswordEnv) != "" {
		options = append(options, redisstream.WithPasswordEnv(PasswordEnv))
	}
	b, err := redisstream.New(s.Redis, options...)
	if err != nil {
		return nil, fmt.Errorf("--redis: %w", err)
	}
	// Nothing is published, but the store looks at its server first.
	if _, err := b.Publish(ctx, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("--redis: %w", err), b.Close(ctx))
	}
	return b, nil
}
