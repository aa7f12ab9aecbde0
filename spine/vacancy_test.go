package spine

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVacancyGivesWhatIsFree takes and puts at random: no slot is given twice, and none is forgotten.
func TestVacancyGivesWhatIsFree(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	var v vacancy
	slots, taken := uint32(0), map[uint32]bool{}
	for range 100_000 {
		switch {
		case rnd.IntN(10) == 0 && slots < 10_000:
			v.add(slots)
			slots++
		case v.n > 0 && rnd.IntN(2) == 0:
			slot := v.take()
			require.Less(t, slot, slots)
			require.False(t, taken[slot], "slot %d was taken already", slot)
			taken[slot] = true
		default:
			for slot := range taken { // any
				delete(taken, slot)
				v.put(slot)
				break
			}
		}
		require.Equal(t, int(slots)-len(taken), v.n)
	}
	for v.n > 0 {
		taken[v.take()] = true
	}
	assert.Len(t, taken, int(slots))
}

func TestVacancyGivesNeighboursTogether(t *testing.T) {
	t.Parallel()
	var v vacancy
	const slots = 3 * 64 * 64
	for slot := range uint32(slots) {
		v.add(slot)
	}
	for slot := range uint32(slots) {
		require.Equal(t, slot, v.take())
	}
	for _, slot := range rand.Perm(slots) {
		v.put(uint32(slot))
	}
	for slot := range uint32(slots) {
		require.Equal(t, slot, v.take(), "in whatever order they were freed")
	}
}

func TestVacancyGivesTheLowest(t *testing.T) {
	t.Parallel()
	var v vacancy
	for slot := range uint32(10_000) {
		v.add(slot)
		v.take()
	}
	v.put(9_000)
	v.put(70)
	v.put(7)
	assert.Equal(t, []uint32{7, 70, 9_000}, []uint32{v.take(), v.take(), v.take()})
}
