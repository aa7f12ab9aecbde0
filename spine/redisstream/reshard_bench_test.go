package redisstream

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// BenchmarkReshard moves 100,000 unread events and 10,000 cells of ten records from 16 shards to 24, and tells what took the server
// longest.
func BenchmarkReshard(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		server := redistest.Start(b)
		opts := []Option{WithRelaxedDurability(), WithLogger(slog.New(slog.DiscardHandler))}
		fillStore(b, server, opts)
		server.SetSlowLog(time.Millisecond)
		h, err := New(server.URL(), opts...)
		require.NoError(b, err)
		b.StartTimer()
		report, err := h.Reshard(context.Background(), 24)
		b.StopTimer()
		require.NoError(b, err)
		require.Equal(b, []int{100_000, 10_000}, []int{report.Entries, report.Cells})
		longest := time.Duration(0)
		for _, x := range server.SlowLog() {
			longest = max(longest, x.Duration)
		}
		b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
		require.NoError(b, h.Close(context.Background()))
		b.StartTimer()
	}
}

func fillStore(b *testing.B, server *redistest.Server, opts []Option) {
	ctx := context.Background()
	h, err := New(server.URL(), opts...)
	require.NoError(b, err)
	require.NoError(b, h.Open(ctx, spine.Service{Name: "svc", Organs: []spine.OrganSpec{strict("b")}}))
	st := actors.NewStamper(actors.StamperOptions{Service: "bench"})
	var evs []actors.Event
	for i := range 100_000 {
		ev, err := st.Root(step{fmt.Sprint("key", i%10_000), fmt.Sprint("text ", i)}, time.Now())
		require.NoError(b, err)
		evs = append(evs, ev)
	}
	for page := range slices.Chunk(evs, 4000) {
		_, err := h.Publish(ctx, page)
		require.NoError(b, err)
	}
	pipe := server.Client().Pipeline()
	for i := range 10_000 {
		key := fmt.Sprint("key", i)
		s := h.shardOf(key)
		fields := []any{"n", 10, "t", time.Now().UnixMicro()}
		for k := range 10 {
			fields = append(fields, fmt.Sprint("r", k+1), evs[k].Key()+key+string(make([]byte, 100)))
		}
		pipe.HSet(ctx, s.cell("b", key), fields...)
	}
	_, err = pipe.Exec(ctx)
	require.NoError(b, err)
	require.NoError(b, h.Close(ctx))
}
