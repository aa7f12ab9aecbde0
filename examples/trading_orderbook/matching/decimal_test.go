package matching_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

func TestPriceIsReadExactlyOrRefused(t *testing.T) {
	t.Parallel()
	cents := matching.DefaultSpec("AAPL")
	nickels := matching.Spec{Name: "N", Decimals: 2, Step: 5, MaxPrice: 1000}
	whole := matching.Spec{Name: "W"}
	for _, c := range []struct {
		spec  matching.Spec
		text  string
		ticks int64
		why   matching.Reason
	}{
		{cents, "150.25", 15025, matching.NoReason},
		{cents, "150.250", 15025, matching.NoReason},
		{cents, "150.2500000000000000000000000000000000", 15025, matching.NoReason},
		{cents, "100", 10000, matching.NoReason},
		{cents, "100.00", 10000, matching.NoReason},
		{cents, "00000000000000000000000000000100.0", 10000, matching.NoReason},
		{cents, "0.01", 1, matching.NoReason},
		{cents, "10000000.00", matching.MaxPrice, matching.NoReason},
		{cents, "10000000.01", 0, matching.InvalidPrice},
		{cents, "10000000.001", 0, matching.InvalidPrice},
		{cents, "9999999.999", matching.OffTick, matching.OffTickReason},
		{cents, "184467440737095516.16", 0, matching.InvalidPrice},
		{cents, "99999999999999999999999999999", 0, matching.InvalidPrice},
		{cents, "150.255", matching.OffTick, matching.OffTickReason},
		{cents, "0.001", matching.OffTick, matching.OffTickReason},
		{cents, "0", 0, matching.InvalidPrice},
		{cents, "0.00", 0, matching.InvalidPrice},
		{cents, "", 0, matching.InvalidPrice},
		{cents, ".5", 0, matching.InvalidPrice},
		{cents, "5.", 0, matching.InvalidPrice},
		{cents, "1.2.3", 0, matching.InvalidPrice},
		{cents, "-1", 0, matching.InvalidPrice},
		{cents, "+1", 0, matching.InvalidPrice},
		{cents, "1e5", 0, matching.InvalidPrice},
		{cents, "NaN", 0, matching.InvalidPrice},
		{cents, "Inf", 0, matching.InvalidPrice},
		{cents, " 1", 0, matching.InvalidPrice},
		{cents, "1_000", 0, matching.InvalidPrice},
		{cents, "١", 0, matching.InvalidPrice},
		{nickels, "0.05", 1, matching.NoReason},
		{nickels, "0.07", matching.OffTick, matching.OffTickReason},
		{nickels, "50.00", 1000, matching.NoReason},
		{nickels, "50.01", 0, matching.InvalidPrice},
		{whole, "7", 7, matching.NoReason},
		{whole, "7.0", 7, matching.NoReason},
		{whole, "7.5", matching.OffTick, matching.OffTickReason},
	} {
		ticks, why := c.spec.ParsePrice([]byte(c.text))
		assert.Equal(t, c.why, why, "%q", c.text)
		assert.Equal(t, c.ticks, ticks, "%q", c.text)
	}
}

func TestPriceIsPrintedAsItWasRead(t *testing.T) {
	t.Parallel()
	for _, spec := range []matching.Spec{matching.DefaultSpec("C"), {Name: "N", Decimals: 3, Step: 25}, {Name: "W"}, {Name: "D", Decimals: 9}} {
		for _, ticks := range []int64{1, 9, 10, 99, 100, 12345, 999_999_999, matching.MaxPrice} {
			text := spec.AppendPrice(nil, ticks)
			back, why := spec.ParsePrice(text)
			assert.Equal(t, matching.NoReason, why, "%q", text)
			assert.Equal(t, ticks, back, "%q", text)
		}
	}
	assert.Equal(t, "150.00", string(matching.DefaultSpec("C").AppendPrice(nil, 15000)))
	assert.Equal(t, "x0.01", string(matching.DefaultSpec("C").AppendPrice([]byte("x"), 1)))
	assert.Equal(t, "7", string(matching.Spec{Name: "W"}.AppendPrice(nil, 7)))
}
