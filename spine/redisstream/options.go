package redisstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/redis/go-redis/v9"
)

// Option configures New.
type Option func(*settings)

// Defaults and bounds of the options.
const (
	DefaultNamespace   = "necro"
	DefaultShards      = 16
	DefaultLease       = 5 * time.Second
	DefaultHandover    = 10 * time.Second
	DefaultCapacity    = 1_000_000
	DefaultDedupWindow = 10 * time.Minute
	DefaultLetterLimit = 10_000
	DefaultPoolSize    = 32

	// RetainForever is for WithRetain: acknowledged events are never trimmed.
	RetainForever = time.Duration(math.MaxInt64)

	maxShards   = 4096
	maxPoolSize = 1024
	minLease    = 100 * time.Millisecond
	minWindow   = 100 * time.Millisecond
	minTimeout  = time.Millisecond
)

// settings is what the options say.
type settings struct {
	namespace string
	shards    int
	node      string
	lease     time.Duration
	handover  time.Duration
	capacity  int // events that are not acknowledged, over all shards
	refuse    bool
	window    time.Duration // of deduplication; 0 is none
	retain    time.Duration
	letters   int // of each service
	original  bool
	relaxed   bool
	log       *slog.Logger
	now       func() time.Time

	link link // how to reach the server

	// onConnect, where it is not nil, is asked about every new connection before its first
	// command; an error closes the connection. It is set before connect.
	onConnect func(context.Context, *redis.Conn) error
}

// newSettings reports all mistakes at once.
func newSettings(opts []Option) (settings, error) {
	s := settings{
		namespace: DefaultNamespace,
		shards:    DefaultShards,
		node:      defaultNode(),
		lease:     DefaultLease,
		handover:  DefaultHandover,
		capacity:  DefaultCapacity,
		window:    DefaultDedupWindow,
		letters:   DefaultLetterLimit,
		log:       slog.Default(),
		now:       time.Now,
		link:      newLink(),
	}
	for _, opt := range opts {
		opt(&s)
	}
	return s, errors.Join(append(s.mistakes(), s.link.mistakes()...)...)
}

func (s *settings) mistakes() []error {
	mistakes := []error{
		checkNamespace(s.namespace),
		within("WithShards", s.shards, 1, maxShards),
		checkNode(s.node),
		atLeast("WithLease", s.lease, minLease),
		atLeast("WithHandover", s.handover, 0),
		within("WithCapacity", s.capacity, 1, math.MaxInt),
		atLeast("WithRetain", s.retain, 0),
		within("WithLetterLimit", s.letters, 1, math.MaxInt),
	}
	if s.window != 0 {
		mistakes = append(mistakes, atLeast("WithDedup", s.window, minWindow))
	}
	if s.log == nil {
		mistakes = append(mistakes, errors.New("redisstream: WithLogger: the logger is nil"))
	}
	if s.now == nil {
		mistakes = append(mistakes, errors.New("redisstream: WithClock: the clock is nil"))
	}
	return mistakes
}

func within(option string, n, low, high int) error {
	switch {
	case n >= low && n <= high:
		return nil
	case high == math.MaxInt:
		return fmt.Errorf("redisstream: %s: %d is not allowed, at least %d is", option, n, low)
	default:
		return fmt.Errorf("redisstream: %s: %d is not allowed, %d to %d is", option, n, low, high)
	}
}

func atLeast(option string, d, low time.Duration) error {
	if d >= low {
		return nil
	}
	return fmt.Errorf("redisstream: %s: %v is not allowed, at least %v is", option, d, low)
}

func checkNamespace(name string) error {
	if err := actors.CheckName("namespace", name); err != nil {
		return fmt.Errorf("redisstream: WithNamespace: %w", err)
	}
	if strings.Contains(name, ":") {
		return fmt.Errorf("redisstream: WithNamespace: namespace %q has the character ':', which parts the names of keys", name)
	}
	return nil
}

func checkNode(name string) error {
	if err := actors.CheckName("node", name); err != nil {
		return fmt.Errorf("redisstream: WithNode: %w", err)
	}
	return nil
}

