package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// What a report says was asked can be typed as it stands.
func TestPhrasesAreCommands(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"BUY 100 AAPL @ 150.50", "SELL 50 TSLA MKT", "BUY 1 A @ 1 IOC", "BUY 1 A @ 1 FOK", "SELL 1 A @ 1 POST", "BUY 1 A MKT STOP 5",
		"SELL 1 A @ 4.5 STOP 5", "BUY 100 A @ 1 SHOW 10", "BUY 1 A @ 1 STP OLDEST", "BUY 1 A @ 1 STP DECREMENT",
		"BUY 9 A @ 1 POST STOP 2 SHOW 3 STP BOTH", "CANCEL 7", "CANCEL ALL AAPL", "AMEND 7 50", "AMEND 7 @ 149.00", "AMEND 7 50 @ 149.00",
		"PHASE AAPL HALTED", "TICK AAPL 2026-01-31T16:00:00Z",
	} {
		c, err := parseCommand(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, phrase(c))
	}
}

func TestCommandsAreReadHoweverTheyAreTyped(t *testing.T) {
	t.Parallel()
	want := desk.Command{
		Side: "BUY", Quantity: 100, Symbol: "AAPL", OrderType: "LIMIT", Price: "150.50", TIF: "POST_ONLY", TraderID: "bob", Display: 10, Prevention: "CANCEL_NEWEST",
	}
	for _, text := range []string{
		"BUY 100 AAPL @ 150.50 POST BY bob SHOW 10 STP NEWEST", "  buy  100 aapl @150.50 post_only by bob show 10 stp cancel_newest ",
		"Buy 100 Aapl@150.50 Show 10 Stp newest By bob Post",
	} {
		c, err := parseCommand(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, c, text)
	}
	c, err := parseCommand("sell 5 a @ 1 until 2026-01-31T16:00:00Z")
	require.NoError(t, err)
	assert.Equal(t, desk.Command{Side: "SELL", Quantity: 5, Symbol: "A", OrderType: "LIMIT", Price: "1", TIF: "GTD", Time: "2026-01-31T16:00:00Z"}, c)
}

