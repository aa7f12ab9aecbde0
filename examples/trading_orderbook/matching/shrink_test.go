package matching_test

import (
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
)

// shrink returns a short stream that still fails, given one that does. A
// failure stays one when commands follow it, so the end is found by bisection;
// then ever smaller pieces are left out for as long as that helps.
func shrink[C any](stream []C, fails func([]C) bool) []C {
	last := sort.Search(len(stream)-1, func(n int) bool { return fails(stream[:n+1]) })
	stream = slices.Clone(stream[:last+1])
	for size := len(stream) / 2; size > 0; {
		shorter := withoutPieces(stream, size, fails)
		if size > 1 || len(shorter) == len(stream) {
			size /= 2
		}
		stream = shorter
	}
	return stream
}

// withoutPieces leaves out each piece of size commands that is not needed.
func withoutPieces[C any](stream []C, size int, fails func([]C) bool) []C {
	for from := 0; from+size < len(stream); {
		rest := slices.Concat(stream[:from], stream[from+size:])
		if fails(rest) {
			stream = rest
		} else {
			from += size
		}
	}
	return stream
}

func TestShrinkKeepsWhatTheFailureNeeds(t *testing.T) {
	t.Parallel()
	stream := make([]int, 1000)
	for i := range stream {
		stream[i] = i
	}
	runs := 0
	fails := func(s []int) bool {
		runs++
		return slices.Contains(s, 17) && slices.Contains(s, 400) && slices.Contains(s, 401)
	}
	assert.Equal(t, []int{17, 400, 401}, shrink(stream, fails))
	assert.Less(t, runs, 200)
}
