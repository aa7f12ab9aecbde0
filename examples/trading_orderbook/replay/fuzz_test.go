package replay_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/replay"
)

// Whatever is read, each line that is not blank is answered in its turn, and the
// answer is JSON.
func FuzzRun(f *testing.F) {
	for seed := range uint64(4) {
		f.Add([]byte(commands(seed, 20)), seed%2 == 0)
	}
	f.Add([]byte("{}\n\n[]\r\n{\"op\":\"new\""), false)
	f.Fuzz(func(t *testing.T, input []byte, ever bool) {
		var out bytes.Buffer
		require.NoError(t, replay.Run(bytes.NewReader(input), &out, replay.Options{IDsEver: ever, AmendTotal: ever}))
		last := 0
		var end struct{ Commands int }
		for line := range bytes.Lines(out.Bytes()) {
			var head struct {
				Cmd  int
				Type string
			}
			require.NoError(t, json.Unmarshal(line, &head), "%q", line)
			switch head.Type {
			case "trade", "order":
				require.True(t, head.Cmd == last || head.Cmd == last+1, "%q after command %d", line, last)
				last = head.Cmd
			case "end":
				require.NoError(t, json.Unmarshal(line, &end))
			default:
				require.Equal(t, "book", head.Type)
			}
		}
		require.Equal(t, notBlank(input), last)
		require.Equal(t, last, end.Commands)
	})
}

// notBlank counts the lines that are commands, if none is too long to be one.
func notBlank(input []byte) int {
	n := 0
	for line := range bytes.Lines(input) {
		if len(bytes.Trim(line, " \t\r\n")) > 0 {
			n++
		}
	}
	return n
}
