package persistence

import (
	"fmt"
	"math/bits"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// These tests are white: a store behaves the same wherever its cells lie, and nobody can choose keys of one hash.

func TestSlabGivesOutZeroPiecesOnce(t *testing.T) {
	t.Parallel()
	s := slab[int]{width: 3}
	held := map[uint32]bool{}
	for round := range 4 {
		for len(held) < 1000 {
			n := s.take()
			require.NotZero(t, n)
			require.False(t, held[n], "%d is given out twice", n)
			held[n] = true
			require.Equal(t, []int{0, 0, 0}, s.at(n))
			require.Equal(t, 3, cap(s.at(n)))
			copy(s.at(n), []int{int(n), int(n), int(n)})
		}
		for n := range held {
			require.Equal(t, []int{int(n), int(n), int(n)}, s.at(n))
			if n%5 != uint32(round) {
				s.put(n)
				delete(held, n)
			}
		}
	}
	assert.LessOrEqual(t, len(s.chunks), 2*1000/chunkPieces, "what is free is used first")
}

func TestSlabLetsChunksGo(t *testing.T) {
	t.Parallel()
	s := slab[byte]{width: 16}
	for range 10 * chunkPieces {
		s.take()
	}
	for n := range uint32(10 * chunkPieces) {
		s.put(n + 1)
	}
	for _, c := range s.chunks {
		assert.Nil(t, c)
	}
	require.NotNil(t, s.spare, "a piece that comes and goes")
	first := &s.spare[0]
	n := s.take()
	assert.Same(t, first, &s.chunks[(n-1)/chunkPieces][0])
	assert.Nil(t, s.spare)
}

func TestMemoryOrganTellsCellsOfOneHashApart(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"a", "b", "c"} {
		cells := newMemoryCells()
		o := newMemoryOrgan(&cells)
		o.hash = func(string) uint64 { return 7 }
		numbers := map[string]uint32{}
		for i, key := range []string{"a", "b", "c"} {
			require.Zero(t, o.cell(key))
			numbers[key] = o.add(key)
			cells.at(numbers[key]).at = memoryTime(i)
		}
		assert.Equal(t, numbers["a"], o.oldest(), "all have a place in the order")
		o.remove(numbers[gone])
		delete(numbers, gone)
		assert.Zero(t, o.cell(gone))
		for key, n := range numbers {
			assert.Equal(t, n, o.cell(key))
		}
		for _, n := range numbers {
			o.remove(n)
		}
		assert.Empty(t, o.byHash)
		assert.Zero(t, o.oldest())
	}
}

func TestMemoryOfForgottenCellsIsGivenBack(t *testing.T) {
	t.Parallel()
	m, noon := NewMemory(), time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	extras := func() (held int) {
		for i := range m.cells.extras.chunks {
			held += chunkPieces - bits.OnesCount64(m.cells.extras.free[i])
		}
		return held
	}
	for i := range 1000 {
		cell := Cell{Organ: "o", Key: fmt.Sprint(i)}
		require.NoError(t, m.Apply(cell, actors.Event{}, Change{At: noon}))
		require.NoError(t, m.Save(t.Context(), cell, Snapshot{Seq: 1, State: make([]byte, i), Trusted: i%7 > 0}))
		require.NoError(t, m.Apply(cell, actors.Event{}, Change{Base: 1, At: noon, State: make([]byte, i/2)}))
	}
	require.Zero(t, extras(), "all are trusted, small and have no records")
	for i := range 1000 {
		require.NoError(t, m.Apply(Cell{Organ: "o", Key: fmt.Sprint(i)}, actors.Event{}, Change{Base: 2, At: noon}))
	}
	require.Equal(t, 1000, extras())
	n, err := m.Expire(t.Context(), "o", noon.Add(time.Second), 1000)
	require.NoError(t, err)
	require.Equal(t, 1000, n)
	require.Zero(t, extras())
	for _, s := range m.cells.blocks {
		for _, chunk := range s.chunks {
			require.Nil(t, chunk)
		}
	}
}
