package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// join is a node of a cluster until ctx ends. It tells all the time what it takes for its own, and asks cells wherever they
// are.
func join(ctx context.Context, b *redisstream.Backend, o orders) error {
	j, err := openJournal(o.Journal)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	opening := &opening{Backend: b}
	n, err := cluster.Join(opening, append(options(o), spine.WithHooks(j.hooks())), cluster.WithName(o.Name), cluster.WithLogger(log))
	if err != nil {
		return err
	}
	store, err := o.reader()
	if err != nil {
		return err
	}
	a := &asker{spine: n.Spine(), store: store, journal: j}
	inner, stop := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	beside.Go(func() { show(inner, b, o.Holding) }) // both end with the run
	beside.Go(func() { a.askAround(inner, rand.New(rand.NewPCG(o.Seed, uint64(os.Getpid())))) })
	err = n.Run(ctx)
	stop()
	beside.Wait()
	_ = store.client.Close() // It has only read.
	if !opening.done && ctx.Err() != nil {
		return closeBackend(b) // it was told to leave before it had begun
	}
	if err != nil && !opening.done {
		fmt.Fprintln(os.Stderr, "chaos: it cannot begin:", err)
		os.Exit(unreachableCode) // whoever has started it does so again
	}
	if ctx.Err() == nil {
		err = errors.Join(err, errors.New("the run ended by itself"))
	}
	return errors.Join(err, j.trouble(), closeBackend(b))
}

// showEvery is how often a node tells what it takes for its own, if that is something else than before.
const showEvery = 20 * time.Millisecond

// show tells, until ctx ends, in a file.
func show(ctx context.Context, b *redisstream.Backend, path string) {
	last := holding{}
	for ctx.Err() == nil {
		next := holding{Owner: b.Owner(), Shards: b.Owned()}
		if !last.equal(next) && next.write(path) == nil {
			last = next
		}
		pause(ctx, showEvery)
	}
}
