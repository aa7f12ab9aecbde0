package desk_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// largest is 2^128 - 1 units of 10^-13.
const largest = "34028236692093846346337460.7431768211455"

func TestMoneyHasOneText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0.00", "0.0000000000001": "0.0000000000001", "150.25": "150.25", "0150.2500": "150.25", "7": "7.00", "1.505": "1.505",
		"9999999999999.9999999999999": "9999999999999.9999999999999", "10000000000000": "10000000000000.00",
		"10000000000000.5": "10000000000000.50", largest: largest,
	} {
		m, err := desk.ParseMoney(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, m.String())
	}
	for _, text := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1e2", "1,5", "1.2.3", " 1", "NaN", "0.00000000000001", "34028236692093846346337460.7431768211456",
		strings.Repeat("9", 100),
	} {
		_, err := desk.ParseMoney(text)
		assert.ErrorIs(t, err, desk.ErrMoney, text)
	}
	var read struct{ Amount desk.Money }
	require.NoError(t, json.Unmarshal([]byte(`{"Amount":"1.505"}`), &read))
	data, err := json.Marshal(read)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Amount":"1.505"}`, string(data))
}

// TestMoneyAddsUpLikeBigNumbers compares with math/big, up to the limit and beyond.
func TestMoneyAddsUpLikeBigNumbers(t *testing.T) {
	t.Parallel()
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	amounts := rapid.Custom(func(t *rapid.T) *big.Int {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "large") {
			n.Sub(limit, n.Rsh(n, uint(rapid.IntRange(0, 128).Draw(t, "shift"))).Add(n, big.NewInt(1)))
		}
		return n
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, n := amounts.Draw(t, "a"), amounts.Draw(t, "b"), rapid.Uint64().Draw(t, "n")
		x, y := moneyOf(t, a), moneyOf(t, b)
		require.Equal(t, a.Cmp(b) < 0, x.Less(y))
		check := func(got desk.Money, err error, want *big.Int) {
			if want.Cmp(limit) >= 0 {
				require.ErrorIs(t, err, desk.ErrMoney)
				return
			}
			require.NoError(t, err)
			require.Equal(t, moneyOf(t, want), got)
		}
		sum, err := x.Add(y)
		check(sum, err, new(big.Int).Add(a, b))
		product, err := x.Times(n)
		check(product, err, new(big.Int).Mul(a, new(big.Int).SetUint64(n)))
		again, err := desk.ParseMoney(x.String())
		require.NoError(t, err)
		require.Equal(t, x, again)
	})
}

// moneyOf goes through the decimal of n units of 10^-13.
func moneyOf(t require.TestingT, n *big.Int) desk.Money {
	text := n.String()
	if len(text) < 14 {
		text = strings.Repeat("0", 14-len(text)) + text
	}
	m, err := desk.ParseMoney(text[:len(text)-13] + "." + text[len(text)-13:])
	require.NoError(t, err)
	return m
}
