package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// Beat is what a beat of a member costs where there are so many.
type Beat struct {
	Members int    `json:"members"`
	Shards  int    `json:"shards"`
	Rounds  []Cost `json:"rounds"` // events are beats
}

// beatSizes are the clusters whose beats are measured: what a member writes and what it reads is as long as there.
var beatSizes = []struct{ members, shards int }{{4, 64}, {50, 512}, {200, 4096}}

// beatsOf is how many make a round.
const beatsOf = 500

func (r *Result) beat(ctx context.Context, progress func(string)) error {
	for _, x := range beatSizes {
		r.Beats = append(r.Beats, Beat{Members: x.members, Shards: x.shards})
	}
	return turns(r.Config.Rounds, 1, func(round, _ int) {
		progress(fmt.Sprintf("cluster: beats, round %d of %d", round+1, r.Config.Rounds))
	}, func(int) error {
		s, err := server.Start(ctx, fsync)
		if err != nil {
			return err
		}
		r.Server = s.Version
		for i := range r.Beats {
			err = errors.Join(err, r.Beats[i].round(ctx, s.Addr))
		}
		return errors.Join(err, s.Close())
	})
}

// round is beats of one member, one after the other. Each size is a service of its own.
func (b *Beat) round(ctx context.Context, addr string) (err error) {
	store, err := openBackend(orders{Addr: addr, Name: "beats", Shards: beatSizes[0].shards, Lease: Defaults.Lease})
	if err != nil {
		return err
	}
	client := server.Connect(addr, 1)
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), closeIn)
		defer cancel()
		err = errors.Join(err, client.Close(), store.Close(closing))
	}()
	service := fmt.Sprintf("%s-%d", load.RelayService, b.Members)
	for i := range b.Members {
		if _, _, err := store.Enter(ctx, service, memberName(i), memberText); err != nil {
			return err
		}
	}
	if _, err := store.Agree(ctx, service, "plan", "", planText(b.Members, b.Shards)); err != nil {
		return err
	}
	x, err := beats(ctx, client, func() error {
		_, _, err := store.Beat(ctx, service, memberName(0), memberText)
		return err
	})
	b.Rounds = append(b.Rounds, x)
	return err
}

func beats(ctx context.Context, client *goredis.Client, beat func() error) (x Cost, err error) {
	before, err := workOf(ctx, client)
	if err != nil {
		return x, err
	}
	for range beatsOf {
		if err := beat(); err != nil {
			return x, err
		}
	}
	after, err := workOf(ctx, client)
	return Cost{Events: beatsOf, Server: after.since(before)}, err
}

// What a member says of itself, and what the plan says of each: as long as those of nodes with four organs.
const memberText = `{"beat":123456,"weight":1,"plan":123,"organs":["organ-0","organ-1","organ-2","organ-3"]}`

func memberName(i int) string { return fmt.Sprintf("node-%03d/0123456789abcdef", i) }

func planText(members, shards int) string {
	entry := fmt.Sprintf(`{"id":%q,"weight":1},`, memberName(0))
	bytes := shards // one for each owner, two of high numbers; four letters for three bytes
	if members > 127 {
		bytes += shards * (members - 127) / members
	}
	return strings.Repeat(entry, members) + strings.Repeat("A", (bytes+2)/3*4)
}
