package redisstream

import (
	"fmt"
	"slices"
	"time"
)

// simWatch looks over the store's shoulder: what must hold at every moment, and not in the end alone.
type simWatch struct {
	beats  map[string]simPulse // by own key
	most   map[string]int64    // the highest beat of a token in any past
	forged map[string]bool     // what a node that steals believes: see steal
	agreed map[string]bool     // services and plans that were agreed on
	back   int                 // questions still to be asked since the store went back
}

// simPulse is what a lease shows, and since when.
type simPulse struct {
	token, beat string
	since       time.Time
}

func newSimWatch() simWatch {
	return simWatch{beats: map[string]simPulse{}, most: map[string]int64{}, forged: map[string]bool{}, agreed: map[string]bool{}}
}

// execute has the store execute a call of a process, and looks at what it does.
func (s *redisSim) execute(from *simServer, c fakeCall) (reply any, err error) {
	before := ""
	switch c.script {
	case commitScript:
		before = s.store.hget(c.keys[0], "c")
	case acquireScript:
		before = s.store.hget(c.keys[0], "tok")
	}
	reply, err = s.store.exec(c)
	word := (&call{reply: reply}).word()
	if c.script != nil && err == nil {
		switch c.script {
		case acquireScript:
			s.acquired(from, c, word, before)
		case renewScript:
			s.watch.pulse(s, c.keys[0])
		case releaseScript:
			s.released(from, c, word)
		case commitScript:
			if word == "OK" && s.store.hget(c.keys[0], "c") != before {
				s.committed(from, c)
			}
		case agreeScript:
			if word == "OK" {
				s.watch.agreed[from.service.spec.Name+c.args[2]] = true
			}
		case answerScript:
			s.cover["answer: "+word]++
		}
	}
	s.observe()
	return reply, err
}

// pulse notes how a lease stands. Since when a beat stands still that was there in a past that is gone as well nobody can tell
// who has seen both.
func (w *simWatch) pulse(s *redisSim, own string) {
	token, beat := s.store.hget(own, "tok"), s.store.hget(own, "beat")
	if p := w.beats[own]; p.token == token && p.beat == beat {
		return
	}
	p := simPulse{token: token, beat: beat}
	if n := fakeInt(beat); n > w.most[token] {
		p.since, w.most[token] = time.Now(), n
	}
	w.beats[own] = p
}

// acquired demands that nobody has lost a lease who has renewed it in time.
func (s *redisSim) acquired(by *simServer, c fakeCall, word, seen string) {
	own := c.keys[0]
	if word == "OK" && seen != "" && ownerOf(seen) != by.owner && !s.watch.forged[forgery(by.owner, own, seen, c.args[4])] {
		p := s.watch.beats[own]
		if silent := time.Since(p.since); silent < beatsPerLease*simBeat {
			s.fail("%s takes %s from %s, who was silent for %v", by.owner, own, seen, silent)
		}
		s.cover["takeover"]++
	}
	if word == "OK" && seen == "" {
		s.cover["taken when free"]++
	}
	s.watch.pulse(s, own)
}

func forgery(owner, own, token, beat string) string { return fmt.Sprint(owner, own, token, beat) }

// released demands that a shard that is given back in time is given back without work in hand: what was handed out is
// settled then, and nobody handles it again.
func (s *redisSim) released(by *simServer, c fakeCall, word string) {
	s.watch.pulse(s, c.keys[0])
	n := by.node
	if word != "OK" || n.server != by || n.b == nil || n.frozen {
		return
	}
	i := slices.IndexFunc(n.b.shards, func(x *shard) bool { return x.own == c.keys[0] })
	since := n.member.withdrawn[uint32(i)]
	if since.IsZero() || time.Since(since) >= s.handover {
		s.cover["handover that took too long"]++
		return
	}
	s.cover["handover"]++
	for _, w := range n.works {
		if w.token == c.args[0] {
			s.fail("%s gives shard %d back, which has %v in hand in state %d", n.name, i, w, w.state)
		}
	}
}

// committed notes what programs of fewer organs have settled, and demands that none does where one of more organs has been
// before, as far as the store knows that: one that goes back between the takeover and the first commit has forgotten it.
func (s *redisSim) committed(by *simServer, c fakeCall) {
	own := c.keys[0]
	if !s.upgrades {
		return
	}
	newer := "newer " + own
	if by.service == by.node.home {
		s.store.notes[newer] = s.store.notes[newer] || s.store.hget(own, "organs") == organList(by.service.spec)
		return
	}
	if s.store.notes[newer] {
		s.fail("%s settles something of %s, where a program of more organs was before", by.owner, own)
	}
	s.cover["settled by an older program"]++
	for _, id := range readCommit(c.keys, c.args).finished {
		s.store.notes[olderNote(by.service.spec.Name, c.keys[1]+" "+id)] = true
	}
}

// olderNote is the note of an entry that a program of fewer organs has finished.
func olderNote(service, entry string) string { return "older " + service + " " + entry }

// wentBack forgets since when leases have stood still: contenders have seen them do so before.
func (w *simWatch) wentBack(s *redisSim) {
	w.back = simAsked
	for own := range w.beats {
		w.beats[own] = simPulse{token: s.store.hget(own, "tok"), beat: s.store.hget(own, "beat")}
	}
}
