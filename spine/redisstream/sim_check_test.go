package redisstream

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

// simHistory is all that has ever come into the streams, shard by shard.
type simHistory struct {
	events []actors.Event
	entry  map[string]string // of an event: its stream and its place there
	seen   map[actors.ID]bool
	done   map[string]map[string]int // organ, event: marks
	dead   map[string]map[string]int // organ, event: dead letters
	order  map[string][]string       // organ, key: events in the order of their marks
	steps  map[string][]string       // the same, with when they were handled
	key    map[string]string         // of an event
}

func (s *redisSim) history() *simHistory {
	h := &simHistory{
		seen: map[actors.ID]bool{}, done: map[string]map[string]int{}, dead: map[string]map[string]int{},
		order: map[string][]string{}, entry: map[string]string{}, steps: map[string][]string{}, key: map[string]string{},
	}
	var marks []actors.Event
	for i := range s.shards {
		for _, e := range s.store.history[s.keys.shard(i).in] {
			ev, err := decodeEntry(e.values)
			if err != nil {
				s.fail("entry %s: %v", e.id, err)
				return h
			}
			if h.seen[ev.ID()] {
				s.fail("event %s %s is in the streams twice", ev.Type(), ev.ID())
			}
			h.seen[ev.ID()] = true
			if ev.Type() == simMark {
				marks = append(marks, ev)
				continue
			}
			h.events = append(h.events, ev)
			h.entry[ev.ID().String()] = s.keys.shard(i).in + " " + e.id.String()
			if ev.HasKey() {
				h.key[ev.ID().String()] = ev.Key()
			}
		}
	}
	for _, ev := range marks {
		h.mark(s, ev)
	}
	for _, v := range s.services {
		h.letters(s, v)
	}
	return h
}

func count(m map[string]map[string]int, organ, event string) {
	if m[organ] == nil {
		m[organ] = map[string]int{}
	}
	m[organ][event]++
}

func (h *simHistory) mark(s *redisSim, ev actors.Event) {
	data, _, err := ev.Data()
	var m mark
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		s.fail("mark: %v", err)
		return
	}
	count(h.done, m.Organ, m.Of)
	if key, ok := h.key[m.Of]; ok {
		line := m.Organ + " " + key
		h.order[line], h.steps[line] = append(h.order[line], m.Of), append(h.steps[line], stepOf(m.Of, m.At))
	}
}

func (h *simHistory) letters(s *redisSim, v *simService) {
	for _, e := range s.store.history[s.keys.letters(v.spec.Name)] {
		l, err := decodeLetter(e.id.String(), e.values)
		if err != nil || l.Organ == "" || l.Event.IsZero() {
			s.fail("dead letter %q: %v", e.values, err)
			continue
		}
		count(h.dead, v.spec.Name+"/"+l.Organ, l.Event.ID().String())
	}
}

// check holds the end of a run against what is promised: every event that is in the store had exactly one effect on each organ, or
// left exactly one dead letter; in the order of its key; what it emitted is there once; cells are what their marks say; what was
// accepted is there, unless the store has gone back; and nothing is left behind.
func (s *redisSim) check() {
	h := s.history()
	for id := range s.accepted {
		if !h.seen[id] {
			s.fail("event %s was accepted, and is not in the streams", id)
		}
	}
	for _, v := range s.services {
		for i := range v.organs {
			s.checkOrgan(h, &v.organs[i], v.adds(i))
		}
		s.checkService(v)
	}
	s.checkBoxes()
	if s.failed == "" {
		s.checkCells(h)
	}
}

// checkOrgan checks the effects on one organ. One that the service added need have none where an older program has finished an
// event.
func (s *redisSim) checkOrgan(h *simHistory, o *simOrgan, added string) {
	place := map[string]int{}
	for i, ev := range h.events {
		id := ev.ID().String()
		place[id] = i
		done, dead := h.done[o.name][id], h.dead[o.name][id]
		wantDone, wantDead := 0, 0
		switch {
		case !o.types[ev.Type()]:
		case o.fails(ev) < simAttempts:
			wantDone = 1
		default:
			wantDead = 1
		}
		if added != "" && s.store.notes[olderNote(added, h.entry[id])] && done+dead <= 1 && o.types[ev.Type()] {
			wantDone, wantDead = done, dead
		}
		if done != wantDone || dead != wantDead {
			s.fail("event %s %s, organ %s: %d effects, %d dead letters, want %d and %d", ev.Type(), id, o.name, done, dead, wantDone, wantDead)
		}
		if done == 1 {
			s.checkEmitted(h, o, ev)
		}
	}
	for organ, ids := range h.order {
		if !o.ordered || !strings.HasPrefix(organ, o.name+" ") {
			continue
		}
		if !slices.IsSortedFunc(ids, func(a, b string) int { return cmp.Compare(place[a], place[b]) }) {
			s.fail("organ and key %s: the order of effects is %v", organ, ids)
		}
	}
}

