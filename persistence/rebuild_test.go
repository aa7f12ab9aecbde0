package persistence_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

type paid struct {
	Account string
	Cents   int
}

func (paid) EventType() string  { return "PAID" }
func (p paid) EventKey() string { return p.Account }

type balance struct{ Cents int }

func (balance) EventType() string { return "BALANCE" }

type reminder struct{}

func (reminder) EventType() string { return "REMINDER" }

// purse is a state whose decoding can be made to panic.
type purse struct{ cents byte }

func (p *purse) MarshalBinary() ([]byte, error) { return []byte{p.cents}, nil }
func (p *purse) UnmarshalBinary(b []byte) error {
	if len(b) != 1 {
		return errors.New("a purse is one byte")
	}
	if b[0] == 0xff {
		panic("torn purse")
	}
	p.cents = b[0]
	return nil
}

// step is what the organ of these tests does; tests replace it.
func step(s *purse, ev actors.EventOf[paid]) ([]actors.Payload, error) {
	s.cents += byte(ev.Payload.Cents)
	return actors.Emit(balance{int(s.cents)}, actors.After(time.Hour, reminder{}), actors.With(reminder{}, actors.At(noon.Add(time.Hour)))), nil
}

type stepFunc = func(*purse, actors.EventOf[paid]) ([]actors.Payload, error)

func purses(f stepFunc, version int) actors.KeyedOrgan {
	return actors.NewKeyed("purses", func(string) *purse { return &purse{} }, actors.Step(f), actors.Version[purse](version))
}

var (
	cellA   = persistence.Cell{Organ: "purses", Key: "a"}
	stamper = actors.StamperOptions{Service: "bank", Organ: "purses"}
)

// historyOf runs a cell live, as a runtime does, and records it.
func historyOf(t *testing.T, exact bool, amounts ...int) (persistence.History, actors.Cell) {
	t.Helper()
	organ := purses(step, 1)
	live, err := organ.NewCell("a")
	require.NoError(t, err)
	s := actors.NewStamper(stamper)
	var h persistence.History
	for i, cents := range amounts {
		at := noon.Add(time.Duration(i)*time.Minute + 123*time.Nanosecond)
		ev, err := s.Root(paid{"a", cents}, at.Add(-time.Second))
		require.NoError(t, err)
		out, err := live.Step(ev)
		require.NoError(t, err)
		var emitted []actors.Event
		for pos, p := range out {
			e, err := s.Emission(ev, pos, p, at)
			require.NoError(t, err)
			emitted = append(emitted, e)
		}
		digest, err := persistence.Digest(emitted, exact)
		require.NoError(t, err)
		h.Last++
		h.Records = append(h.Records, persistence.Record{Seq: h.Last, Event: ev, Version: 1, Digest: digest, At: at})
	}
	return h, live
}

func rebuild(organ actors.KeyedOrgan, h persistence.History) (actors.Cell, error) {
	return persistence.Rebuild(organ, cellA, h, actors.NewStamper(stamper))
}

func stateOf(t *testing.T, c actors.Cell) []byte {
	t.Helper()
	state, err := c.MarshalState()
	require.NoError(t, err)
	return state
}

// Emissions with After and with At, stamped at another moment, come to the same digest again.
func TestRebuildGivesTheStateThatTheCommitsGave(t *testing.T) {
	t.Parallel()
	for name, exact := range map[string]bool{"exact": true, "light": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, live := historyOf(t, exact, 1, 2, 3, 4)
			assert.Equal(t, exact, persistence.Exact(h.Records[0].Digest))
			c, err := rebuild(purses(step, 1), h)
			require.NoError(t, err)
			assert.Equal(t, stateOf(t, live), stateOf(t, c))
		})
	}
}

func TestRebuildOfNothingIsTheFreshCell(t *testing.T) {
	t.Parallel()
	c, err := rebuild(purses(step, 1), persistence.History{})
	require.NoError(t, err)
	assert.Equal(t, []byte{0}, stateOf(t, c))
}

func TestRebuildStartsAtTheSnapshot(t *testing.T) {
	t.Parallel()
	h, _ := historyOf(t, true, 1, 2, 3, 4)
	h.Snapshot = snapshotOf(t, 2, 40) // 40, not 3: to see that it counts
	c, err := rebuild(purses(step, 1), withDigests(t, h, 2, 40))
	require.NoError(t, err)
	assert.Equal(t, []byte{47}, stateOf(t, c))
}

func snapshotOf(t *testing.T, seq uint64, cents byte) persistence.Snapshot {
	t.Helper()
	c, err := purses(step, 1).NewCell("a")
	require.NoError(t, err)
	require.NoError(t, c.UnmarshalState([]byte{cents}))
	s, err := persistence.NewSnapshot(c, seq, 1)
	require.NoError(t, err)
	return summed(s)
}

// summed is s as it comes back from a store outside of the process.
func summed(s persistence.Snapshot) persistence.Snapshot {
	s.Trusted, s.Sum = false, sha256.Sum256(s.State)
	return s
}

