package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// Pings is how long a client waited that asked for nothing but PING.
type Pings struct {
	latency.Quantiles
	Slow int64 `json:"slow"` // took longer than SlowFrom
}

// pings asks a server for nothing but PING, and notes how long that took from when it was due: a client that was late
// itself waited, too. What it waits at a server with nothing else to do is due to the machine and to this process.
type pings struct {
	client *goredis.Client
	cancel context.CancelFunc
	ended  chan struct{}

	seen latency.Histogram
	slow int64
	high map[int64]time.Duration // the longest by second
}

// pingEvery is seldom enough to cost nothing.
const pingEvery = 5 * time.Millisecond

// ping begins; it ends with stop.
func ping(addr string) *pings {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pings{
		client: server.Connect(addr, 1), cancel: cancel, ended: make(chan struct{}),
		seen: latency.New(), high: map[int64]time.Duration{},
	}
	go p.run(ctx) // ends with stop
	return p
}

func (p *pings) run(ctx context.Context) {
	defer close(p.ended)
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case due := <-tick.C:
			if p.client.Ping(ctx).Err() != nil {
				continue // the line hears of a server that is gone
			}
			now := time.Now()
			took := now.Sub(due)
			p.seen.Add(took)
			if took > SlowFrom {
				p.slow++
			}
			p.high[now.Unix()] = max(p.high[now.Unix()], took)
		case <-ctx.Done():
			return
		}
	}
}

// stop ends the asking and returns how long it waited.
func (p *pings) stop() Pings {
	p.cancel()
	<-p.ended
	p.client.Close()
	return Pings{p.seen.Quantiles(), p.slow}
}

// worst is the longest wait about a time that was cut to its second. Only after stop.
func (p *pings) worst(at time.Time) time.Duration {
	second := at.Unix()
	return max(p.high[second-1], p.high[second], p.high[second+1])
}
