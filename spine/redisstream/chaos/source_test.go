package chaos_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// topUp brings about that every stream is trimmed, see mostLeft.
func (r *round) topUp() {
	const atOnce = 9000 // entries; one trim removes a little more than that, where there are so many
	ctx := context.Background()
	for shard := range r.setting.shards {
		length, err := r.server.Client().XLen(ctx, r.reader.tag(shard)+"in").Result()
		require.NoError(r.t, err)
		for range length/atOnce + 1 {
			r.must(r.publishFillers(shard))
			r.await(drainIn, "the fillers are done", func() bool {
				load, err := r.server.Client().HMGet(ctx, namespace+":load", "in", "a:"+service).Result()
				return err == nil && counter(load[0]) == counter(load[1])
			})
		}
	}
}

// publishFillers publishes events that all go to one shard.
func (r *round) publishFillers(shard int) error {
	stamper := actors.NewStamper(actors.StamperOptions{Service: service, Encode: true})
	key := "filler"
	for actors.HashKey(key)%uint64(r.setting.shards) != uint64(shard) {
		key += "."
	}
	var evs []actors.Event
	for range fillers {
		ev, err := stamper.Root(actors.With(filler{}, actors.Key(key)), time.Now())
		if err != nil {
			return err
		}
		evs = append(evs, ev)
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishIn)
	defer cancel()
	answers, err := r.backend.Publish(ctx, evs)
	if err == nil && !accepted(answers) {
		err = fmt.Errorf("fillers were not accepted: %v", answers)
	}
	return err
}

// publishBomb reports whether the bomb was accepted. Where the store is full it was not.
func (r *round) publishBomb(n uint64) (bool, error) {
	stamper := actors.NewStamper(actors.StamperOptions{Service: service, Encode: true})
	id := chosenID(bombSource*perSource + n)
	ev, err := stamper.Root(actors.With(bomb{N: n}, id, actors.Key("bomb-"+strconv.FormatUint(n, 10))), time.Now())
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishIn)
	defer cancel()
	answers, err := r.backend.Publish(ctx, []actors.Event{ev})
	return err == nil && accepted(answers), err
}