// withDigests corrects the digests of the records after from for a state that had cents there.
func withDigests(t *testing.T, h persistence.History, from int, cents byte) persistence.History {
	t.Helper()
	c, err := purses(step, 1).NewCell("a")
	require.NoError(t, err)
	require.NoError(t, c.UnmarshalState([]byte{cents}))
	s := actors.NewStamper(stamper)
	for i := from; i < len(h.Records); i++ {
		out, err := c.Step(h.Records[i].Event)
		require.NoError(t, err)
		var emitted []actors.Event
		for pos, p := range out {
			e, err := s.Emission(h.Records[i].Event, pos, p, h.Records[i].At)
			require.NoError(t, err)
			emitted = append(emitted, e)
		}
		h.Records[i].Digest, err = persistence.Digest(emitted, true)
		require.NoError(t, err)
	}
	return h
}

func TestRebuildFallsBackToTheSnapshotBefore(t *testing.T) {
	t.Parallel()
	h, live := historyOf(t, true, 1, 2, 3, 4)
	h.Previous, h.Snapshot = snapshotOf(t, 1, 1), snapshotOf(t, 3, 6)
	h.Snapshot.State = []byte{7} // no longer what its checksum says
	c, err := rebuild(purses(step, 1), h)
	require.NoError(t, err)
	assert.Equal(t, stateOf(t, live), stateOf(t, c))
}

func TestRebuildComparesNoChecksumOfATrustedSnapshot(t *testing.T) {
	t.Parallel()
	h, _ := historyOf(t, true, 1)
	h.Snapshot, h.Records = persistence.Snapshot{Seq: 1, State: []byte{9}, Trusted: true}, nil
	c, err := rebuild(purses(step, 1), h)
	require.NoError(t, err)
	assert.Equal(t, []byte{9}, stateOf(t, c))
	h.Snapshot.Trusted = false
	_, err = rebuild(purses(step, 1), h)
	assert.ErrorIs(t, err, persistence.ErrCorrupt, "a checksum that is not there matches nothing")
}

func TestRebuildFallsBackToTheBeginningWhereAllRecordsAreThere(t *testing.T) {
	t.Parallel()
	h, live := historyOf(t, true, 1, 2, 3)
	h.Snapshot = persistence.Snapshot{Seq: 2, State: []byte{1}}
	c, err := rebuild(purses(step, 1), h)
	require.NoError(t, err)
	assert.Equal(t, stateOf(t, live), stateOf(t, c))
}

func TestRebuildTakesTheNewestSnapshotThatIsWhole(t *testing.T) {
	t.Parallel()
	h, _ := historyOf(t, true, 1, 2)
	h.Previous, h.Snapshot = snapshotOf(t, 1, 1), snapshotOf(t, 2, 50)
	c, err := rebuild(purses(step, 1), h)
	require.NoError(t, err)
	assert.Equal(t, []byte{50}, stateOf(t, c))
}

func TestRebuildStartsAnewAtAReset(t *testing.T) {
	t.Parallel()
	h, _ := historyOf(t, true, 1, 2, 3, 4)
	h.Records[2].Reset = true
	c, err := rebuild(purses(step, 1), withDigests(t, h, 2, 0))
	require.NoError(t, err)
	assert.Equal(t, []byte{7}, stateOf(t, c), "records before the reset do not count")

	h.Records = h.Records[2:]
	c, err = rebuild(purses(step, 1), h)
	require.NoError(t, err)
	assert.Equal(t, []byte{7}, stateOf(t, c), "and need not be there")

	h.Records = h.Records[1:]
	_, err = rebuild(purses(step, 1), h)
	assert.ErrorIs(t, err, persistence.ErrCorrupt, "without the reset there is a gap")
}

