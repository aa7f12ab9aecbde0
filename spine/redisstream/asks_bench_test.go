package redisstream

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func BenchmarkAskLocal(b *testing.B)  { benchmarkAsk(b, true) }
func BenchmarkAskRemote(b *testing.B) { benchmarkAsk(b, false) }

// benchmarkAsk asks one question after the other, and then 64 at a time.
func benchmarkAsk(b *testing.B, local bool) {
	for _, parallel := range []int{1, 64} {
		b.Run("askers="+strconv.Itoa(parallel), func(b *testing.B) {
			w := benchNodes(b, local)
			b.SetParallelism(parallel)
			b.ResetTimer()
			if parallel == 1 {
				for range b.N {
					_, err := spine.Ask[[]int](b.Context(), w, "accounts", "0", which{})
					require.NoError(b, err)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := spine.Ask[[]int](b.Context(), w, "accounts", "0", which{}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// benchNodes runs an owner, and another node where the question is not to be local.
func benchNodes(b *testing.B, local bool) *spine.Spine {
	server, ns := redistest.SharedServer(b), redistest.Namespace(b)
	run := func() *spine.Spine {
		backend, err := New(server.URL(), WithNamespace(ns), WithRelaxedDurability(), WithLogger(slog.New(slog.DiscardHandler)))
		require.NoError(b, err)
		started, ended := make(chan struct{}), make(chan struct{})
		s, err := spine.New(backend, append(difficult(nil, nil), spine.WithLogger(slog.New(slog.DiscardHandler)), spine.WithHooks(spine.Hooks{Started: func() { close(started) }}))...)
		require.NoError(b, err)
		ctx, stop := context.WithCancel(context.Background())
		go func() { // ends with the benchmark
			defer close(ended)
			_ = s.Run(ctx)
		}()
		b.Cleanup(func() {
			stop()
			<-ended
			_ = backend.Close(context.Background())
		})
		<-started
		return s
	}
	s := run()
	_, err := s.Publish(b.Context(), order{"0", 1})
	require.NoError(b, err)
	require.NoError(b, s.WaitIdle(b.Context()))
	if !local {
		s = run()
	}
	return s
}
