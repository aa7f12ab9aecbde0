package redisstream_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/backendtest"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func BenchmarkRedis(b *testing.B) { backendtest.Bench(b, harness(1)) }

// hop is an event of the chain; it is typed by its place there.
func hop(place int, data []byte, key string) actors.Payload {
	return actors.With(actors.Raw{Type: fmt.Sprint("HOP-", place), Data: data}, actors.Key(key))
}

const places = 4

type count struct{ N uint64 }

// chain is A→B→C→D; every organ passes the event on, the last one counts it.
func chain(keyed bool, handled *atomic.Int64) []spine.Option {
	var opts []spine.Option
	for place := range places {
		name, typ := fmt.Sprint("organ-", place), fmt.Sprint("HOP-", place)
		pass := func(ev actors.Event) []actors.Payload {
			handled.Add(1)
			if place == places-1 {
				return nil
			}
			data, _, _ := ev.Data()
			return []actors.Payload{hop(place+1, data, ev.Key())}
		}
		if keyed {
			opts = append(opts, spine.WithOrgan(actors.NewKeyed(name, func(string) *count { return &count{} },
				actors.StepAny([]string{typ}, func(s *count, ev actors.Event) ([]actors.Payload, error) {
					s.N++
					return pass(ev), nil
				}))))
			continue
		}
		opts = append(opts, spine.WithOrgan(actors.NewOrgan(name, actors.OnAny([]string{typ},
			func(_ context.Context, ev actors.Event) ([]actors.Payload, error) { return pass(ev), nil }))))
	}
	return opts
}

// BenchmarkChain is hops handled, from the first publish to the last settled.
func BenchmarkChain(b *testing.B) {
	for _, keyed := range []bool{false, true} {
		for _, shards := range []int{1, 16} {
			b.Run(fmt.Sprintf("keyed=%t/shards=%d", keyed, shards), func(b *testing.B) {
				server := redistest.SharedServer(b)
				backend, err := redisstream.New(server.URL(), redisstream.WithNamespace(redistest.Namespace(b)),
					redisstream.WithShards(shards), redisstream.WithRelaxedDurability(), redisstream.WithLogger(quiet()))
				require.NoError(b, err)
				defer backend.Close(context.Background())
				var handled atomic.Int64
				opts := append(chain(keyed, &handled), spine.WithLogger(quiet()))
				s, err := spine.New(backend, opts...)
				require.NoError(b, err)
				data := []byte(`{"text":"` + strings.Repeat("x", 240) + `"}`)
				var starts []actors.Payload
				for i := range (b.N + places - 1) / places {
					starts = append(starts, hop(0, data, fmt.Sprint("key-", i%256)))
				}
				b.ReportAllocs()
				b.ResetTimer()
				began := time.Now()
				_, err = s.RunUntilIdle(b.Context(), starts...)
				require.NoError(b, err)
				b.ReportMetric(float64(handled.Load())/time.Since(began).Seconds(), "hops/s")
			})
		}
	}
}