func TestRebuildQuarantines(t *testing.T) {
	t.Parallel()
	steps := func(f stepFunc) actors.KeyedOrgan { return purses(f, 1) }
	for name, c := range map[string]struct {
		organ actors.KeyedOrgan
		spoil func(h *persistence.History)
		want  string
	}{
		"another version": {
			organ: purses(step, 2),
			want:  "made by version 1 of the steps, this is version 2",
		},
		"another emission": {
			organ: steps(func(s *purse, ev actors.EventOf[paid]) ([]actors.Payload, error) {
				s.cents = 9
				return step(s, ev)
			}),
			want: "the step emits something else than it did",
		},
		"one emission less": {
			organ: steps(func(s *purse, ev actors.EventOf[paid]) ([]actors.Payload, error) {
				out, err := step(s, ev)
				return out[1:], err
			}),
			want: "the step emits something else than it did",
		},
		"another delay": {
			organ: steps(func(s *purse, ev actors.EventOf[paid]) ([]actors.Payload, error) {
				out, err := step(s, ev)
				out[1] = actors.After(time.Minute, reminder{})
				return out, err
			}),
			want: "the step emits something else than it did",
		},
		"another digest": {
			spoil: func(h *persistence.History) { h.Records[1].Digest ^= 1 << 40 },
			want:  "record 2",
		},
		"a gap": {
			spoil: func(h *persistence.History) { h.Records = append(h.Records[:1], h.Records[2:]...) },
			want:  "record 2 is missing, the next one is 3",
		},
		"no beginning": {
			spoil: func(h *persistence.History) { h.Records = h.Records[1:] },
			want:  "record 1 is missing, the next one is 2",
		},
		"no end": {
			spoil: func(h *persistence.History) { h.Records = h.Records[:2] },
			want:  "records end at 2, the cell has 3 changes",
		},
		"more records than changes": {
			spoil: func(h *persistence.History) { h.Last = 2 },
			want:  "records end at 3, the cell has 2 changes",
		},
		"a record twice": {
			spoil: func(h *persistence.History) { h.Records[2] = h.Records[1]; h.Last = 4 },
			want:  "records end at 2, the cell has 4 changes",
		},
		"a damaged snapshot": {
			spoil: func(h *persistence.History) {
				h.Snapshot = persistence.Snapshot{Seq: 1, State: []byte{1}}
				h.Records = h.Records[1:]
			},
			want: "snapshot 1 does not match its checksum",
		},
		"two damaged snapshots": {
			spoil: func(h *persistence.History) {
				h.Snapshot = persistence.Snapshot{Seq: 2, State: []byte{1}}
				h.Previous = persistence.Snapshot{Seq: 1, State: []byte{1}}
			},
			want: "and the snapshot before",
		},
		"a snapshot of another form": {
			spoil: func(h *persistence.History) { h.Snapshot, h.Records = whole(1, []byte("12")), h.Records[1:] },
			want:  "a purse is one byte",
		},
		"a snapshot that panics": {
			spoil: func(h *persistence.History) { h.Snapshot, h.Records = whole(1, []byte{0xff}), h.Records[1:] },
			want:  "torn purse",
		},
		"a step that fails": {
			organ: steps(func(*purse, actors.EventOf[paid]) ([]actors.Payload, error) { return nil, errors.New("no such coin") }),
			want:  "no such coin",
		},
		"a step that panics": {
			organ: steps(func(*purse, actors.EventOf[paid]) ([]actors.Payload, error) { panic("hole in the purse") }),
			want:  "hole in the purse",
		},
		"an emission that cannot be stamped": {
			organ: steps(func(*purse, actors.EventOf[paid]) ([]actors.Payload, error) {
				return actors.Emit(actors.With(balance{}, actors.Key(""))), nil
			}),
			want: "key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := historyOf(t, true, 1, 2, 3)
			if c.spoil != nil {
				c.spoil(&h)
			}
			if c.organ == nil {
				c.organ = purses(step, 1)
			}
			_, err := rebuild(c.organ, h)
			require.ErrorIs(t, err, persistence.ErrCorrupt)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, `cell purses/"a"`)
		})
	}
}

// whole is a snapshot with the right checksum.
func whole(seq uint64, state []byte) persistence.Snapshot {
	s, err := persistence.NewSnapshot(bytesCell{state: state}, seq, 1)
	if err != nil {
		panic(err)
	}
	return summed(s)
}

type bytesCell struct {
	actors.Cell
	state []byte
	err   error
}

func (c bytesCell) MarshalState() ([]byte, error) { return c.state, c.err }

func TestALightDigestDoesNotSeeThePayload(t *testing.T) {
	t.Parallel()
	h, _ := historyOf(t, false, 1, 2)
	_, err := rebuild(purses(func(s *purse, ev actors.EventOf[paid]) ([]actors.Payload, error) {
		out, err := step(s, ev)
		out[0] = balance{-1}
		return out, err
	}, 1), h)
	require.NoError(t, err)
	_, err = rebuild(purses(func(s *purse, ev actors.EventOf[paid]) ([]actors.Payload, error) {
		out, err := step(s, ev)
		out[0] = actors.With(out[0], actors.Key("k"))
		return out, err
	}, 1), h)
	require.ErrorIs(t, err, persistence.ErrCorrupt)
}

// A cell that cannot be made says nothing about what is stored of it.
func TestRebuildDoesNotQuarantineForAnOrganThatMakesNoCell(t *testing.T) {
	t.Parallel()
	h, _ := historyOf(t, true, 1)
	for name, fresh := range map[string]func(string) *purse{
		"no new purses": func(string) *purse { panic("no new purses") },
		"is nil":        func(string) *purse { return nil },
	} {
		_, err := rebuild(actors.NewKeyed("purses", fresh, actors.Step(step)), h)
		require.ErrorContains(t, err, name)
		assert.NotErrorIs(t, err, persistence.ErrCorrupt)
	}
}

func TestNewSnapshotReportsAStateThatDoesNotEncode(t *testing.T) {
	t.Parallel()
	_, err := persistence.NewSnapshot(bytesCell{err: errors.New("unprintable")}, 1, 1)
	require.EqualError(t, err, "unprintable")
}
