package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/bench/redis/server"
)

// limitSetting is one way to run the limit loop.
type limitSetting struct {
	n       int  // events per read, of each stream
	streams int  // all on one connection, their commits in one pipeline
	journal bool // a record for each event
	ahead   bool // commit and next read in one round trip
}

// limit is the least that one can do with go-redis and Lua: one consumer that reads up to n events, and
// commits all that follows from them in one script. No fence, no retries, no codec, no organs.
type limit struct {
	setting limitSetting
	to      Reports
	streams []string // stream names, then as many >: what XREADGROUP wants
	commit  string   // hash of the script
	cells   [Hops][]string

	client  *goredis.Client // one connection
	feeder  *goredis.Client // one connection
	closing atomic.Bool
	ended   chan struct{} // closed by run
}

const (
	limitGroup = "v"
	limitField = "e"
	// limitWait is how long a read waits for events; Close ends it before.
	limitWait = time.Second
	// limitKeys is how many cells each organ has where there are journals, and recordBytes what a record weighs.
	limitKeys   = 64
	recordBytes = 64
)

//go:embed commit.lua
var commitScript string

// record is what is written into a journal.
var record = strings.Repeat("r", recordBytes)

func openLimit(s limitSetting) Open {
	return func(ctx context.Context, addr string, to Reports) (Line, error) {
		l := &limit{
			setting: s, to: to, client: server.Connect(addr, 1), feeder: server.Connect(addr, 1), ended: make(chan struct{}),
		}
		if err := l.prepare(ctx); err != nil {
			return nil, errors.Join(err, l.disconnect())
		}
		go l.run() // ends with Close
		return l, nil
	}
}

func (l *limit) prepare(ctx context.Context) (err error) {
	for i := range l.setting.streams {
		name := fmt.Sprintf("in:%d", i)
		l.streams = append(l.streams, name)
		if err := l.client.XGroupCreateMkStream(ctx, name, limitGroup, "0").Err(); err != nil {
			return err
		}
	}
	for range l.setting.streams {
		l.streams = append(l.streams, ">")
	}
	for hop := range l.cells {
		for key := range limitKeys {
			l.cells[hop] = append(l.cells[hop], fmt.Sprintf("j:%d:%d", hop, key))
		}
	}
	l.commit, err = l.client.ScriptLoad(ctx, commitScript).Result()
	return err
}

func (l *limit) run() {
	defer close(l.ended)
	if err := l.loop(context.Background()); !l.closing.Load() {
		l.to.Failed(fmt.Errorf("limit loop: %w", err))
	}
}

// loop ends with an error: the one of a client that was closed, if all went well.
func (l *limit) loop(ctx context.Context) error {
	var hand []goredis.XStream
	for {
		var err error
		if len(hand) == 0 {
			hand, err = l.client.XReadGroup(ctx, l.read(limitWait)).Result()
		} else {
			hand, err = l.settle(ctx, hand)
		}
		if err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
	}
}

// read asks for n events of each stream that nobody had.
func (l *limit) read(wait time.Duration) *goredis.XReadGroupArgs {
	return &goredis.XReadGroupArgs{
		Group: limitGroup, Consumer: "o", Streams: l.streams, Count: int64(l.setting.n), Block: wait,
	}
}

// noWait is a read that does not block.
const noWait = -1

// settle commits what was read, and returns what comes next where that was read in the same round trip.
func (l *limit) settle(ctx context.Context, hand []goredis.XStream) ([]goredis.XStream, error) {
	p := l.client.Pipeline()
	for _, s := range hand {
		l.add(ctx, p, s)
	}
	var read *goredis.XStreamSliceCmd
	if l.setting.ahead {
		read = p.XReadGroup(ctx, l.read(noWait))
	}
	// The error is the first one, and only the read, which is the last, may have found nothing.
	if _, err := p.Exec(ctx); err != nil && !errors.Is(err, goredis.Nil) {
		return nil, err
	}
	l.tell(hand)
	if read == nil {
		return nil, nil
	}
	return read.Val(), nil
}

// add puts the commit of a stream's batch into p.
func (l *limit) add(ctx context.Context, p goredis.Pipeliner, s goredis.XStream) {
	n := len(s.Messages)
	keys := []string{s.Stream}
	args := append(make([]any, 0, 3*n+3), limitGroup, s.Messages[n-1].ID, n)
	for _, m := range s.Messages {
		args = append(args, m.ID)
	}
	if l.setting.journal {
		for _, m := range s.Messages {
			keys = append(keys, l.cell(bodyOf(m)))
			args = append(args, record)
		}
	}
	for _, m := range s.Messages {
		if out, ok := next(bodyOf(m)); ok {
			args = append(args, out)
		}
	}
	p.EvalSha(ctx, l.commit, keys, args...)
}

// cell is the journal that an event goes into.
func (l *limit) cell(body string) string {
	return l.cells[hopOf(body)][numberOf(body)%limitKeys]
}

// tell reports the starts whose last hop was committed.
func (l *limit) tell(hand []goredis.XStream) {
	for _, s := range hand {
		for _, m := range s.Messages {
			if body := bodyOf(m); hopOf(body) == Hops-1 {
				l.to.Done(numberOf(body))
			}
		}
	}
}

func bodyOf(m goredis.XMessage) string {
	body, _ := m.Values[limitField].(string)
	return body
}

// Publish implements Line.
func (l *limit) Publish(ctx context.Context, first uint64, n int) error {
	p := l.feeder.Pipeline()
	for number := first; number < first+uint64(n); number++ {
		stream := l.streams[number%uint64(l.setting.streams)]
		p.Do(ctx, "XADD", stream, "*", limitField, newBody(number))
	}
	_, err := p.Exec(ctx)
	return err
}

// Close implements Line.
func (l *limit) Close() error {
	l.closing.Store(true)
	err := l.disconnect()
	<-l.ended
	return err
}

func (l *limit) disconnect() error { return errors.Join(l.client.Close(), l.feeder.Close()) }
