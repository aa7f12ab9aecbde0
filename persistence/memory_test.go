package persistence_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/persistence/persistencetest"
)

func TestMemoryConformance(t *testing.T) {
	t.Parallel()
	persistencetest.Exercise(t, func(*testing.T) persistencetest.Harness {
		m := persistence.NewMemory()
		return persistencetest.Harness{
			Store: m,
			Apply: func(_ context.Context, cell persistence.Cell, ev actors.Event, c persistence.Change) error {
				return m.Apply(cell, ev, c)
			},
		}
	}, persistencetest.Features{})
}

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func put(t testing.TB, m *persistence.Memory, key string, c persistence.Change) {
	require.NoError(t, m.Apply(persistence.Cell{Organ: "o", Key: key}, actors.Event{}, c))
}

func save(t testing.TB, m *persistence.Memory, key string, s persistence.Snapshot) {
	require.NoError(t, m.Save(t.Context(), persistence.Cell{Organ: "o", Key: key}, s))
}

func TestMemoryCountsWhatItHolds(t *testing.T) {
	t.Parallel()
	m := persistence.NewMemory()
	put(t, m, "a", persistence.Change{At: noon})
	put(t, m, "a", persistence.Change{Base: 1, At: noon})
	put(t, m, "b", persistence.Change{At: noon, State: []byte("12345")})
	assert.Equal(t, persistence.Stats{Cells: 2, Records: 2, Bytes: 5}, m.Stats())
	save(t, m, "a", persistence.Snapshot{Seq: 1, State: []byte("123")})
	assert.Equal(t, persistence.Stats{Cells: 2, Records: 1, Bytes: 8}, m.Stats())
	put(t, m, "a", persistence.Change{Base: 2, At: noon, Reset: true})
	assert.Equal(t, persistence.Stats{Cells: 2, Records: 1, Bytes: 5}, m.Stats())
	put(t, m, "a", persistence.Change{Base: 3, At: noon, State: []byte("1")})
	assert.Equal(t, persistence.Stats{Cells: 2, Bytes: 6}, m.Stats())
	put(t, m, "a", persistence.Change{Base: 4, At: noon})
	n, err := m.Expire(t.Context(), "o", noon.Add(1), 10)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Zero(t, m.Stats())
}

func TestMemoryTrustsOnlyWhatHasNotLeftTheProcess(t *testing.T) {
	t.Parallel()
	m := persistence.NewMemory()
	snapshot := func() persistence.Snapshot {
		hs, err := m.Load(t.Context(), []persistence.Cell{{Organ: "o", Key: "a"}}, nil)
		require.NoError(t, err)
		return hs[0].Snapshot
	}
	put(t, m, "a", persistence.Change{At: noon, State: []byte("1")})
	assert.True(t, snapshot().Trusted)
	save(t, m, "a", persistence.Snapshot{Seq: 1, State: []byte("2"), Sum: [32]byte{3}})
	assert.False(t, snapshot().Trusted)
	assert.Equal(t, [32]byte{3}, snapshot().Sum)
	save(t, m, "a", persistence.Snapshot{Seq: 1, State: []byte("2")})
	assert.False(t, snapshot().Trusted, "also without a checksum")
	save(t, m, "a", persistence.Snapshot{Seq: 1, State: []byte("2"), Trusted: true})
	assert.True(t, snapshot().Trusted)
}

// A cell is loaded and goes on while somebody still looks at the history.
func TestMemoryLeavesLoadedHistoriesAlone(t *testing.T) {
	t.Parallel()
	m := persistence.NewMemory()
	for i := range 5 {
		put(t, m, "a", persistence.Change{Base: uint64(i), At: noon})
	}
	hs, err := m.Load(t.Context(), []persistence.Cell{{Organ: "o", Key: "a"}}, nil)
	require.NoError(t, err)
	save(t, m, "a", persistence.Snapshot{Seq: 3})
	for i := range 5 {
		put(t, m, "a", persistence.Change{Base: uint64(i + 5), At: noon})
	}
	require.Len(t, hs[0].Records, 5)
	for i, r := range hs[0].Records {
		assert.Equal(t, uint64(i+1), r.Seq)
	}
}

// A state may lie where the cell's next one will.
func TestMemoryLeavesLoadedStatesAlone(t *testing.T) {
	t.Parallel()
	m := persistence.NewMemory()
	states := []string{"small", strings.Repeat("large", 1000), "other", ""}
	var loaded [][]byte
	for i, s := range states {
		put(t, m, "a", persistence.Change{Base: uint64(i), At: noon, State: []byte(s)})
		hs, err := m.Load(t.Context(), []persistence.Cell{{Organ: "o", Key: "a"}}, nil)
		require.NoError(t, err)
		loaded = append(loaded, hs[0].Snapshot.State)
	}
	for i, s := range states {
		assert.Equal(t, s, string(loaded[i]))
	}
}

