package redisstream_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/spine/spinetest"
)

// chronicle is a state that is too large to be stored in place.
type chronicle struct {
	Sum int
	Pad string
}

func chronicles() *actors.Keyed[chronicle] {
	return actors.NewKeyed("chronicles", func(string) *chronicle {
		return &chronicle{Pad: strings.Repeat("x", 2*persistence.DefaultInPlaceLimit)}
	},
		actors.Step(func(s *chronicle, ev actors.EventOf[added]) ([]actors.Payload, error) {
			s.Sum += ev.Payload.N
			return nil, nil
		}),
		actors.Answer(func(s *chronicle, _ struct{}) (int, error) { return s.Sum, nil }))
}

// damage is what somebody does to a cell in the store.
type damage struct {
	organ string
	do    func(h *hurt)
	says  string // the dead letters
}

var damages = map[string]damage{
	"flipped-in-place":             {"totals", func(h *hurt) { h.flip("z") }, "checksum"},
	"nonsense-in-place":            {"totals", func(h *hurt) { h.set("z", "nonsense") }, "checksum"},
	"foreign":                      {"totals", func(h *hurt) { h.replace() }, "the cell has"},
	"nonsense-record":              {"chronicles", func(h *hurt) { h.flip("s3.1"); h.set("r2", "nonsense") }, "record 2 is missing"},
	"no-record":                    {"chronicles", func(h *hurt) { h.flip("s3.1"); h.remove("r3") }, "records end at 2"},
	"both-snapshots":               {"chronicles", func(h *hurt) { h.flip("s3.1"); h.flip("z") }, "checksum"},
	"nonsense-beside-the-snapshot": {"chronicles", func(h *hurt) { h.set("sm", "nonsense"); h.flip("z") }, "checksum"},
}

// hurt is a cell to be damaged.
type hurt struct {
	*testing.T
	server *redistest.Server
	key    string
}

func (h *hurt) set(field string, value any) {
	require.True(h, h.server.Client().HExists(h.Context(), h.key, field).Val(), "field %q", field)
	require.NoError(h, h.server.Client().HSet(h.Context(), h.key, field, value).Err())
}

func (h *hurt) flip(field string) {
	data, err := h.server.Client().HGet(h.Context(), h.key, field).Bytes()
	require.NoError(h, err)
	at := max(bytes.IndexByte(data, '{'), 0) + 8 // within the JSON
	data[at] ^= 1
	h.set(field, data)
}

func (h *hurt) remove(field string) {
	require.EqualValues(h, 1, h.server.Client().HDel(h.Context(), h.key, field).Val(), "field %q", field)
}

func (h *hurt) replace() {
	require.EqualValues(h, 1, h.server.Client().Del(h.Context(), h.key).Val())
	require.NoError(h, h.server.Client().RPush(h.Context(), h.key, "foreign").Err())
}

// Events of all keys come in one batch, and so their cells are loaded together: one that is damaged must not hold up the others.
func TestACellThatIsDamagedInTheStoreIsQuarantinedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	server := redistest.SharedServer(t)
	opts := []redisstream.Option{
		redisstream.WithNamespace(redistest.Namespace(t)), redisstream.WithShards(1), redisstream.WithRelaxedDurability(), redisstream.WithLogger(quiet()),
	}
	organs := []spine.Option{spine.WithService("svc"), spine.WithOrgan(projection(1)), spine.WithOrgan(chronicles())}
	keys := []string{"nothing", "flipped-snapshot"}
	for name := range damages {
		keys = append(keys, name)
	}

	b := attach(t, server, opts)
	first := start(t, b, organs...)
	for range 3 {
		for _, key := range keys {
			_, err := first.Publish(t.Context(), added{key, 1})
			require.NoError(t, err)
		}
	}
	first.idle()
	for name, d := range damages {
		assert.Equal(t, 3, ask(t, first, d.organ, name))
	}
	first.close(b) // which saves snapshots
	at := func(organ, key string) *hurt {
		return &hurt{t, server, redisstream.CellKey(b, persistence.Cell{Organ: organ, Key: key})}
	}
	at("chronicles", "flipped-snapshot").flip("s3.1")
	for name, d := range damages {
		d.do(at(d.organ, name))
	}

	b = attach(t, server, opts)
	r := spinetest.Start(t, b, append(organs, spine.WithLogger(quiet()))...)
	var again []actors.Payload
	for _, key := range keys {
		again = append(again, added{key, 10}, added{key, 100})
	}
	r.Publish(again...)
	r.Idle()

	var letters []string
	for _, l := range r.Dead() {
		require.Equal(t, actors.KindQuarantine, l.Reason)
		require.Equal(t, damages[l.Event.Key()].organ, l.Organ)
		require.Contains(t, l.Error, damages[l.Event.Key()].says, l.Event.Key())
		letters = append(letters, l.Event.Key())
	}
	var want []string
	for name := range damages {
		want = append(want, name, name)
	}
	assert.ElementsMatch(t, want, letters, "what comes for it is not lost")
	for _, organ := range []string{"totals", "chronicles"} {
		for _, key := range keys {
			if damages[key].organ != organ {
				assert.Equal(t, 113, ask(t, r, organ, key), "%s of %q", organ, key)
				continue
			}
			_, err := spine.Ask[int](t.Context(), r, organ, key, struct{}{})
			require.ErrorIs(t, err, persistence.ErrCorrupt, key)
		}
	}
	alarms := map[string]int{}
	for _, n := range r.Notes() {
		if n.Kind == spine.NoteQuarantine {
			alarms[n.Organ]++
		}
	}
	assert.Equal(t, map[string]int{"totals": 3, "chronicles": 4}, alarms)
	for organ, n := range alarms {
		assert.EqualValues(t, n, r.Stats().Organs[organ].Cells.Quarantined)
	}
	count, _, err := b.Count(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(want), count)
}

func ask(t *testing.T, r spine.Asker, organ, key string) int {
	t.Helper()
	sum, err := spine.Ask[int](t.Context(), r, organ, key, struct{}{})
	require.NoError(t, err, "%s of %q", organ, key)
	return sum
}
