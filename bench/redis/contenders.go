package redis

import (
	"fmt"

	"github.com/necrostack/necrostack/spine/redisstream"
)

// Windows: starts in flight. Loops that read many at a time need many to read; to the peers anything from 16 to 4,096
// made no difference that rounds of the same setting did not make, too.
const (
	wide  = 4096
	peers = 256
)

// Shards is how many streams a service has by default.
const Shards = 16

// BaseN is the batch of the limit loop that contenders without one are compared with.
const BaseN = 64

// Contenders returns all contenders. The limit loops come first: the others are compared with them.
func Contenders() []Contender {
	var all []Contender
	for _, n := range []int{1, 16, BaseN, 256} {
		all = append(all, Contender{
			Name: fmt.Sprintf("limit loop, N=%d", n), Kind: Limit, N: n, Window: wide, Core: n == BaseN,
			Open: openLimit(limitSetting{n: n, streams: 1}),
		})
	}
	for _, n := range []int{1, 16, BaseN, 256} {
		all = append(all, Contender{
			Name: fmt.Sprintf("with journals, N=%d", n), Kind: Journaled, N: n, Window: wide, Core: n == BaseN,
			Open: openLimit(limitSetting{n: n, streams: 1, journal: true}),
		})
	}
	all = append(all,
		Contender{
			Name: "one round trip, N=64", Kind: Ahead, N: BaseN, Window: wide, Core: true,
			Open: openLimit(limitSetting{n: BaseN, streams: 1, ahead: true}),
		},
		Contender{
			Name: "16 streams, N=64", Kind: Sharded, N: BaseN, Window: wide, Core: true,
			Open: openLimit(limitSetting{n: BaseN, streams: Shards}),
		},
		Contender{
			Name: "16 streams, with journals, N=64", Kind: Sharded, N: BaseN, Window: wide,
			Open: openLimit(limitSetting{n: BaseN, streams: Shards, journal: true}),
		},
	)
	all = append(all,
		Contender{Name: "NecroStack", Kind: Ours, N: BaseN, Window: wide, Core: true, Steady: true, Open: openOurs(false)},
		Contender{Name: "NecroStack, one shard", Kind: OursAlone, N: BaseN, Window: wide, Open: openOurs(false, redisstream.WithShards(1))},
		Contender{Name: "NecroStack, keyed organs", Kind: OursKeyed, N: BaseN, Window: wide, Core: true, Steady: true, Open: openOurs(true)},
	)
	for _, consumers := range []int{1, 4, 16} {
		all = append(all, Contender{
			Name: fmt.Sprintf("watermill-redisstream, %d per topic", consumers), Kind: Watermill, Window: peers, Core: consumers == 1,
			Open: openWatermill(consumers),
		})
	}
	for _, workers := range []int{1, 16, 64} {
		all = append(all, Contender{
			Name: fmt.Sprintf("asynq, concurrency %d", workers), Kind: Asynq, Window: peers, Core: workers == 16,
			Open: openAsynq(workers),
		})
	}
	return all
}
