package matching

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A ladder is compared with a sorted set of prices, over swings from one end of all prices to the other.
func TestLadderKeepsLevelsInOrderAcrossAllPrices(t *testing.T) {
	t.Parallel()
	for name, flip := range map[string]uint32{"rising": 0, "falling": falling} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(3, 4))
			p, l := newPages(), ladder{flip: flip, rank: noRank}
			want := map[int32]uint32{}
			for step := range 20_000 {
				price := somePrice(rng, step)
				if ref, there := want[price]; there {
					delete(want, price)
					p.drop(&l, ref)
				} else {
					want[price] = p.at(&l, price)
				}
				if step%100 == 0 {
					require.Equal(t, inOrder(want, flip), walked(&p, &l), "step %d", step)
				}
				require.Equal(t, len(want) == 0, l.best == 0)
			}
			for price, ref := range want {
				p.drop(&l, ref)
				delete(want, price)
			}
			require.Equal(t, 1, p.usedPages, "pages of an empty ladder")
			require.Equal(t, 4, p.usedNodes, "nodes of an empty ladder")
			require.Zero(t, l.best)
		})
	}
}

// somePrice is mostly near a drifting market, sometimes anywhere.
func somePrice(rng *rand.Rand, step int) int32 {
	if rng.IntN(10) == 0 {
		return []int32{1, 63, 64, 4095, 4096, MaxPrice, MaxPrice - 1, 1 + rng.Int32N(MaxPrice)}[rng.IntN(8)]
	}
	return int32(50_000+step/4) + rng.Int32N(300)
}

func inOrder(set map[int32]uint32, flip uint32) []int32 {
	prices := slices.Sorted(maps.Keys(set))
	if flip != 0 {
		slices.Reverse(prices)
	}
	return prices
}

func walked(p *pages, l *ladder) []int32 {
	var prices []int32
	for ref := l.best; ref != 0; ref = p.after(l, ref) {
		prices = append(prices, p.levels[ref].price)
	}
	return prices
}

func TestPagesAreUsedAgain(t *testing.T) {
	t.Parallel()
	p, l := newPages(), ladder{rank: noRank}
	for i := range int32(100_000) {
		p.drop(&l, p.at(&l, 1+i*997%MaxPrice))
	}
	require.LessOrEqual(t, len(p.heads), 3)
	require.LessOrEqual(t, len(p.nodes), 9)
}
