package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/console"
)

// stream is n lines of the replay protocol in one symbol, with all that it knows and some that it does
// not. Ids are few, so that many are used again.
func stream(seed uint64, n int) string {
	random := rand.New(rand.NewPCG(seed, 0x6d61746368))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	seldom := func(odd string, words ...string) string {
		if random.IntN(25) == 0 {
			return odd
		}
		return pick(words...)
	}
	var text strings.Builder
	for range n {
		id := fmt.Sprintf("o%d", random.IntN(60))
		price := fmt.Sprintf("%d.%02d", 99+random.IntN(3), random.IntN(100))
		switch random.IntN(12) {
		case 0:
			fmt.Fprintf(&text, `{"op":"cancel","id":%q}`, id)
		case 1:
			fmt.Fprintf(&text, `{"op":"cancel","id":%q,"trader":%s}`, id, pick(`"a"`, `"b"`, `"nobody"`, `7`, `null`))
		case 2:
			fmt.Fprintf(&text, `{"op":"amend","id":%q,"qty":%s}`, id, pick("5", "10", "60", "0", "-1", "1.5", "null", `"5"`))
		case 3:
			fmt.Fprintf(&text, `{"op":"amend","id":%q,"price":%s,"qty":%s}`, id, pick(`"`+price+`"`, "100", `"1.005"`, "1e2", "null"), pick("7", "null", "0"))
		case 4:
			text.WriteString(pick("", "nonsense", `{"op":"trade"}`, `{"op":"new"}`, `{"op":"cancel","id":""}`, `{"op":"new","id":"x","id":"y"}`,
				`{"op":"new","id":"q","trader":"a"}`, `{"op":"new","id":"q"}`, `{"op":"amend","id":"zz","qty":0}`, strings.Repeat("x", 70_000)))
		default:
			fmt.Fprintf(&text, `{"op":"new","id":%q,"trader":%s,"symbol":"AAPL","side":%q,"type":%q,"tif":%s,"qty":%s,"price":%s}`,
				id, seldom(`""`, `"a"`, `"b"`, `"ö\n"`), seldom("buy", "BUY", "SELL"),
				seldom("STOP", "LIMIT", "LIMIT", "MARKET", "IOC", "FOK", "POST_ONLY"), seldom(`"DAY"`, `"GTC"`, `"GTC"`, "null", seldom(`"GTC"`, `"IOC"`, `"FOK"`, `"POST_ONLY"`)),
				seldom(pick("0", "-5", "1000000001", `"5"`), "1", "5", "20", "60"), seldom(pick(`"100.001"`, "1.5", `"NaN"`), `"`+price+`"`, `"`+price+`"`, "100"))
		}
		text.WriteString(pick("\n", "\n", "\r\n", "\n\n", "\n \t\n"))
	}
	return text.String()
}

// The organ on its Spine is the engine with a longer way to it: not a byte differs.
func TestThroughTheSpineNotAByteDiffers(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--amend", "total"}, {"--ids", "ever"}, {"--amend", "total", "--ids", "ever"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			var all strings.Builder
			for seed := range uint64(3) {
				text := stream(seed, 1000)
				args := append([]string{"match"}, args...)
				direct := play(t, text, args...)
				require.NoError(t, direct.failure)
				through := play(t, text, append(args, "--through-spine")...)
				require.NoError(t, through.failure)
				assertSame(t, direct.out, through.out)
				all.WriteString(direct.out)
			}
			for _, word := range []string{`"trade"`, `"amended"`, `"kept"`, `"lost"`, `"cancelled"`, `"FOK_UNFILLABLE"`, `"UNKNOWN_ORDER"`, `"OFF_TICK"`, `"DUPLICATE_ID"`} {
				assert.True(t, strings.Contains(all.String(), word), "without %s the streams are worth nothing", word)
			}
		})
	}
}

// assertSame says where two outputs part, which assert.Equal takes a page for.
func assertSame(t *testing.T, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	wanted, gotten := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	for i := range min(len(wanted), len(gotten)) {
		require.Equal(t, wanted[i], gotten[i], "line %d", i+1)
	}
	require.Len(t, gotten, len(wanted))
}

