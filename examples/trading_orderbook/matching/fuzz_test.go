package matching_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// commandBytes is how many bytes of fuzz input make one command, and longest how
// many commands one input makes at most.
const (
	commandBytes = 10
	longest      = 500
)

// decodeStream reads any bytes as a configuration and a stream of commands.
// Small values are likely, so that commands meet; every field can be wrong.
func decodeStream(data []byte) (matching.Config, []matching.Command) {
	config := matching.Config{L2: true, L3: true}
	if len(data) > 0 {
		config.AmendTotal, config.IDsEver = data[0]&1 != 0, data[0]&2 != 0
		data = data[1:]
	}
	var stream []matching.Command
	for b := range slices.Chunk(data, commandBytes) {
		if len(b) < commandBytes || len(stream) == longest {
			break
		}
		stream = append(stream, decodeCommand(b))
	}
	return config, stream
}

func decodeCommand(b []byte) matching.Command {
	ops := []matching.Op{
		matching.CancelOrder, matching.AmendOrder, matching.AmendOrder, matching.CancelAll,
		matching.SetPhase, matching.Tick, matching.Tick, 0, 7,
	}
	c := matching.Command{
		Op:         matching.NewOrder,
		Order:      matching.OrderID(b[1] % 32),
		Trader:     matching.TraderID(b[2] % 4),
		Symbol:     matching.SymbolID(b[2] / 4 % 5),
		Side:       matching.Side(1 + b[3]%2),
		Type:       matching.Type(b[3] / 2 % 5),
		TIF:        matching.TIF(b[3] / 16 % 6),
		Prevention: matching.Prevention(b[4] % 6),
		Phase:      matching.Phase(b[4] % 4),
		Price:      number(b[5], matching.MaxPrice),
		Qty:        number(b[6], matching.MaxQty),
		Display:    number(b[7], matching.MaxQty) - 1,
		Trigger:    number(b[8], matching.MaxPrice),
		Time:       int64(b[9]) - 2,
		HasQty:     b[4]&0x40 != 0,
		HasPrice:   b[4]&0x80 != 0,
	}
	if int(b[0]) < 4*len(ops) {
		c.Op = ops[b[0]/4]
	}
	if b[4] > 0xf0 {
		c.Side = matching.Side(b[4] & 3)
	}
	return c
}

// number spreads a byte over small values, values at both limits, and wrong ones.
func number(b byte, limit int64) int64 {
	switch {
	case b < 200:
		return 1 + int64(b%64)
	case b < 210:
		return limit - int64(b-200)
	case b < 220:
		return limit / int64(b-208)
	case b < 250:
		return 1000 * int64(b-219)
	default:
		return []int64{0, -1, limit + 1, matching.OffTick, 1<<63 - 1, 1 << 32}[b-250]
	}
}

func FuzzCommands(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomBytes(seed, 1+commandBytes*100))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		config, stream := decodeStream(data)
		if try(config, stream) != nil {
			failOn(t, "fuzz", stream, func(s []matching.Command) error { return try(config, s) })
		}
	})
}

func randomBytes(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 0x66757a7a))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// fuzzConfigs are what a snapshot may be restored under; the first byte of the
// input chooses.
var fuzzConfigs = []matching.Config{{}, {Named: true}, {IDsEver: true}, {Named: true, IDsEver: true, AmendTotal: true}}

// FuzzRestore mends the checksum of whatever it is given: otherwise no damage
// would get past it.
func FuzzRestore(f *testing.F) {
	for i, config := range fuzzConfigs {
		f.Add(byte(i), lived(f, config, 0).Snapshot())
		f.Add(byte(i), lived(f, config, 40).Snapshot())
	}
	f.Fuzz(func(t *testing.T, choice byte, data []byte) {
		config := fuzzConfigs[int(choice)%len(fuzzConfigs)]
		data = resealed(data)
		engine := lived(t, config, 20)
		before := engine.Snapshot()
		if err := engine.Restore(data); err != nil {
			require.ErrorIs(t, err, matching.ErrSnapshot)
			require.True(t, bytes.Equal(before, engine.Snapshot()), "a refused snapshot left its traces")
			return
		}
		require.NoError(t, engine.Verify())
		require.True(t, bytes.Equal(data, engine.Snapshot()), "an accepted snapshot is not what the engine gives back")
		goOn(t, engine)
	})
}

// resealed is data with the checksum that its bytes call for.
func resealed(data []byte) []byte {
	if len(data) < 4 {
		return data
	}
	body := slices.Clone(data[:len(data)-4])
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// lived is an engine after n commands.
func lived(t testing.TB, config matching.Config, n int) *matching.Engine {
	engine := newEngine(t, config)
	for _, c := range generate(3, n) {
		if config.Named {
			c = renamed(engine.Names(), c)
		}
		engine.Apply(&c)
	}
	return engine
}

// goOn sees that an engine from a strange snapshot can be worked with.
func goOn(t *testing.T, engine *matching.Engine) {
	for _, c := range generate(7, 60) {
		if engine.Names() != nil {
			c = renamed(engine.Names(), c)
		}
		engine.Apply(&c)
		require.NoError(t, engine.Verify())
	}
	engine.Apply(&matching.Command{Op: matching.Tick, Time: 1<<63 - 1})
	engine.Hash()
	require.NoError(t, engine.Verify())
}