func (s *redisSim) checkEmitted(h *simHistory, o *simOrgan, ev actors.Event) {
	emitted, err := o.emissions(ev, time.Time{}) // their ids do not depend on it
	if err != nil {
		s.fail("emission: %v", err)
	}
	for _, e := range emitted {
		if !h.seen[e.ID()] {
			s.fail("event %s, organ %s: what it emitted (%s) is not there", ev.ID(), o.name, e.Type())
		}
	}
}

// checkService demands that nothing of a service is left behind.
func (s *redisSim) checkService(v *simService) {
	load, _ := s.store.keys[s.keys.load()].(fakeHash)
	if load["in"] != "" && load["in"] != load["a:"+v.spec.Name] {
		s.fail("service %s: %s events were accepted, %s are finished", v.spec.Name, load["in"], load["a:"+v.spec.Name])
	}
	for i := range s.shards {
		k := s.keys.shard(i).of(v.spec.Name, nil)
		for key := range s.store.keys {
			if key == k.suspects || key == k.progress || strings.HasPrefix(key, s.keys.shard(i).tag+"due:") {
				s.fail("%s is left behind: %v", key, s.store.keys[key])
			}
		}
	}
}

// checkCells loads every cell as its owner does.
func (s *redisSim) checkCells(h *simHistory) {
	for _, n := range s.nodes {
		for i, o := range n.service.organs {
			if !o.keyed {
				continue
			}
			for k := range 5 {
				s.checkCell(h, n, persistence.Cell{Organ: n.service.spec.Organs[i].Name, Key: fmt.Sprintf("k%d", k)}, o.name)
			}
		}
	}
}

func (s *redisSim) checkCell(h *simHistory, n *simNode, cell persistence.Cell, organ string) {
	var past persistence.History
	loaded := false
	for range simPatience {
		n.b.mu.Lock()
		held := !n.b.shardOf(cell.Key).owned() && n.b.shardOf(cell.Key).contested
		n.b.mu.Unlock()
		if held {
			return // another node looks
		}
		if past, loaded = s.loadNow(n, cell); loaded || s.failed != "" {
			break
		}
	}
	if !loaded {
		s.fail("%s: cell %s cannot be loaded", n.name, cell)
		return
	}
	got, want := s.cellOf(cell, past).events, h.steps[organ+" "+cell.Key]
	if s.expires && len(got) <= len(want) {
		want = want[len(want)-len(got):] // what is older was forgotten
	}
	if !slices.Equal(got, want) {
		s.fail("cell %s has %v, handled were %v", cell, got, want)
	}
}

// loadNow loads a cell, unless the shard turns out to be lost.
func (s *redisSim) loadNow(n *simNode, cell persistence.Cell) (past persistence.History, ok bool) {
	ctx, stop := contextFor(n, time.Second)
	defer stop()
	task := n.begin(func() func() {
		hs, err := n.b.Load(ctx, []persistence.Cell{cell}, nil)
		return func() {
			if err == nil {
				past, ok = hs[0], true
			}
		}
	})
	for s.calmStep(); !task.done.Load(); s.calmStep() {
	}
	task.take()
	return past, ok
}

// drained reports whether everything that was accepted is finished.
func (s *redisSim) drained() bool { return s.leftover() == "" }

// leftover says what is not finished.
func (s *redisSim) leftover() string {
	var left []string
	for i := range s.shards {
		k := s.keys.shard(i)
		if n := len(fakeAs[fakeSet](s.store, k.delayed)); n > 0 {
			left = append(left, fmt.Sprintf("shard %d: %d delayed", i, n))
		}
		x := s.store.stream(k.in)
		if x == nil {
			return "a shard is missing"
		}
		for name, g := range x.groups {
			if len(g.pending) > 0 || g.last.before(x.last) {
				left = append(left, fmt.Sprintf("shard %d, %s: pending %v, delivered up to %v of %v", i, name, g.pending, g.last, x.last))
			}
		}
	}
	for _, n := range s.nodes {
		if len(n.works) > 0 || n.b == nil || n.opening != nil || n.publishing != nil {
			left = append(left, fmt.Sprintf("%s: %s", n.name, n.inHand()))
		}
	}
	if len(left) == 0 {
		left = append(s.unclaimed(), s.unread()...)
	}
	return strings.Join(left, "\n")
}

func (n *simNode) inHand() string {
	out := fmt.Sprintf("opening %v, publishing %v, settling %v, pulling %v, loading %v;",
		n.opening != nil, n.publishing != nil, n.settling != nil, n.pulling != nil, n.loading != nil)
	for _, w := range n.works {
		out += fmt.Sprintf(" [%v, state %d, kind %d]", w, w.state, w.settled.Kind)
	}
	return out
}