func TestMatchOutputIsGolden(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/match.jsonl")
	require.NoError(t, err)
	for _, args := range [][]string{{"match"}, {"match", "--through-spine"}} {
		p := play(t, string(text), args...)
		require.NoError(t, p.failure)
		golden(t, "match", p.out)
	}
}

func TestNothingIsAStreamToo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n\n", "nonsense\n", `{"op":"cancel","id":"a"}`, `{"op":"new","id":"a","trader":"b"}`} {
		direct, through := play(t, text, "match"), play(t, text, "match", "--through-spine")
		require.NoError(t, direct.failure)
		require.NoError(t, through.failure)
		assert.Equal(t, direct.out, through.out, text)
		assert.Contains(t, direct.out, `"type":"end"`)
	}
}

func TestStreamOfTwoSymbolsGoesThroughOneCellOnlyUpToTheSecond(t *testing.T) {
	t.Parallel()
	order := `{"op":"new","id":"a","trader":"t","symbol":"%s","side":"BUY","qty":1,"price":"1"}` + "\n"
	p := play(t, fmt.Sprintf(order, "AAPL")+fmt.Sprintf(order, "MSFT"), "match", "--through-spine")
	require.ErrorIs(t, p.failure, errSymbols)
	assert.ErrorContains(t, p.failure, `command 2: --through-spine replays a stream of one symbol, and names "MSFT" beside "AAPL"`)
	assert.Contains(t, p.out, `{"cmd":1,"type":"order","id":"a","status":"queued","remaining":1}`)
	p = play(t, fmt.Sprintf(order, "no symbol of a desk"), "match", "--through-spine")
	require.ErrorContains(t, p.failure, `command 1: desk: symbol "no symbol of a desk"`)
}

// A dialogue gets its answer before it says the next thing.
func TestMatchAnswersADialogue(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"match"}, {"match", "--through-spine"}} {
		in, keyboard := io.Pipe()
		p := begin(t.Context(), in, args...)
		for i := range 3 {
			_, err := fmt.Fprintf(keyboard, `{"op":"new","id":"o%d","trader":"t","symbol":"AAPL","side":"BUY","qty":1,"price":"1"}`+"\n", i)
			require.NoError(t, err)
			p.until(t, fmt.Sprintf(`"id":"o%d","status":"queued"`, i))
		}
		require.NoError(t, keyboard.Close())
		out, err := p.rest()
		require.NoError(t, err)
		assert.Contains(t, out, `"live_orders":3`)
	}
}

func TestMatchCanBeInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"match"}, {"match", "--through-spine"}} {
		ctx, interrupt := context.WithCancel(t.Context())
		in, keyboard := io.Pipe()
		p := begin(ctx, in, args...)
		_, err := io.WriteString(keyboard, `{"op":"new","id":"a","trader":"t","symbol":"AAPL","side":"BUY","qty":1,"price":"1"}`+"\n")
		require.NoError(t, err)
		p.until(t, "queued")
		interrupt()
		_, err = p.rest()
		require.ErrorContains(t, err, "interrupted: the stream was not replayed to its end")
		require.NoError(t, keyboard.Close()) // lets the goroutine go that waits for more
	}
}

func TestMatchReturnsWhatBreaksTheStreams(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"match"}, {"match", "--through-spine"}} {
		err := run(t.Context(), args, console.Console{In: iotest.ErrReader(errFull), Out: io.Discard, Err: io.Discard})
		require.ErrorIs(t, err, errFull)
		err = run(t.Context(), args, console.Console{In: strings.NewReader("{}\n"), Out: &full{}, Err: io.Discard})
		require.ErrorIs(t, err, errFull)
	}
}

func BenchmarkMatchThroughSpine(b *testing.B) {
	text := stream(1, 2000)
	for b.Loop() {
		if err := run(b.Context(), []string{"match", "--through-spine"}, console.Console{In: strings.NewReader(text), Out: io.Discard, Err: io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(2000*b.N)/b.Elapsed().Seconds(), "commands/s")
}
