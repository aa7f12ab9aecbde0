package redisstream

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// counter counts the calls that reach the server.
type counter struct {
	server
	calls atomic.Int64
}

func (c *counter) do(ctx context.Context, loose, tx []*call) {
	c.calls.Add(int64(len(loose) + len(tx)))
	c.server.do(ctx, loose, tx)
}

const bulkPage = 64 // what a desk asks for at a time

// Many letters are replayed in order and a page at a time, also when that is interrupted, and while the cause of some is not
// mended. Not parallel: it looks at the heap.
func TestManyLettersAreReplayedInOrderAPageAtATime(t *testing.T) {
	const letters, keys, interrupted, each = 100_000, 1000, 30_000, 10_000
	p := newPostman(newYard(t))
	calls := &counter{server: p.tap.server}
	p.Backend.server = calls
	p.write(letters, keys)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before, most := liveHeap(), uint64(0)
	watch := func(done int) {
		if done%each == 0 {
			most = max(most, liveHeap())
			p.write(1, 1) // comes back at the end
		}
		if done == interrupted {
			cancel()
		}
	}
	first, err := p.desk.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{Progress: watch})
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, first.Replayed, interrupted+bulkPage)
	rest, err := p.desk.ReplayAll(t.Context(), supervision.Filter{}, supervision.ReplayOptions{Progress: watch})
	require.NoError(t, err)
	const back = interrupted / each // of what came back, that was there when the second began
	assert.Equal(t, letters+back, first.Replayed+rest.Replayed)
	assert.Less(t, most-min(most, before), uint64(8<<20), "bytes")
	assert.Less(t, calls.calls.Load(), int64(2*letters/bulkPage+100), "for a page one call to read it and one to replay it")
	p.inOrder(letters+back, keys)
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// inOrder requires so many replays in the stream, what tells of each behind it, and those of a key in their order.
func (p *postman) inOrder(want, keys int) {
	p.y.Helper()
	next := map[string]int{}
	replays, told := 0, 0
	for from := "-"; ; {
		entries, err := p.xrange(p.y.soon(), p.shards[0].in, from, "+", 5000)
		require.NoError(p.y, err)
		for _, raw := range entries {
			from = "(" + raw.id.String()
			ev, err := decodeEntry(raw.values)
			require.NoError(p.y, err)
			if replays > told {
				require.Equal(p.y, supervision.LetterReplayed{}.EventType(), ev.Type())
				told++
				continue
			}
			replays++
			p.follows(ev, next, keys)
		}
		if len(entries) == 0 {
			break
		}
	}
	assert.Equal(p.y, want, replays)
	assert.Equal(p.y, want, told)
}

// follows requires that a replay is the next of its key; those that came back have number 0, once more.
func (p *postman) follows(ev actors.Event, next map[string]int, keys int) {
	s, err := actors.Decode[step](ev)
	require.NoError(p.y, err)
	var n int
	_, err = fmt.Sscan(s.Text, &n)
	require.NoError(p.y, err)
	if n == 0 && next[s.Key] > 0 {
		return
	}
	require.Equal(p.y, next[s.Key], n/keys, s.Key)
	next[s.Key]++
}

// BenchmarkLetters is one letter of ten thousand, with the calls that the server had for it.
func BenchmarkLetters(b *testing.B) {
	ctx := context.Background()
	for name, work := range map[string]func(*supervision.Desk) (int, error){
		"list": func(d *supervision.Desk) (n int, err error) {
			for _, err = range d.List(ctx, supervision.Filter{}) {
				n++
			}
			return n, err
		},
		"replay": func(d *supervision.Desk) (int, error) {
			report, err := d.ReplayAll(ctx, supervision.Filter{}, supervision.ReplayOptions{})
			return report.Replayed, err
		},
		"drop": func(d *supervision.Desk) (int, error) { return d.DropAll(ctx, supervision.Filter{}, false) },
	} {
		b.Run(name, func(b *testing.B) { benchmarkLetters(b, work) })
	}
}

func benchmarkLetters(b *testing.B, work func(*supervision.Desk) (int, error)) {
	const letters = 10_000
	server, ns := redistest.SharedServer(b), redistest.Namespace(b)
	backend, err := New(server.URL(), WithNamespace(ns), WithRelaxedDurability(), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	require.NoError(b, err)
	defer backend.Close(context.Background())
	calls := &counter{server: backend.server}
	backend.server = calls
	require.NoError(b, backend.Open(b.Context(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{loose("a")}}))
	desk, key := supervision.NewDesk(backend, "svc"), backend.keys.letters("svc")
	b.ReportAllocs()
	done, sent := 0, int64(0)
	for done < b.N {
		b.StopTimer()
		require.NoError(b, server.Client().Del(b.Context(), key).Err())
		writeLetters(b, server.Client(), key, min(letters, b.N-done), 100)
		before := calls.calls.Load()
		b.StartTimer()
		n, err := work(desk)
		sent += calls.calls.Load() - before
		require.NoError(b, err)
		done += n
	}
	b.ReportMetric(float64(sent)/float64(done), "calls/letter")
}
