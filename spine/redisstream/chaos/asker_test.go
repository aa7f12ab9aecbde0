package chaos_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/spine"
)

// asker asks cells wherever they are.
type asker struct {
	spine   *spine.Spine
	store   reader // that knows what is committed
	journal *journal
}

// Every node asks as often, and waits as long for an answer.
const (
	askEvery = 100 * time.Millisecond
	askFor   = time.Second
)

// reader reads the store on the way that a node has to it.
func (o orders) reader() (reader, error) {
	opt, err := redis.ParseURL(o.URL)
	if err != nil {
		return reader{}, err
	}
	opt.MaxRetries, opt.DialTimeout, opt.ReadTimeout, opt.PoolSize = -1, answerIn, answerIn, 1
	return reader{client: redis.NewClient(opt), namespace: o.Namespace, shards: o.Shards}, nil
}

// askAround asks any cells until ctx ends.
func (a *asker) askAround(ctx context.Context, dice *rand.Rand) {
	for ctx.Err() == nil {
		organ, key := anyCell(dice)
		a.ask(ctx, organ, key)
		pause(ctx, askEvery)
	}
}

func anyCell(dice *rand.Rand) (organ, key string) {
	switch dice.IntN(6) {
	case 0, 1:
		return "book", account(dice.Uint64N(accounts))
	case 2, 3:
		return "chain", account(dice.Uint64N(accounts))
	case 4:
		return "tally", account(dice.Uint64N(accounts))
	default:
		return "tally", echo{N: dice.Uint64N(echoes)}.EventKey()
	}
}

// ask asks a cell, and then the store how far the cell has come by then.
func (a *asker) ask(ctx context.Context, organ, key string) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	got, err := spine.Ask[seen](ctx, a.spine, organ, key, look{})
	if kind := refusal(err); kind != "" {
		a.journal.write(line{Refused: kind})
		return
	}
	said := answer{Organ: organ, Key: key, Seen: got, Stored: got.Len} // what cannot be read is taken for true
	if n, err := a.store.changes(ctx, organ, key); err == nil {
		said.Stored = n
	}
	a.journal.write(line{Asked: &said})
}

// unknown begins what nobody expects an Ask to end with.
const unknown = "unknown: "

// refusal names the kind of an error of Ask; "" is none.
func refusal(err error) string {
	for _, r := range []struct {
		err  error
		kind string
	}{
		{nil, ""}, {spine.ErrNoCell, "no cell"}, {spine.ErrNotRunning, "it does not run"}, {spine.ErrNoOwner, "no owner"},
		{spine.ErrMoved, "moved"}, {spine.ErrBusy, "busy"}, {context.DeadlineExceeded, "no answer in time"}, {context.Canceled, "the asker ends"},
	} {
		if errors.Is(err, r.err) {
			return r.kind
		}
	}
	return unknown + err.Error()
}