// defaultNode tells processes apart for people; the tokens of leases do not rest on it.
func defaultNode() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return safeNode(host, os.Getpid())
}

func safeNode(host string, pid int) string {
	const longest = 200 // bytes; leaves room for the process id below actors.NameLimit
	safe := strings.Map(func(r rune) rune {
		if actors.CheckName("node", string(r)) != nil {
			return '-'
		}
		return r
	}, host)
	return fmt.Sprintf("%.*s-%d", longest, safe, pid)
}

// WithNamespace names the application; all keys of the store begin with it, so several applications
// can share a server. A safe name (actors.CheckName) without a colon. Default "necro".
func WithNamespace(name string) Option {
	return func(s *settings) { s.namespace = name }
}

// WithShards says into how many shards the store is parted, 1 to 4096: at most so many nodes can work
// for one service. It is fixed when the store is created; another number is refused afterwards.
// Default 16.
func WithShards(n int) Option {
	return func(s *settings) { s.shards = n }
}

// WithNode names this process in leases, logs and the server's list of clients. Two processes of one
// name harm nothing but readability. Default the host's name and the process id.
func WithNode(name string) Option {
	return func(s *settings) { s.node = name }
}

// WithLease says after how long the shards of a silent node are taken over. A short one makes a node
// that only pauses lose its shards; in production it should be 2 seconds or more. At least 100
// milliseconds. Default 5 seconds.
func WithLease(d time.Duration) Option {
	return func(s *settings) { s.lease = d }
}

// WithHandover says for how long a shard that goes to another node waits for handlers that are at work for it. What they do after
// that does not count, and is done again by the other node. Default 10 seconds.
func WithHandover(d time.Duration) Option {
	return func(s *settings) { s.handover = d }
}

// WithCapacity bounds the events that are not acknowledged, over all shards. Publish waits at the
// bound; emissions and replays of dead letters never do, so the store may hold more. At least 1.
// Default 1,000,000.
func WithCapacity(events int) Option {
	return func(s *settings) { s.capacity = events }
}

// RefuseWhenFull makes Publish refuse what it would otherwise wait for.
func RefuseWhenFull() Option {
	return func(s *settings) { s.refuse = true }
}

// WithDedup says for how long a published id is remembered, so that the same id again is a duplicate:
// for at least the window, and for twice the window at most. The server holds about 80 bytes and the
// id for each. 0 turns it off, else at least 100 milliseconds. Default 10 minutes.
func WithDedup(window time.Duration) Option {
	return func(s *settings) { s.window = window }
}

// WithRetain keeps events that every service has acknowledged for at least d, for services that are
// opened later FromBeginning and for projections that are rebuilt. RetainForever never trims.
// Default 0.
func WithRetain(d time.Duration) Option {
	return func(s *settings) { s.retain = d }
}

// WithLetterLimit bounds the dead letters of each service; what would be one more waits. At least 1.
// Default 10,000.
func WithLetterLimit(n int) Option {
	return func(s *settings) { s.letters = n }
}

// WithOriginalForm makes events be written in the JSON form of the Python original, so that it can
// read them. Both forms are always read. Default off. What the original appends is handled like all else, but no
// commit counts it when it comes: backlogs, and the limit of WithCapacity, are too low by as many.
func WithOriginalForm() Option {
	return func(s *settings) { s.original = true }
}

// WithRelaxedDurability accepts a server without an append-only file. For development: with it every
// event since the server's last dump is lost when the server dies.
func WithRelaxedDurability() Option {
	return func(s *settings) { s.relaxed = true }
}

// WithLogger takes the log lines. Default slog.Default().
func WithLogger(log *slog.Logger) Option {
	return func(s *settings) { s.log = log }
}

// WithClock makes the store ask now instead of time.Now for when events are due and published ids are
// forgotten. Leases do not ask it: they run on the process's monotonic clock.
func WithClock(now func() time.Time) Option {
	return func(s *settings) { s.now = now }
}
