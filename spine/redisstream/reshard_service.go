package redisstream

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// movedService is a service on its way to other shards.
type movedService struct {
	name   string
	organs []string      // that it has, or had when one of its shards was taken the last time
	old    []serviceKeys // by old shard
	target []serviceKeys // by new shard
	lease  newLease

	// What is unread in an old shard may come to lie before what another one has handed out. Up to edge, the highest id that was handed out
	// anywhere, everything counts as handed out.
	delivered []streamID // by old shard
	edge      streamID
	handed    []streamID // by new shard: the last one that counts as handed out
	count     []int64    // by new shard: of these

	// Emissions for entries up to mute, but for loud, were emitted before the service was rewound.
	mute   []streamID        // by old shard
	loud   []map[string]bool // by old shard
	hushed streamID          // the highest of mute
	muted  []streamID        // by new shard
}

// newLease is what all new shards of a service begin with.
type newLease struct{ epoch, commit, pull uint64 }

// survey reads how far the services are, and makes their groups.
func (m *mover) survey(ctx context.Context) error {
	for _, o := range m.operations {
		s, err := m.surveyService(ctx, o)
		if err != nil {
			return fmt.Errorf("service %q: %w", o.service.Name, err)
		}
		m.services = append(m.services, s)
		for _, t := range m.target {
			if err := m.write(ctx, []string{t.in}, "XGROUP", "CREATE", t.in, s.name, "0", "MKSTREAM"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *mover) surveyService(ctx context.Context, o *operation) (*movedService, error) {
	s := &movedService{
		name: o.service.Name, organs: slices.Clone(o.service.Retired),
		handed: make([]streamID, len(m.target)), count: make([]int64, len(m.target)), muted: make([]streamID, len(m.target)),
	}
	var owns, loud []*call
	for i, x := range m.shards {
		keys := x.shardKeys.of(s.name, nil)
		owns, loud = append(owns, plain("HGETALL", keys.own)), append(loud, plain("SMEMBERS", keys.loudKey))
		id, ok := m.seen[i].delivered[s.name]
		if !ok {
			return nil, fmt.Errorf("%w: shard %d has no group of it", ErrStore, i)
		}
		s.delivered, s.edge = append(s.delivered, id), later(s.edge, id)
	}
	if err := m.read(ctx, slices.Concat(owns, loud)...); err != nil {
		return nil, err
	}
	for i := range m.shards {
		if err := s.inherit(pairsOf(owns[i].reply)); err != nil {
			return nil, err
		}
		set := map[string]bool{}
		for _, id := range stringsOf(list(loud[i].reply)) {
			set[id] = true
		}
		s.loud = append(s.loud, set)
	}
	for _, x := range m.shards {
		s.old = append(s.old, x.shardKeys.of(s.name, s.organs))
	}
	for _, t := range m.target {
		s.target = append(s.target, t.of(s.name, s.organs))
	}
	return s, nil
}

// inherit takes what the lease of an old shard says.
func (s *movedService) inherit(own map[string]string) error {
	if own["clearing"] != "" {
		return fmt.Errorf("%w: it was rewound or removed, and that was not brought to its end: do it again", ErrServed)
	}
	l := &s.lease
	l.epoch, l.commit, l.pull = max(l.epoch, parseNumber(own["epoch"])), max(l.commit, parseNumber(own["c"])), max(l.pull, parseNumber(own["p"]))
	mute, _ := parseID(own["mute"]) // none: the lowest
	s.mute, s.hushed = append(s.mute, mute), later(s.hushed, mute)
	for _, organ := range splitOrgans(own["organs"]) {
		if !slices.Contains(s.organs, organ) {
			s.organs = append(s.organs, organ)
		}
	}
	return nil
}

// later is the higher one.
func later(a, b streamID) streamID {
	if a.before(b) {
		return b
	}
	return a
}

// moveLeases writes the groups' ends and the leases, which are free.
func (m *mover) moveLeases(ctx context.Context) error {
	for _, s := range m.services {
		for i, t := range m.target {
			if err := m.write(ctx, []string{t.in}, "XGROUP", "SETID", t.in, s.name, s.handed[i].String(), "ENTRIESREAD", s.count[i]); err != nil {
				return err
			}
			own := []any{
				"HSET", s.target[i].own, "tok", "", "beat", "0", "node", "", "h", "", "epoch", formatNumber(s.lease.epoch + 1),
				"c", formatNumber(s.lease.commit), "p", formatNumber(s.lease.pull), "organs", organWord(s.organs),
			}
			if s.muted[i] != (streamID{}) {
				own = append(own, "mute", s.muted[i].String())
			}
			if err := m.write(ctx, []string{s.target[i].own}, own...); err != nil {
				return err
			}
		}
	}
	for i, t := range m.target {
		if m.late[i] == 0 {
			continue
		}
		if err := m.write(ctx, []string{t.delayedEntries}, "HSET", t.delayedEntries, "#", strconv.FormatUint(m.late[i], 10)); err != nil {
			return err
		}
	}
	return nil
}