func TestMistypedCommandsSayWhatWasExpected(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"BUY":                       `the quantity is ""`,
		"BUY x AAPL @ 1":            `the quantity is "x", which is no whole number above 0; want ` + formOrder,
		"BUY 1.5 AAPL @ 1":          `the quantity is "1.5"`,
		"BUY -1 AAPL @ 1":           `the quantity is "-1"`,
		"BUY 1":                     "the price is missing; want BUY|SELL",
		"BUY 1 AAPL":                "the price is missing",
		"BUY 1 AAPL @":              "the price is missing",
		"BUY 1 AAPL 150":            `"150" stands where the price should be`,
		"BUY 1 AAPL @ 1 NOW":        `"NOW" is unknown here`,
		"BUY 1 AAPL @ 1 IOC FOK":    "IOC and FOK exclude each other",
		"BUY 1 AAPL @ 1 STOP":       "what is missing is a word behind STOP",
		"BUY 1 AAPL @ 1 SHOW x":     `what is shown is "x"`,
		"CANCEL":                    "something is missing; want " + formCancel,
		"CANCEL 1 2":                `"2" is too much`,
		"CANCEL ALL AAPL now":       `"now" is too much`,
		"AMEND":                     "something is missing; want " + formAmend,
		"AMEND 1":                   "something is missing",
		"AMEND 1 @":                 "the price is missing",
		"AMEND 1 0":                 `the quantity is "0"`,
		"AMEND 1 5 @ 2 IOC":         `"IOC" is too much`,
		"PHASE AAPL":                "something is missing; want " + formPhase,
		"TICK AAPL":                 "something is missing; want " + formTick,
		"dance":                     `unknown command "dance", help lists them`,
		"BUY 1 \xff @ 1":            "this is no UTF-8",
		strings.Repeat("x", 10_000): `unknown command "xxxxxxxxxxxxxxxxxxx…"`,
	} {
		_, err := parseCommand(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestLadderMeetsInTheMiddle(t *testing.T) {
	t.Parallel()
	l := ladder{rows: 2, spec: matching.DefaultSpec("AAPL"), depth: desk.Depth{
		Symbol: "AAPL", Phase: "HALTED", Last: "9.99",
		Bids: []desk.Level{{Price: "9.90", Quantity: 1000, Orders: 3}, {Price: "9.80", Quantity: 1, Orders: 1}, {Price: "9.70", Quantity: 7, Orders: 1}},
		Asks: []desk.Level{{Price: "10.05", Quantity: 500, Orders: 2}, {Price: "10.10", Quantity: 1_000_000_000_000, Orders: 1}, {Price: "10.20", Quantity: 7, Orders: 1}},
	}}
	l.depth.Asks[1].Quantity = 750
	assert.Equal(t, strings.Join([]string{
		"  AAPL       last 9.99   spread 0.15   HALTED",
		"                                             │       │ … 1 more above",
		"                                             │ 10.10 │ ███████████████      750          1",
		"                                             │ 10.05 │ ██████████           500          2",
		"                                             ├───────┤",
		"         3        1,000 ████████████████████ │ 9.90  │",
		"         1            1                    █ │ 9.80  │",
		"                                1 more below",
	}, "\n"), strings.Join(l.draw(), "\n"))
}

func TestEmptyAndOneSidedBooksHaveLadders(t *testing.T) {
	t.Parallel()
	l := ladder{rows: 2, depth: desk.Depth{Symbol: "AAPL", Phase: "CONTINUOUS"}}
	assert.Equal(t, []string{"  AAPL", "      nobody offers anything"}, l.draw())
	l.depth.Asks = []desk.Level{{Price: "1.00", Quantity: 1 << 62, Orders: 1}, {Price: "1.01", Quantity: 1, Orders: 1}}
	lines := l.draw()
	require.Len(t, lines, 4)
	assert.NotContains(t, lines[0], "spread")
	assert.Contains(t, lines[2], strings.Repeat("█", barCells)+" ", "a quantity whose product with cells overflows is drawn all the same")
}

func TestColourChangesNoColumn(t *testing.T) {
	t.Parallel()
	plain := ladder{rows: 2, depth: desk.Depth{Symbol: "A", Asks: []desk.Level{{Price: "1.00", Quantity: 1, Orders: 1}}, Bids: []desk.Level{{Price: "0.99", Quantity: 2, Orders: 1}}}}
	painted := plain
	painted.colour.on = true
	text := strings.Join(painted.draw(), "\n")
	assert.Contains(t, text, "\x1b[31m")
	assert.Contains(t, text, "\x1b[32m")
	for _, code := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[1m", "\x1b[0m"} {
		text = strings.ReplaceAll(text, code, "")
	}
	trim := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	assert.Equal(t, trim(strings.Join(plain.draw(), "\n")), trim(text))
}

func TestTextFromOutsideCannotCommandTheTerminal(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a·[31m b c", console.Clip("a\x1b[31m\nb\t c", 20))
	assert.Equal(t, "abc…", console.Clip("abcdef", 4))
	p := play(t, "BUY 1 A\x1b[31mB @ 1\ndan\x1b[2Jce\ntrader x\x1b[0m\nbook \x1b[0m\nquit\n", "--interactive")
	require.NoError(t, p.failure)
	assert.NotContains(t, p.out, "\x1b")
}

func TestNumbersAreReadable(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"0", "999", "1,000", "-1,234,567"}, []string{console.Grouped(0), console.Grouped(999), console.Grouped(1000), console.Grouped(-1234567)})
	assert.Equal(t, []string{"1 row", "2 rows", "once", "2,000 times"}, []string{console.Plural(1, "row"), console.Plural(2, "row"), console.Times(1), console.Times(2000)})
}
