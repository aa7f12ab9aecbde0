package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// Steady is a long run of one contender on one server, and what there was at each of its stations.
type Steady struct {
	Name     string    `json:"name"`
	Kind     Kind      `json:"kind"`
	Stations []Station `json:"stations"`
	Earlier  []Holding `json:"earlier"` // what the store held when a third was still to come
	Holdings []Holding `json:"holdings"`
	Slow     SlowLog   `json:"slow"`
	Pings    Pings     `json:"pings"`   // of a client that asked for nothing else on the same server
	Machine  Pings     `json:"machine"` // of another one on a server that had nothing else to do
}

// Station is a moment at which nothing was in flight.
type Station struct {
	Hops    int           `json:"hops"`    // since the station before
	Took    time.Duration `json:"took_ns"` // for these
	Memory  int64         `json:"memory"`  // used_memory of the server
	Heap    uint64        `json:"heap"`    // bytes in use of this process, after a collection
	Entries int64         `json:"entries"` // of all streams
}

const (
	// stations are the parts of a steady run; after each the line has to come to rest.
	stations = 50
	// steadyFsync is the policy that production has as a rule.
	steadyFsync = server.Everysec
)

// steadily lets a contender handle that many hops on a server of its own.
func (c Contender) steadily(ctx context.Context, hops int, progress func(string)) (x Steady, version string, err error) {
	idle, err := server.Start(ctx, server.Off)
	if err != nil {
		return x, "", err
	}
	defer func() { err = errors.Join(err, idle.Close()) }()
	err = c.on(ctx, steadyFsync, func(ctx context.Context, s *stand) error {
		version = s.server.Version
		client := server.Connect(s.server.Addr, 1)
		defer client.Close()
		if err := prepare(ctx, client); err != nil {
			return err
		}
		own, machine := ping(s.server.Addr), ping(idle.Addr)
		x, err = s.stations(ctx, client, hops, progress)
		x.Pings, x.Machine = own.stop(), machine.stop()
		x.Slow.compare(machine)
		return err
	})
	x.Name, x.Kind = c.Name, c.Kind
	return x, version, err
}

// prepare makes the server be as it is by default where the one of the rounds is not: its file is rewritten.
func prepare(ctx context.Context, client *goredis.Client) error {
	for name, value := range map[string]string{
		"slowlog-log-slower-than":     fmt.Sprint(SlowFrom.Microseconds()),
		"slowlog-max-len":             fmt.Sprint(slowKept),
		"auto-aof-rewrite-percentage": "100",
	} {
		if err := client.ConfigSet(ctx, name, value).Err(); err != nil {
			return fmt.Errorf("set %q of redis-server: %w", name, err)
		}
	}
	return nil
}

func (s *stand) stations(ctx context.Context, client *goredis.Client, hops int, progress func(string)) (x Steady, err error) {
	starts := max(hops/Hops/stations, 1)
	for i := range stations {
		if i%(stations/5) == 0 {
			progress(fmt.Sprintf("redis: steady, %s, %d of %d hops", s.contender.Name, i*starts*Hops, stations*starts*Hops))
		}
		at, err := s.station(ctx, client, starts, &x.Slow)
		if err != nil {
			return x, err
		}
		x.Stations = append(x.Stations, at)
		if i+1 == stations-stations/3 {
			if x.Earlier, err = holdings(ctx, client); err != nil {
				return x, err
			}
		}
	}
	x.Holdings, err = holdings(ctx, client)
	return x, err
}

func (s *stand) station(ctx context.Context, client *goredis.Client, starts int, slow *SlowLog) (at Station, err error) {
	began := time.Now()
	if err := s.feedWithin(ctx, starts); err != nil {
		return at, err
	}
	at.Hops, at.Took = starts*Hops, time.Since(began)
	if err := slow.drain(ctx, client); err != nil {
		return at, err
	}
	usage, err := s.server.Usage(ctx)
	if err != nil {
		return at, err
	}
	at.Memory, at.Heap = usage.Memory, measure.Heap()
	at.Entries, err = entries(ctx, client)
	return at, err
}

func (s *stand) feedWithin(ctx context.Context, starts int) error {
	ctx, stop := context.WithTimeoutCause(ctx, patience, errStuck)
	defer stop()
	return s.feed(ctx, starts)
}
