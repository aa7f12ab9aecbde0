package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// Bench measures a backend by itself: what it costs to emit or publish an event, pull it and settle it
// for all its organs, in batches. One operation is one event. There are no handlers, and
// the events are made beforehand.
func Bench(b *testing.B, h Harness) {
	for _, batch := range []int{64, 512} {
		for _, c := range []struct {
			name    string
			publish bool
			organs  []spine.OrganSpec
		}{
			{"emit", false, []spine.OrganSpec{organ("a")}},
			{"emit/organs=2", false, []spine.OrganSpec{organ("a"), organ("b")}},
			{"emit/keyed", false, []spine.OrganSpec{keyed("a")}},
			{"publish", true, []spine.OrganSpec{organ("a")}},
		} {
			b.Run(fmt.Sprintf("%s/batch=%d", c.name, batch), func(b *testing.B) {
				m := newMill(b, h, batch, c.organs)
				m.publish = c.publish
				m.run(b)
			})
		}
	}
}

// mill keeps a batch of events going round: each that is pulled is emitted, or published, once
// more. It allocates nothing itself.
type mill struct {
	backend spine.Backend
	organs  []spine.OrganSpec
	publish bool
	want    spine.Want

	ss      []spine.Settlement
	events  []actors.Event       // by place in the batch
	changes []persistence.Change // by place in the batch
	counts  map[string]uint64    // changes so far, by key
	full    []string             // keys whose cells are due for a snapshot
}

const (
	millKeys    = 64
	millRecords = 256 // between two snapshots
)

var millTime = time.Unix(1_900_000_000, 0)

func newMill(b *testing.B, h Harness, batch int, organs []spine.OrganSpec) *mill {
	store := h.Open(b, Config{})
	m := &mill{
		backend: store.Attach(b),
		organs:  organs,
		want:    spine.Want{Events: batch, Bytes: math.MaxInt, Into: make([]spine.Delivery, 0, batch)},
		events:  make([]actors.Event, batch),
		changes: make([]persistence.Change, batch),
		counts:  map[string]uint64{},
	}
	require.NoError(b, m.backend.Open(b.Context(), spine.Service{Name: "mill", Organs: organs}))
	stamper := actors.NewStamper(actors.StamperOptions{Service: "mill", Encode: true})
	for i := range m.events {
		ev, err := stamper.Root(note{fmt.Sprint("key-", i%millKeys), "a text of a usual length, neither short nor long"}, store.Now())
		require.NoError(b, err)
		m.events[i] = ev
	}
	_, err := m.backend.Publish(b.Context(), m.events)
	require.NoError(b, err)
	return m
}

func (m *mill) run(b *testing.B) {
	b.ReportAllocs()
	left := 0
	for b.Loop() {
		if left == 0 {
			n, err := m.turn(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			left = n
		}
		left--
	}
}

// turn pulls and settles one batch, and returns how many events it had.
func (m *mill) turn(ctx context.Context) (int, error) {
	ds, err := m.backend.Pull(ctx, m.want)
	if err != nil {
		return 0, err
	}
	m.ss = m.ss[:0]
	for i := range ds {
		m.events[i] = ds[i].Event
		for organ := range m.organs {
			m.ss = append(m.ss, m.settlement(&ds[i], i, organ))
		}
	}
	answers, err := m.backend.Settle(ctx, m.ss)
	if err != nil {
		return 0, err
	}
	for i := range answers {
		if answers[i].Code != spine.Settled {
			return 0, fmt.Errorf("answer %d is %d", i, answers[i].Code)
		}
	}
	if m.publish {
		_, err = m.backend.Publish(ctx, m.events[:len(ds)])
	}
	return len(ds), errors.Join(err, m.snapshots(ctx))
}

// settlement emits the event itself once more: a backend does not mind.
func (m *mill) settlement(d *spine.Delivery, place, organ int) spine.Settlement {
	x := spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ}
	if organ == 0 && !m.publish {
		x.Emitted = m.events[place : place+1]
	}
	if !m.organs[organ].Keyed {
		return x
	}
	key := d.Event.Key()
	x.Change = &m.changes[place]
	*x.Change = persistence.Change{Base: m.counts[key], Version: 1, At: millTime}
	m.counts[key]++
	if m.counts[key]%millRecords == 0 {
		m.full = append(m.full, key)
	}
	return x
}

// snapshots keeps the cells' records from growing for ever.
func (m *mill) snapshots(ctx context.Context) error {
	for _, key := range m.full {
		s := persistence.Snapshot{Seq: m.counts[key], Version: 1, At: millTime}
		if err := m.backend.(persistence.Store).Save(ctx, persistence.Cell{Organ: "a", Key: key}, s); err != nil {
			return err
		}
	}
	m.full = m.full[:0]
	return nil
}
