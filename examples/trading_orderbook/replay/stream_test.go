package replay_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/replay"
)

const (
	restingBuy = `{"op":"new","id":"b1","trader":"a","symbol":"AAPL","side":"BUY","qty":10,"price":"99.50"}`
	restingOwn = `{"op":"new","id":"p1","trader":"b","symbol":"AAPL","side":"BUY","type":"POST_ONLY","qty":7,"price":"99.50"}`
	halfOfIt   = `{"op":"new","id":"s1","trader":"c","symbol":"AAPL","side":"SELL","qty":4,"price":"99.00"}`
)

// The hash, taken by hand from the text of the protocol.
func TestHashIsThatOfTheCanonicalLines(t *testing.T) {
	t.Parallel()
	lines := "AAPL|BUY|9950|b1|6|a|-\nAAPL|BUY|9950|p1|7|b|P\n#1\n"
	sum := sha256.Sum256([]byte(lines))
	out := run(t, restingBuy+"\n"+restingOwn+"\n"+halfOfIt+"\n", replay.Options{})
	assert.Contains(t, out, `"hash":"`+hex.EncodeToString(sum[:])+`"}`)
}

// commands is a stream of n commands with all that the protocol knows.
func commands(seed uint64, n int) string {
	random := rand.New(rand.NewPCG(seed, 0x7265706c))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	var text strings.Builder
	for range n {
		id := fmt.Sprint("o", random.IntN(40))
		price := fmt.Sprintf("%d.%02d", 99+random.IntN(3), random.IntN(100))
		switch random.IntN(8) {
		case 0:
			fmt.Fprintf(&text, `{"op":"cancel","id":%q}`, id)
		case 1:
			fmt.Fprintf(&text, `{"op":"amend","id":%q,"qty":%d}`, id, random.IntN(50))
		case 2:
			fmt.Fprintf(&text, `{"op":"amend","id":%q,"price":%q,"qty":null}`, id, price)
		default:
			fmt.Fprintf(&text, `{"op":"new","id":%q,"trader":%q,"symbol":%q,"side":%q,"type":%q,"qty":%d,"price":%q}`,
				id, pick("a", "b", "ö"), pick("AAPL", "MSFT"), pick("BUY", "SELL"),
				pick("LIMIT", "LIMIT", "MARKET", "IOC", "FOK", "POST_ONLY"), random.IntN(60), price)
		}
		text.WriteString(pick("\n", "\n", "\r\n", "\n\n", " \n \t\n"))
	}
	return text.String()
}

// However the input arrives, the output is the same, byte for byte.
func TestOutputDependsOnNothingButInput(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		input := commands(seed, 400)
		want := run(t, input, replay.Options{})
		readers := map[string]io.Reader{
			"again":       strings.NewReader(input),
			"one byte":    iotest.OneByteReader(strings.NewReader(input)),
			"halves":      iotest.HalfReader(strings.NewReader(input)),
			"data at EOF": iotest.DataErrReader(strings.NewReader(input)),
			"no last \\n": strings.NewReader(strings.TrimRight(input, "\r\n\t ")),
		}
		for name, in := range readers {
			var out bytes.Buffer
			require.NoError(t, replay.Run(in, &out, replay.Options{}))
			assert.Equal(t, want, out.String(), name)
		}
	}
}

func TestEveryOutputLineIsJSONAndEveryCommandAnswered(t *testing.T) {
	t.Parallel()
	const n = 2000
	answered := map[float64]bool{}
	for line := range strings.Lines(run(t, commands(99, n), replay.Options{})) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		if cmd, ok := object["cmd"].(float64); ok {
			answered[cmd] = true
		}
	}
	assert.Len(t, answered, n)
}

// A line without end must cost neither memory nor the lines behind it.
func TestLongLineIsMalformedAndTheNextOneCounts(t *testing.T) {
	t.Parallel()
	const malformed = `{"cmd":1,"type":"order","id":"","status":"rejected","reason":"MALFORMED"}` + "\n"
	const queued = `{"cmd":2,"type":"order","id":"b1","status":"queued","remaining":10}` + "\n"
	for name, long := range map[string]string{
		"of spaces":    `{"op":"cancel",` + strings.Repeat(" ", replay.MaxLine) + `"id":"a"}`,
		"of digits":    `{"op":"cancel","id":"a","qty":` + strings.Repeat("1", 10*replay.MaxLine) + `}`,
		"of id":        `{"op":"cancel","id":"` + strings.Repeat("a", replay.MaxLine) + `"}`,
		"by one":       `{"op":"cancel","id":"` + strings.Repeat("a", replay.MaxLine-len(`{"op":"cancel","id":""}`)) + `"}`,
		"of brackets":  `{"op":"cancel","id":"a","x":` + strings.Repeat("[", replay.MaxLine/2),
		"of an object": strings.Repeat(`{"op":`, replay.MaxLine/7),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := run(t, long+"\n"+restingBuy+"\n", replay.Options{})
			assert.True(t, strings.HasPrefix(out, malformed+queued), "%.400s", out)
		})
	}
}

func TestLongestLineIsRead(t *testing.T) {
	t.Parallel()
	const around = `{"op":"cancel","id":""}` + "\n"
	id := strings.Repeat("a", replay.MaxLine-len(around))
	out := run(t, strings.Replace(around, `""`, `"`+id+`"`, 1), replay.Options{})
	assert.True(t, strings.HasPrefix(out, `{"cmd":1,"type":"order","id":"`+id+`","status":"rejected","reason":"UNKNOWN_ORDER"}`))
}

// Whoever waits for an answer before he sends the next command gets it.
func TestAnswersComeBeforeMoreIsRead(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	seen := ""
	in := io.MultiReader(
		strings.NewReader(restingBuy+"\n"+halfOfIt[:10]),
		readerFunc(func([]byte) (int, error) { seen = out.String(); return 0, io.EOF }),
		strings.NewReader(halfOfIt[10:]+"\n"),
	)
	require.NoError(t, replay.Run(in, &out, replay.Options{}))
	assert.Equal(t, `{"cmd":1,"type":"order","id":"b1","status":"queued","remaining":10}`+"\n", seen)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestErrorsOfTheStreamsAreReturned(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var out bytes.Buffer
	in := io.MultiReader(strings.NewReader(restingBuy+"\n"), iotest.ErrReader(broken))
	require.ErrorIs(t, replay.Run(in, &out, replay.Options{}), broken)
	assert.Contains(t, out.String(), `"status":"queued"`, "what was done before is told")
	require.ErrorIs(t, replay.Run(strings.NewReader(restingBuy), writerFunc(func([]byte) (int, error) { return 0, broken }), replay.Options{}), broken)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSteadyStreamDoesNotAllocate(t *testing.T) {
	r, err := replay.New(replay.Options{})
	require.NoError(t, err)
	lines := bytes.Fields([]byte(commands(1, 5000))) // No command has spaces in it.
	out := make([]byte, 0, 1<<16)
	all := func() {
		for _, line := range lines {
			out = r.Append(out[:0], line)
		}
	}
	all()
	assert.Zero(t, testing.AllocsPerRun(5, all))
}

func BenchmarkReplay(b *testing.B) {
	r, err := replay.New(replay.Options{})
	require.NoError(b, err)
	lines := bytes.Fields([]byte(commands(1, 10_000)))
	var out []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		out = r.Append(out[:0], lines[i%len(lines)])
	}
}