// Cells come and go, their states grow and shrink: each stays what it was made, whoever has been in its place.
func TestMemoryKeepsCellsApart(t *testing.T) {
	t.Parallel()
	m, n := persistence.NewMemory(), &naive{cells: map[persistence.Cell]persistence.History{}}
	rnd := rand.New(rand.NewPCG(1, 2))
	var cells []persistence.Cell
	for i := range 300 {
		// Among them the empty key, and some that are longer than names may be.
		cells = append(cells, persistence.Cell{Organ: fmt.Sprint("o", i%3), Key: strings.Repeat("key", i/3) + fmt.Sprint(i)[:min(i, 1)]})
	}
	state := func() []byte {
		s := make([]byte, rnd.IntN(1<<rnd.IntN(12)))
		for i := range s {
			s[i] = byte(rnd.Uint32())
		}
		return s
	}
	for now := noon; now.Before(noon.Add(5_000 * time.Second)); now = now.Add(time.Second) {
		cell := cells[rnd.IntN(len(cells))]
		last := n.cells[cell].Last
		switch what := rnd.IntN(100); {
		case what < 90:
			c := persistence.Change{Base: last, At: now, Version: 1, Reset: what < 3}
			if what < 60 {
				c.State = state()
			}
			require.NoError(t, m.Apply(cell, actors.Event{}, c))
			require.NoError(t, n.apply(t.Context(), cell, actors.Event{}, c))
			if c.State != nil {
				h := n.cells[cell]
				h.Snapshot.Trusted, h.Snapshot.Sum = true, [32]byte{} // it has not been anywhere
				n.cells[cell] = h
			}
		case what < 99:
			s := persistence.Snapshot{Seq: last, State: state(), Trusted: what < 95, At: now, Version: 1, Sum: [32]byte{byte(what)}}
			require.NoError(t, m.Save(t.Context(), cell, s))
			if last > 0 {
				require.NoError(t, n.Save(t.Context(), cell, s))
			}
		default:
			before := now.Add(-time.Duration(rnd.IntN(600)) * time.Second)
			forgot, err := m.Expire(t.Context(), cell.Organ, before, 50)
			require.NoError(t, err)
			want, err := n.Expire(t.Context(), cell.Organ, before, 50)
			require.NoError(t, err)
			require.Equal(t, want, forgot)
		}
		some := cells[rnd.IntN(len(cells)-5):][:5]
		hs, err := m.Load(t.Context(), append(some, cell), nil)
		require.NoError(t, err)
		for i, cell := range append(some, cell) {
			want := n.cells[cell]
			require.Equal(t, want.Last, hs[i].Last, "%s", cell)
			require.Equal(t, want.Snapshot.Seq, hs[i].Snapshot.Seq, "%s", cell)
			require.True(t, bytes.Equal(want.Snapshot.State, hs[i].Snapshot.State), "%s", cell)
			require.Equal(t, want.Snapshot.Trusted, hs[i].Snapshot.Trusted, "%s", cell)
			require.Equal(t, want.Snapshot.Sum, hs[i].Snapshot.Sum, "%s", cell)
			since := slices.DeleteFunc(slices.Clone(want.Records), func(r persistence.Record) bool { return r.Seq <= want.Snapshot.Seq })
			require.Equal(t, len(since), len(hs[i].Records), "%s", cell)
		}
	}
	require.Equal(t, len(n.cells), m.Stats().Cells)
	for i := range 3 {
		_, err := m.Expire(t.Context(), fmt.Sprint("o", i), noon.Add(24*time.Hour), len(cells))
		require.NoError(t, err)
	}
	require.Zero(t, m.Stats())
}

// Room goes from cell to cell, and must never be two cells' at once.
func TestMemoryKeepsRecordsOfCellsApart(t *testing.T) {
	t.Parallel()
	m := persistence.NewMemory()
	cells := []persistence.Cell{{Organ: "o", Key: "a"}, {Organ: "o", Key: "b"}, {Organ: "o", Key: "c"}}
	stamper := actors.NewStamper(actors.StamperOptions{Service: "s"})
	var want [3][]actors.ID
	change := func(i int) {
		ev, err := stamper.Root(actors.Raw{Type: "T", Data: []byte(`{}`)}, noon)
		require.NoError(t, err)
		seq := uint64(len(want[i]))
		require.NoError(t, m.Apply(cells[i], ev, persistence.Change{Base: seq, Version: 1, At: noon}))
		want[i] = append(want[i], ev.ID())
	}
	for round := range 50 {
		for i := range cells {
			change(i)
			if round%7 == i {
				last := uint64(len(want[i]))
				require.NoError(t, m.Save(t.Context(), cells[i], persistence.Snapshot{Seq: last, Version: 1, State: []byte("x"), At: noon}))
			}
		}
		hs, err := m.Load(t.Context(), cells, nil)
		require.NoError(t, err)
		for i, h := range hs {
			for k, r := range h.Records {
				require.Equal(t, h.Snapshot.Seq+uint64(k)+1, r.Seq)
				require.Equal(t, want[i][r.Seq-1], r.Event.ID(), "cell %s, record %d", cells[i], r.Seq)
			}
			require.Equal(t, h.Last, h.Snapshot.Seq+uint64(len(h.Records)))
		}
	}
}

