package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// shown writes an input as one line per row: what was read, or why not.
func shown(in input) (lines []string) {
	for _, x := range in.items {
		switch p := x.payload.(type) {
		case RowUnreadable:
			lines = append(lines, fmt.Sprintf("%d: %s", p.Line, p.Error))
		case desk.OrderSubmitted:
			lines = append(lines, fmt.Sprintf("%d: %s %s %s", x.line, p.OrderID, p.Symbol, phrase(desk.Command(p))))
		}
	}
	return lines
}

const goodRow = `{"order_id":"a","symbol":"S","side":"BUY","quantity":1,"price":"2.50"}`

func TestBrokenRowsOfAListCostNoOther(t *testing.T) {
	t.Parallel()
	good := func(line int) string { return fmt.Sprintf("%d: a S BUY 1 S @ 2.50", line) }
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"list", "[\n" + goodRow + ",\n" + goodRow + "\n]", []string{good(2), good(3)}},
		{"object", `{"orders" : [` + goodRow + "]}\n", []string{good(1)}},
		{"empty", " [ ] ", nil},
		{"mark", "\xef\xbb\xbf[" + goodRow + "]", []string{good(1)}},
		{"NaN", "[\n{\"quantity\": NaN},\n" + goodRow + "]", []string{"2: invalid character 'N' looking for beginning of value", good(3)}},
		{"unknown field", "[{\"qty\":1},\n" + goodRow + "]", []string{`1: unknown field "qty"`, good(2)}},
		{"wrong type", "[{\"side\":7},\n" + goodRow + "]", []string{"1: side is a number, want a string", good(2)}},
		{"twice", "[{\"quantity\":1,\"Quantity\":9},\n" + goodRow + "]", []string{"1: quantity stands there twice", good(2)}},
		{"no object", "[7,\n\"{\",\n" + goodRow + "]", []string{"1: this is no object", "2: this is no object", "2: the object does not end", good(3)}},
		{"object not closed", "[{\"order_id\":\"x\",\n" + goodRow + "]", []string{"1: the object does not end", good(2)}},
		{"string not closed", "[{\"order_id\":\"x},\n" + goodRow + "]", []string{"1: the object does not end", good(2)}},
		{"order inside an order", `[{"order_id":"x","note":` + goodRow + "},\n" + goodRow + "]", []string{`1: unknown field "note"`, good(2)}},
		{"not closed", "[" + goodRow, []string{good(1), "1: the list does not end"}},
		{"goes on", "[" + goodRow + "]\n" + goodRow, []string{good(1), "1: the list ends here, and nothing after it was read"}},
		{"escapes", `[{"order_id":"a\"},{","symbol":"\\"}]`, []string{`1: a"},{ \  0 \`}},
		{"no UTF-8", "[{\"order_id\":\"\xff\"},\n" + goodRow + "]", []string{"1: this is no UTF-8", good(2)}},
	} {
		in, err := readInput("x.json", []byte(c.text))
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, shown(in), c.name)
	}
}

func TestFileThatIsNoListIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "line 1: the file ends here, want a list",
		"\n\n7":          `line 3: "7", want a list`,
		`{"trades": []}`: "an object without orders, want a list",
		`{"orders": 7}`:  `"7}", want a list`,
		"\n{\"orders\":": "line 2: the file ends here",
	} {
		_, err := readInput("x.json", []byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

func TestLinesAreReadOneByOne(t *testing.T) {
	t.Parallel()
	in, err := readInput("x.jsonl", []byte(strings.Join([]string{
		goodRow, "", "nonsense", "  " + goodRow + "\r", goodRow + goodRow, `["a"]`, `{"quantity":1.5,"price":1e3}`, `{"order_id"`,
	}, "\n")))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"1: a S BUY 1 S @ 2.50", "3: invalid character 'o' in literal null (expecting 'u')", "4: a S BUY 1 S @ 2.50",
		"5: there is more on the line than one object", "6: this is a array, want an object", "7:    ?  @ float 1e3", "8: unexpected EOF",
	}, shown(in))
}

func TestTableRowsAreReadOneByOne(t *testing.T) {
	t.Parallel()
	in, err := readInput("x.csv", []byte("\xef\xbb\xbf"+strings.Join([]string{
		"order_id, symbol ,side,quantity,price", "a,S,BUY,1,2.50", "", "b,S,BUY", `c,S,"BUY,1,2.50`, `d,S,B"UY,1,2.50`,
		"e,S,SELL, 7 ,\" 2.50\"", "f,S,SELL,1.5,NaN", "g,S,SELL,0,", "h,S,SELL,99999999999999999999,1", "\xff,S,SELL,1,1",
	}, "\n")))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"2: a S BUY 1 S @ 2.50", "4: the row has 3 fields, want 5", `5: extraneous or missing " in quoted-field`, `6: bare " in non-quoted-field`,
		"7: e S SELL 7 S @ 2.50", "8: f S SELL ? S @ NaN", "9: g S SELL ? S", "10: h S SELL ? S @ 1", "11: this is no UTF-8",
	}, shown(in))
}

func TestHeaderMustNameTheColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "the file is empty, want a header",
		"symbol,side\n":            `header: column "order_id" is missing`,
		"order_id,qty\n":           `header: unknown column "qty", want some of action, order_id`,
		"order_id,side,order_id\n": `header: column "order_id" stands there twice`,
		"order_id,\"\n":            "header: ",
	} {
		_, err := readInput("x.csv", []byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

func TestCancelsFindTheSymbolOfTheirOrder(t *testing.T) {
	t.Parallel()
	in, err := readInput("x.jsonl", []byte(strings.Join([]string{
		`{"order_id":"a","symbol":"S"}`, `{"action":"CANCEL","order_id":"a"}`, `{"action":" amend ","order_id":"a","quantity":1}`,
		`{"action":"CANCEL","order_id":"b"}`, `{"action":"CANCEL","order_id":"a","symbol":"T"}`,
	}, "\n")))
	require.NoError(t, err)
	var symbols []string
	for _, x := range in.items {
		symbols = append(symbols, x.payload.(desk.OrderSubmitted).Symbol)
	}
	assert.Equal(t, []string{"S", "S", "S", "", "T"}, symbols)
}

func TestFileNamesItselfInItsErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "x.txt")
	require.NoError(t, os.WriteFile(text, []byte("[]"), 0o600))
	for path, want := range map[string]string{
		text:                              "want .json, .csv or .jsonl",
		filepath.Join(folder, "nix.json"): "no such file",
		folder:                            "is a directory",
	} {
		p := play(t, "", "--file", path)
		require.ErrorContains(t, p.failure, want)
		require.ErrorContains(t, p.failure, path)
		assert.Empty(t, p.out)
	}
}

// A row that cannot be read is reported with its line, is a dead letter with its text, and the rest is traded.
func TestUnreadableRowsAreDeadLetters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "my orders.jsonl")
	text := strings.Replace(goodRow, `"S"`, `"AAPL","trader_id":"t"`, 1)
	require.NoError(t, os.WriteFile(path, []byte("{broken\n"+text+"\n"), 0o600))
	p := play(t, "", "--file", path)
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "not read: invalid character 'b'")
	assert.Contains(t, p.out, "my orders.jsonl, line 1\n")
	assert.Contains(t, p.out, "BUY 1 AAPL @ 2.50                 • rests")
	assert.Contains(t, p.out, "1 dead letter.")
}

func TestMarketFileSaysWhatIsTraded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(folder, fmt.Sprintf("%x.json", text[:min(len(text), 20)]))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	p := play(t, "BUY 5 GOLD @ 2.50\nBUY 10 GOLD @ 2.55\nBUY 10 GOLD @ 2.5\nSELL 10 GOLD MKT BY x\nquit\n", "--interactive", "--market",
		write(`{"symbols":[{"symbol":"GOLD","tick":"0.5","lot":10}],"limits":{"exposure":"10"}}`))
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "quantity 5 is no multiple of the lot of 10")
	assert.Contains(t, p.out, `price "2.55" is between two ticks of 0.5`)
	assert.Contains(t, p.out, "10 @ 2.5 with 3")
	assert.Contains(t, p.out, "EXPOSURE_LIMIT     is at 25.00, the limit is 10.00")
	for text, want := range map[string]string{
		`{"symbols":[{"symbol":"GOLD","tick":"x"}],"limits":{"exposure":"-1","daily_volume":"y"}}`: `symbol "GOLD": tick is "x"`,
		`{"symbols":[{"symbol":"gold","tick":"1"}]}`:                                               `symbol "gold"`,
		`{"symbols":[]}`:  "there is no symbol",
		`{"things":true}`: `unknown field "things"`,
	} {
		assert.ErrorContains(t, play(t, "", "--market", write(text)).failure, want)
	}
	assert.ErrorContains(t, play(t, "", "--market", filepath.Join(folder, "nix")).failure, "market: open")
}
