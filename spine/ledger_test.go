package spine

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLedgerEndsADeliveryWithItsLastWork(t *testing.T) {
	t.Parallel()
	var l ledger
	p := l.take(100, 2)
	a, _ := l.add(p)
	b, _ := l.add(p)
	assert.Equal(t, 2, l.inHand())
	l.release(a)
	assert.Equal(t, []int{1, 100, 1}, []int{l.events, l.bytes, l.inHand()})
	l.release(b)
	assert.Equal(t, []int{0, 0, 0}, []int{l.events, l.bytes, l.inHand()})
}

func TestLedgerPanicsWhenAWorkIsReleasedTwice(t *testing.T) {
	t.Parallel()
	var l ledger
	p := l.take(1, 2)
	a, _ := l.add(p)
	l.add(p)
	l.release(a)
	assert.Panics(t, func() { l.release(a) })
}

// TestLedgerKeepsWhatIsInHand takes, adds and releases at random: slots are used again, and never for two.
func TestLedgerKeepsWhatIsInHand(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	var l ledger
	left := map[uint64][]uint32{} // delivery, by its receipt: works
	sizes := map[uint64]int{}
	bytes, works := 0, 0
	for n := uint64(1); n <= 5_000; n++ {
		if len(left) < 40 && rnd.IntN(2) == 0 {
			size := rnd.IntN(1000)
			parts := 1 + rnd.IntN(3)
			p := l.take(size, parts)
			for range parts {
				i, w := l.add(p)
				w.receipt = Receipt{A: n}
				left[n] = append(left[n], i)
				works++
			}
			sizes[n], bytes = size, bytes+size
		}
		for at, ws := range left { // any
			require.Equal(t, at, l.works[ws[0]].receipt.A)
			l.release(ws[0])
			works--
			if left[at] = ws[1:]; len(ws) == 1 {
				bytes -= sizes[at]
				delete(left, at)
			}
			break
		}
		require.Equal(t, []int{len(left), bytes, works}, []int{l.events, l.bytes, l.inHand()})
	}
	assert.LessOrEqual(t, len(l.works), 120, "slots are used again")
}