func TestMemoryExpiresLateRatherThanEarlyWhenTheClockRunsBackwards(t *testing.T) {
	t.Parallel()
	m := persistence.NewMemory()
	put(t, m, "first", persistence.Change{At: noon.Add(-time.Hour)})
	n, err := m.Expire(t.Context(), "o", noon, 10)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	put(t, m, "a", persistence.Change{At: noon.Add(time.Hour)})
	put(t, m, "b", persistence.Change{At: noon})
	n, err = m.Expire(t.Context(), "o", noon.Add(time.Minute), 10)
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = m.Expire(t.Context(), "o", noon.Add(2*time.Hour), 10)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

// The order of last changes is kept from the first Expire on; what was there before has its place in it, too.
func TestMemoryForgetsTheOldestCellsFirst(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{true, false} {
		m := persistence.NewMemory()
		expire := func(before time.Time, limit int) int {
			n, err := m.Expire(t.Context(), "o", before, limit)
			require.NoError(t, err)
			return n
		}
		last := func(key string) uint64 {
			hs, err := m.Load(t.Context(), []persistence.Cell{{Organ: "o", Key: key}}, nil)
			require.NoError(t, err)
			return hs[0].Last
		}
		for i, key := range []string{"a", "b", "c", "d", "e"} {
			put(t, m, key, persistence.Change{At: noon.Add(time.Duration(i) * time.Second)})
			if early {
				assert.Zero(t, expire(noon, 10))
			}
		}
		put(t, m, "a", persistence.Change{Base: 1, At: noon.Add(time.Minute)})
		assert.Equal(t, 2, expire(noon.Add(time.Minute), 2))
		assert.Equal(t, []uint64{2, 0, 0, 1, 1}, []uint64{last("a"), last("b"), last("c"), last("d"), last("e")})
		put(t, m, "d", persistence.Change{Base: 1, At: noon.Add(2 * time.Minute)})
		assert.Equal(t, 2, expire(noon.Add(2*time.Minute), 10))
		assert.Equal(t, []uint64{0, 2, 0}, []uint64{last("a"), last("d"), last("e")})
	}
}

// BenchmarkMemoryPassivated reports what a cell costs that has only a snapshot, its key and
// state not counted.
func BenchmarkMemoryPassivated(b *testing.B) {
	const cells = 200_000
	keys := make([]string, cells)
	states := make([][]byte, cells)
	for i := range cells {
		keys[i], states[i] = fmt.Sprint("customer-", i), []byte("{}")
	}
	for b.Loop() {
		before := heap()
		m := persistence.NewMemory()
		for i, key := range keys {
			put(b, m, key, persistence.Change{At: noon})
			save(b, m, key, persistence.Snapshot{Seq: 1, State: states[i], Trusted: true, At: noon})
		}
		b.ReportMetric(float64(heap()-before)/cells, "B/cell")
		runtime.KeepAlive(m)
	}
	runtime.KeepAlive(states)
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkMemoryApply is the store's part of a settlement of a keyed organ, its share of a
// snapshot every 256 changes included.
func BenchmarkMemoryApply(b *testing.B) {
	for _, cells := range []int{1, 10_000} {
		b.Run(fmt.Sprint("cells=", cells), func(b *testing.B) {
			m := persistence.NewMemory()
			names := make([]persistence.Cell, cells)
			for i := range names {
				names[i] = persistence.Cell{Organ: "o", Key: fmt.Sprint("customer-", i)}
			}
			seqs := make([]uint64, cells)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % cells
				if err := m.Apply(names[at], actors.Event{}, persistence.Change{Base: seqs[at], At: noon}); err != nil {
					b.Fatal(err)
				}
				seqs[at]++
				if seqs[at]%256 == 0 {
					save(b, m, names[at].Key, persistence.Snapshot{Seq: seqs[at]})
				}
			}
		})
	}
}
