package redisstream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// simService is a service with its organs, which any of its nodes may run.
type simService struct {
	spec   spine.Service
	organs []simOrgan
	nodes  []string    // that serve it
	former *simService // as older programs know it; nil: there are none
}

// simOrgan is what an organ listens to.
type simOrgan struct {
	name    string // with the service's
	types   map[string]bool
	ordered bool
	keyed   bool
	whole   bool // its state is written with every change
	stamper *actors.Stamper
}

const (
	simTypes    = 3
	simAttempts = 3 // so many failures, and an event is dead
)

func simType(i int) string { return fmt.Sprintf("T%d", i) }

// simMark is the type of the event that every success leaves behind.
const simMark = "MARK"

// mark is the payload of such an event.
type mark struct {
	Organ string `json:"organ"`
	Of    string `json:"of"`
	At    int64  `json:"at"`
}

// stepOf names the one time an event was handled whose effect is in the store: when it is handled again, it is at another time.
func stepOf(event string, at int64) string { return fmt.Sprintf("%s@%d", event, at) }

func (s *redisSim) planServices() {
	count := 1 + s.rnd.IntN(2)
	nodes := 2 + s.rnd.IntN(2)
	for i := range count {
		v := &simService{spec: spine.Service{Name: fmt.Sprintf("s%d", i)}}
		for k := range 1 + s.rnd.IntN(3) {
			v.organs = append(v.organs, s.planOrgan(v, k))
		}
		s.services = append(s.services, v)
	}
	for i := range max(nodes, count) {
		v := s.services[i%count]
		s.nodes = append(s.nodes, &simNode{s: s, index: i, name: fmt.Sprintf("n%d", i), home: v, service: v})
		v.nodes = append(v.nodes, s.nodes[i].name)
	}
}

// planLives draws what of a cluster a run has. It does so apart from all else, and a run that has nothing of it is as it would be
// otherwise.
func (s *redisSim) planLives() {
	rnd := rand.New(rand.NewPCG(s.seed, 4))
	s.claims = rnd.IntN(2) == 0
	s.asks = rnd.IntN(2) == 0 && !s.expires // what expires in the store while it is in memory is not what a Spine does
	s.upgrades = rnd.IntN(3) == 0
	s.handover = []time.Duration{0, 50 * time.Millisecond, 300 * time.Millisecond, DefaultHandover, DefaultHandover}[rnd.IntN(5)]
	for _, v := range s.services {
		if last := len(v.organs) - 1; s.upgrades && last > 0 {
			v.former = &simService{spec: v.spec, organs: v.organs[:last]}
			v.former.spec.Organs = v.spec.Organs[:last]
		}
	}
	for _, n := range s.nodes {
		n.older = n.home.former != nil && (n.name == n.home.nodes[0] || rnd.IntN(3) == 0)
	}
}

// adds is the service's name where the organ was added to it, else "".
func (v *simService) adds(organ int) string {
	if v.former == nil || organ < len(v.former.organs) {
		return ""
	}
	return v.spec.Name
}

// mayStart reports whether a process may begin: the first of an older program comes before any of a newer one.
func (s *redisSim) mayStart(n *simNode) bool {
	return n.older || !slices.ContainsFunc(s.nodes, func(x *simNode) bool {
		return x.older && x.home == n.home && (x.life == 0 || x.life == 1 && x.opening != nil)
	})
}

// program is what the node's next process runs: at times it is a newer one from now on.
func (n *simNode) program() {
	n.older = n.older && (n.life == 1 || !n.s.chance(3))
	n.service = n.home
	if n.older {
		n.service = n.home.former
	}
}

// upgrade ends a process of an older program, to begin again with the newer one.
func (n *simNode) upgrade() {
	if n.older {
		n.older = false
		n.s.trace("%s is upgraded", n.name)
		n.die()
	}
}

func (s *redisSim) planOrgan(v *simService, k int) simOrgan {
	name := fmt.Sprintf("o%d", k)
	o := simOrgan{name: v.spec.Name + "/" + name, types: map[string]bool{}, whole: s.chance(3)}
	switch s.rnd.IntN(3) {
	case 0:
		o.ordered = true
	case 1:
		o.ordered, o.keyed = true, true
	}
	spec := spine.OrganSpec{Name: name, Ordered: o.ordered, Keyed: o.keyed}
	for i := range simTypes {
		if s.chance(2) || i == k {
			o.types[simType(i)] = true
			spec.Types = append(spec.Types, simType(i))
		}
	}
	o.stamper = actors.NewStamper(actors.StamperOptions{Service: v.spec.Name, Organ: name, Encode: true})
	v.spec.Organs = append(v.spec.Organs, spec)
	return o
}

// simNumber is what decides how an event fares: its id may be random, and a seed would not repeat.
func simNumber(ev actors.Event) uint64 {
	data, _, _ := ev.Data()
	n, _ := strconv.ParseUint(strings.Trim(string(data), `{"n:}`), 10, 64)
	return n
}

// mix is a number that depends on the organ and the event alone.
func (o *simOrgan) mix(ev actors.Event) uint64 {
	h := simNumber(ev)*0x94D049BB133111EB ^ actors.HashKey(o.name)
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return h ^ h>>32
}

// fails is how often an organ fails with an event before it succeeds, always the same.
func (o *simOrgan) fails(ev actors.Event) int {
	switch o.mix(ev) % 8 {
	case 0:
		return 1
	case 1:
		return 2
	case 2:
		return 1 << 20
	default:
		return 0
	}
}

// emissions are what an organ emits with an event at a time: a mark, and now and then an event that depends on it alone.
func (o *simOrgan) emissions(ev actors.Event, at time.Time) ([]actors.Event, error) {
	data := fmt.Appendf(nil, `{"organ":%q,"of":%q,"at":%d}`, o.name, ev.ID(), at.UnixMicro())
	payloads := []actors.Payload{actors.Raw{Type: simMark, Data: data}}
	if h := o.mix(ev) >> 8; ev.Hops() < 2 && h%3 == 0 {
		h /= 3
		deco := []actors.Decoration{actors.Key(fmt.Sprintf("k%d", h%5))}
		if h%7 == 0 {
			deco = append(deco, actors.At(ev.Time().Add(time.Second)))
		}
		child := actors.Raw{Type: simType(int(h % simTypes)), Data: fmt.Appendf(nil, `{"n":%d}`, h)}
		payloads = append(payloads, actors.With(child, deco...))
	}
	evs := make([]actors.Event, len(payloads))
	for i, p := range payloads {
		var err error
		if evs[i], err = o.stamper.Emission(ev, i, p, ev.Time()); err != nil {
			return nil, err
		}
	}
	return evs, nil
}
