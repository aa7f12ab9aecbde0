package redis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// BenchmarkRedis is one contender at a time, for profiles. An operation is a hop. For comparisons use the
// program: its rounds are interleaved.
func BenchmarkRedis(b *testing.B) {
	for _, c := range redis.Contenders() {
		b.Run(c.Name, func(b *testing.B) {
			b.ReportAllocs()
			s, err := server.Start(b.Context(), server.Off)
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			window := load.NewWindow(c.Window, 16)
			line, err := c.Open(b.Context(), s.Addr, redis.Reports{
				Done: func(uint64) { window.Done() }, Failed: func(err error) { b.Error(err) },
			})
			require.NoError(b, err)
			defer func() { require.NoError(b, line.Close()) }()
			at := uint64(0)
			b.ResetTimer()
			require.NoError(b, window.Feed(b.Context(), b.N/redis.Hops+1, func(n int) error {
				first := at
				at += uint64(n)
				return line.Publish(b.Context(), first, n)
			}))
			b.StopTimer()
		})
	}
}
