package desk

import "github.com/necrostack/necrostack/examples/trading_orderbook/matching"

// priceTexts remembers the decimals of prices: those near the market are printed again and again.
// It is a pure cache: whatever it holds, the texts are the same.
type priceTexts struct {
	ticks [priceSlots]int64
	texts [priceSlots]string
}

// priceSlots is a power of two, and the width of a market whose prices all have a slot of their own.
const priceSlots = 1024

func (c *priceTexts) of(spec *matching.Spec, ticks int64) string {
	if ticks == 0 {
		return "" // the engine's word for no price
	}
	slot := ticks & (priceSlots - 1)
	if c.ticks[slot] != ticks {
		var digits [32]byte
		c.ticks[slot], c.texts[slot] = ticks, string(spec.AppendPrice(digits[:0], ticks))
	}
	return c.texts[slot]
}
