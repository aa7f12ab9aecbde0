package cluster_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/necrostack/necrostack/spine"
)

var errUnreachable = errors.New("no route to the store")

// fakeStore is what the handles of one store share, in memory. A lease runs out as in the real one: for who has watched it all that
// time, and its owner is silent.
type fakeStore struct {
	shards int
	lease  time.Duration

	mu      sync.Mutex
	members map[string]string
	agreed  map[string]string
	handles []*fakeHandle
	owner   []*fakeHandle
	free    []time.Time // since when a shard has no owner who serves it
	moves   []fakeMove
	agrees  []fakeAgree
	down    bool // refuses
	mute    bool // says nothing
}

// fakeMove is a shard that has got an owner.
type fakeMove struct {
	shard    uint32
	from, to string        // names of handles
	without  time.Duration // nobody served it
}

type fakeAgree struct {
	by, name string
	done     bool
}

// fakeHandle is a node's handle. Its events are its own: what passes through shards is tested elsewhere.
type fakeHandle struct {
	*spine.Memory
	store   *fakeStore
	name    string
	claims  map[uint32]time.Time // since when
	busy    map[uint32]bool      // has work in hand
	cut     time.Time            // since when it does not reach the store; zero: it does
	opening error
	racing  func() // called before a plan is agreed on, once
}

func newFakeStore(shards int, lease time.Duration) *fakeStore {
	return &fakeStore{
		shards: shards, lease: lease, members: make(map[string]string), agreed: make(map[string]string),
		owner: make([]*fakeHandle, shards), free: make([]time.Time, shards),
	}
}

func (s *fakeStore) handle(name string) *fakeHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &fakeHandle{Memory: spine.NewMemory(), store: s, name: name, busy: make(map[uint32]bool)}
	s.handles = append(s.handles, h)
	return h
}

// settle lets leases go their way. The lock must be held.
func (s *fakeStore) settle() {
	now := time.Now()
	for i := range s.owner {
		shard, o := uint32(i), s.owner[i]
		if o != nil && o.cut.IsZero() && !o.claimed(shard) && !o.busy[shard] {
			s.owner[i], s.free[i] = nil, now
		}
		for _, h := range s.handles {
			if s.owner[i] != h && h.cut.IsZero() && h.claimed(shard) && s.open(i, h, now) {
				s.take(i, h, now)
			}
		}
	}
}

// open reports whether h may take a shard.
func (s *fakeStore) open(i int, h *fakeHandle, now time.Time) bool {
	o := s.owner[i]
	return o == nil || !o.cut.IsZero() && now.Sub(o.cut) >= s.lease && now.Sub(h.claims[uint32(i)]) >= s.lease
}

func (s *fakeStore) take(i int, h *fakeHandle, now time.Time) {
	m := fakeMove{shard: uint32(i), to: h.name}
	switch o := s.owner[i]; {
	case o != nil:
		m.from, m.without = o.name, now.Sub(o.cut)
	case !s.free[i].IsZero():
		m.without = now.Sub(s.free[i])
	}
	s.owner[i] = h
	s.moves = append(s.moves, m)
}

func (h *fakeHandle) claimed(shard uint32) bool {
	_, is := h.claims[shard]
	return is
}

func (h *fakeHandle) Open(ctx context.Context, service spine.Service) error {
	return errors.Join(h.opening, h.Memory.Open(ctx, service))
}

func (h *fakeHandle) Shards() int          { return h.store.shards }
func (h *fakeHandle) Lease() time.Duration { return h.store.lease }

func (h *fakeHandle) Claim(shards []uint32) {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	now, claims := time.Now(), make(map[uint32]time.Time)
	for _, s := range shards {
		claims[s] = now
		if since, before := h.claims[s]; before {
			claims[s] = since
		}
	}
	h.claims = claims
	h.store.settle()
}

func (h *fakeHandle) Owned() []uint32 {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	owned := []uint32{}
	for i, o := range h.store.owner {
		if o == h {
			owned = append(owned, uint32(i))
		}
	}
	return owned
}

// reach locks the store, if it can be reached.
func (h *fakeHandle) reach(ctx context.Context) error {
	h.store.mu.Lock()
	if h.store.mute {
		h.store.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	}
	if h.store.down || !h.cut.IsZero() {
		h.store.mu.Unlock()
		return errUnreachable
	}
	if err := ctx.Err(); err != nil {
		h.store.mu.Unlock()
		return err
	}
	return nil
}

func (h *fakeHandle) Enter(ctx context.Context, _, id, record string) (members, agreed map[string]string, err error) {
	return h.beat(ctx, id, record, true)
}

func (h *fakeHandle) Beat(ctx context.Context, _, id, record string) (members, agreed map[string]string, err error) {
	return h.beat(ctx, id, record, false)
}

func (h *fakeHandle) beat(ctx context.Context, id, record string, enter bool) (members, agreed map[string]string, err error) {
	if err := h.reach(ctx); err != nil {
		return nil, nil, err
	}
	defer h.store.mu.Unlock()
	if _, there := h.store.members[id]; id != "" && !there && !enter {
		return nil, nil, nil
	}
	if id != "" {
		h.store.members[id] = record
	}
	return maps.Clone(h.store.members), maps.Clone(h.store.agreed), nil
}

func (h *fakeHandle) Agree(ctx context.Context, _, name, seen, next string) (bool, error) {
	if name == "plan" {
		h.store.mu.Lock()
		racing := h.racing
		h.racing = nil
		h.store.mu.Unlock()
		if racing != nil {
			racing()
		}
	}
	if err := h.reach(ctx); err != nil {
		return false, err
	}
	defer h.store.mu.Unlock()
	done := h.store.agreed[name] == seen
	h.store.agrees = append(h.store.agrees, fakeAgree{h.name, name, done})
	if done {
		h.store.agreed[name] = next
	}
	return done, nil
}

func (h *fakeHandle) Strike(ctx context.Context, _, id, seen string) error {
	if err := h.reach(ctx); err != nil {
		return err
	}
	defer h.store.mu.Unlock()
	if h.store.members[id] == seen {
		delete(h.store.members, id)
	}
	return nil
}
