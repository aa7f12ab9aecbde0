package desk

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestRecentOrdersAreThoseOfAList draws marks of which many share their upper halves, as next to none do otherwise.
func TestRecentOrdersAreThoseOfAList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		r := newRecent(limit)
		var list []uint64
		for range rapid.IntRange(0, 60).Draw(t, "orders") {
			mark := 1<<63 | rapid.Uint64Range(0, 5).Draw(t, "upper")<<32 | rapid.Uint64Range(0, 3).Draw(t, "lower")
			require.Equal(t, slices.Contains(list, mark), r.has(mark))
			if r.has(mark) {
				continue
			}
			r.add(mark)
			list = append(list, mark)[max(0, len(list)+1-limit):]
			for _, m := range list {
				require.True(t, r.has(m))
			}
			require.Equal(t, len(list), used(r.slots))
		}
	})
}

func used(slots []uint32) (n int) {
	for _, half := range slots {
		if half != 0 {
			n++
		}
	}
	return n
}

func TestMarksHaveAnUpperHalf(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a", "order-17"} {
		assert.NotZero(t, halfOf(markOf(id)))
	}
}
