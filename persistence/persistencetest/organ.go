package persistencetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

// added is the event that the suite's organ counts.
type added struct {
	Account string `json:"account"`
	N       int    `json:"n"`
}

func (added) EventType() string  { return "ADDED" }
func (a added) EventKey() string { return a.Account }

// counted is what it emits.
type counted struct {
	Sum int `json:"sum"`
}

func (counted) EventType() string { return "COUNTED" }

// tally is the organ's state. Steps counts separately from Sum, so that a change applied twice or
// in another order shows.
type tally struct {
	Sum   int    `json:"sum"`
	Steps int    `json:"steps"`
	Trail string `json:"trail"`
}

func newOrgan(name string) actors.KeyedOrgan {
	return actors.NewKeyed(name, func(string) *tally { return &tally{} },
		actors.Step(func(s *tally, ev actors.EventOf[added]) ([]actors.Payload, error) {
			s.Sum += ev.Payload.N
			s.Steps++
			s.Trail = fmt.Sprintf("%.20s|%d", s.Trail, ev.Payload.N)
			return actors.Emit(counted{s.Sum}, actors.After(time.Minute, counted{s.Steps})), nil
		}))
}

// life is a cell in memory and the store it lives in, as a runtime holds them.
type life struct {
	t     *testing.T
	h     Harness
	name  persistence.Cell
	organ actors.KeyedOrgan
	cell  actors.Cell
	seq   uint64
	at    time.Time
}

func newLife(t *testing.T, h Harness, organ, key string) *life {
	l := &life{t: t, h: h, name: persistence.Cell{Organ: organ, Key: key}, organ: newOrgan(organ), at: start}
	l.fresh()
	return l
}

// fresh forgets the state, as a runtime does with a cell that has expired.
func (l *life) fresh() {
	c, err := l.organ.NewCell(l.name.Key)
	require.NoError(l.t, err)
	l.cell = c
}

// next steps the cell and returns the change that the step makes, not yet applied.
func (l *life) next(n int) (actors.Event, persistence.Change) {
	l.at = l.at.Add(time.Second)
	ev, err := l.stamper().Root(added{l.name.Key, n}, l.at)
	require.NoError(l.t, err)
	out, err := l.cell.Step(ev)
	require.NoError(l.t, err)
	emitted := make([]actors.Event, len(out))
	for i, p := range out {
		emitted[i], err = l.stamper().Emission(ev, i, p, l.at)
		require.NoError(l.t, err)
	}
	digest, err := persistence.Digest(emitted, true)
	require.NoError(l.t, err)
	return ev, persistence.Change{Base: l.seq, Version: l.organ.StepVersion(), Digest: digest, At: l.at}
}

// apply commits c, which the store must take.
func (l *life) apply(ev actors.Event, c persistence.Change) {
	require.NoError(l.t, l.h.Apply(l.t.Context(), l.name, ev, c))
	l.seq = c.Base + 1
}

// add makes and commits changes, one for each n.
func (l *life) add(ns ...int) {
	for _, n := range ns {
		l.apply(l.next(n))
	}
}

// addInPlace makes a change that is stored with the whole state.
func (l *life) addInPlace(n int) {
	ev, c := l.next(n)
	c.State = l.state()
	l.apply(ev, c)
}

// addReset makes the first change of another life of the cell.
func (l *life) addReset(n int) {
	l.fresh()
	ev, c := l.next(n)
	c.Reset = true
	l.apply(ev, c)
}

func (l *life) snapshot() persistence.Snapshot {
	s, err := persistence.NewSnapshot(l.cell, l.seq, l.organ.StepVersion())
	require.NoError(l.t, err)
	s.At = l.at
	return s
}

func (l *life) save(s persistence.Snapshot) {
	require.NoError(l.t, l.h.Store.Save(l.t.Context(), l.name, s))
}

func (l *life) state() []byte {
	data, err := l.cell.MarshalState()
	require.NoError(l.t, err)
	return data
}

func (l *life) stamper() *actors.Stamper {
	return actors.NewStamper(actors.StamperOptions{Service: "suite", Organ: l.name.Organ})
}

// load returns the stored history.
func (l *life) load() persistence.History {
	hs, err := l.h.Store.Load(l.t.Context(), []persistence.Cell{l.name}, nil)
	require.NoError(l.t, err)
	require.Len(l.t, hs, 1)
	return hs[0]
}

// check requires that the store's history is well formed and rebuilds the state in memory.
func (l *life) check() persistence.History {
	l.t.Helper()
	h := l.load()
	require.Equal(l.t, l.seq, h.Last, "changes")
	require.Truef(l.t, l.at.Equal(h.At), "last change at %s, want %s", h.At, l.at)
	for i, r := range h.Records {
		if i == 0 && !r.Reset {
			require.LessOrEqual(l.t, r.Seq, max(h.Snapshot.Seq, h.Previous.Seq)+1, "first record")
		}
		if i > 0 {
			require.Equal(l.t, h.Records[i-1].Seq+1, r.Seq, "records without a gap")
		}
	}
	again, err := persistence.Rebuild(l.organ, l.name, h, l.stamper())
	require.NoError(l.t, err)
	state, err := again.MarshalState()
	require.NoError(l.t, err)
	require.Equal(l.t, string(l.state()), string(state), "rebuilt state")
	return h
}
