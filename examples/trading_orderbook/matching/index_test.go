package matching

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The index is compared with a map over ids that follow each other, that lie far apart, and that all
// hash alike in their upper bits.
func TestIndexFindsWhatIsThereAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]func(n uint64) OrderID{
		"dense":   func(n uint64) OrderID { return OrderID(n + 1) },
		"strided": func(n uint64) OrderID { return OrderID(n<<32 + 1) },
		"eights":  func(n uint64) OrderID { return OrderID(n*8 + 8) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 2))
			orders := make([]order, 4097)
			for i := range orders[1:] {
				orders[i+1].id = id(uint64(i))
			}
			x, want := newIndex(0), map[uint32]bool{}
			toggle := func(at uint32) {
				if want[at] {
					x.del(x.placeOf(hashOf(orders[at].id), at))
				} else {
					x.put(hashOf(orders[at].id), at)
				}
				want[at] = !want[at]
			}
			any := func() uint32 { return 1 + rng.Uint32N(uint32(len(orders)-1)) }
			for range 200_000 {
				toggle(any())
				probe := any()
				hash := hashOf(orders[probe].id)
				found, place := x.find(hash, orders[probe].id, orders)
				require.Equal(t, want[probe], found == probe, "slot %d found as %d", probe, found)
				// As a command does: what was found is removed from its place, what was not is put into the gap.
				if found != 0 {
					x.del(place)
				} else {
					x.fill(place, indexSlot{hash, probe})
				}
				want[probe] = !want[probe]
			}
		})
	}
}

func TestIndexStaysHalfEmpty(t *testing.T) {
	t.Parallel()
	x := newIndex(0)
	for i := range uint32(100_000) {
		x.put(hashOf(OrderID(i)), i+1)
		require.LessOrEqual(t, 2*x.n, len(x.slots))
	}
}
