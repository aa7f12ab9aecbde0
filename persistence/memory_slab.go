package persistence

import (
	"math"
	"math/bits"
)

// slab gives out pieces of one size, by number, from 1. Pieces that hold no pointers are nothing to the collector,
// however many there are. What is given back is used again, and a chunk of which all has been given back is let go,
// but one. The zero value with its width set is ready for use.
type slab[T any] struct {
	width  int // of a piece
	chunks [][]T
	free   []uint64 // per chunk, a bit for each piece that is free
	open   []uint32 // chunks that have a free piece
	spare  []T      // a chunk that is all free: a piece that comes and goes must not make one each time
}

// chunkPieces is how many pieces a chunk has: as many as a word has bits.
const chunkPieces = 64

// take gives out a zero piece.
func (s *slab[T]) take() (n uint32) {
	if len(s.open) == 0 {
		s.open = append(s.open, uint32(len(s.chunks)))
		s.chunks, s.free = append(s.chunks, nil), append(s.free, math.MaxUint64)
	}
	chunk := s.open[len(s.open)-1]
	if s.chunks[chunk] == nil {
		s.chunks[chunk] = s.chunk()
	}
	i := bits.TrailingZeros64(s.free[chunk])
	s.free[chunk] &^= 1 << i
	if s.free[chunk] == 0 {
		s.open = s.open[:len(s.open)-1]
	}
	return chunk*chunkPieces + uint32(i) + 1
}

// at returns piece n.
func (s *slab[T]) at(n uint32) []T {
	from := int((n-1)%chunkPieces) * s.width
	return s.chunks[(n-1)/chunkPieces][from : from+s.width : from+s.width]
}

// put takes piece n back.
func (s *slab[T]) put(n uint32) {
	clear(s.at(n))
	chunk := (n - 1) / chunkPieces
	if s.free[chunk] == 0 {
		s.open = append(s.open, chunk)
	}
	s.free[chunk] |= 1 << ((n - 1) % chunkPieces)
	if s.free[chunk] == math.MaxUint64 {
		s.spare, s.chunks[chunk] = s.chunks[chunk], nil
	}
}

// chunk returns a zero chunk.
func (s *slab[T]) chunk() []T {
	if c := s.spare; c != nil {
		s.spare = nil
		return c
	}
	return make([]T, chunkPieces*s.width)
}
