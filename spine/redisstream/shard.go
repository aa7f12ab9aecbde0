package redisstream

import (
	"cmp"
	"slices"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// shard is what this process knows of a shard as its owner: redis.md calls it the owner's state. Guarded by the
// backend's lock.
type shard struct {
	shardKeys
	serviceKeys
	index uint32

	token     string          // '' while it is not ours
	former    map[string]bool // tokens of ours that count no more
	rival     rival
	contested bool      // another node holds it, or is to
	leaving   time.Time // since when it is for another node; zero: it is not
	farewell  *farewell // how far its cells are saved for that one; nil: not begun
	commit    uint64    // last commit that was answered
	pull      uint64    // last pull that was answered
	handed    string    // what it handed out of what was deferred
	floor     streamID
	lastSeen  streamID
	drained   bool
	request   *pullRequest // without an answer; it is repeated
	unproven  []rawEntry   // read again after a takeover: their progress is not known yet

	hot      bool // it may have something that was not pulled
	news     int  // how often somebody said so
	checkAt  int64
	promoted bool // what is delayed was asked for since the last pull
	entries  map[uint64]*entry
	inFlight int      // works
	parked   int      // bytes of events that are parked
	missed   bool     // one whose turn it is was parked without its event
	again    []*entry // with works to be handed out, by id
	lines    []line
	due      []deferral      // by organ
	odd      []oddEntry      // to be settled without an organ's say
	nextLate int64           // µs; when the first delayed event is due: 0 none, -1 not known
	settled  int             // since the last trim
	lostMark uint64          // hand-outs up to it are lost
	untold   bool            // and the Spine does not know yet
	told     uint64          // Pulls begun when it was told so the last time
	holder   string          // token of the owner as it was seen last, when somebody asked
	crashed  bool            // its last owner died
	mute     streamID        // what is emitted for entries up to it was emitted before
	loud     map[string]bool // but for these
}

// deferral is what of an organ waits in the store alone.
type deferral struct {
	count int64
	waits int64 // of them, those that wait for no time
	first int64 // µs; when the first of the others is due; 0: none
	// What the server tells may be from before what was deferred last, whose answer has come earlier.
	version int  // changes of ours
	told    int  // of them, those there were when the server was heard last
	stale   bool // it is to be asked again
}

// stored notes that what was deferred is in the store. What the server has told since it was staged may be from before.
func (d *deferral) stored() {
	d.stale = d.stale || d.told == d.version
	d.version++
}

// oddEntry is an entry that no organ has a say about: it is for another service, cannot be read, or is in the wrong shard.
type oddEntry struct {
	id     streamID
	pull   uint64
	letter []string // not nil: it becomes a dead letter
	target *shard   // not nil: it goes there, as it is
	raw    []string
}

func newShard(keys keyring, i int) *shard {
	return &shard{shardKeys: keys.shard(i), index: uint32(i), former: map[string]bool{}, entries: map[uint64]*entry{}}
}

// serve makes the shard one of a service's.
func (s *shard) serve(service spine.Service) {
	var names []string
	for _, organ := range service.Organs {
		names = append(names, organ.Name)
	}
	s.serviceKeys = s.shardKeys.of(service.Name, names)
	s.clear(len(names))
}

// clear drops everything that is known of the shard.
func (s *shard) clear(organs int) {
	s.request, s.unproven, s.odd, s.again = nil, nil, nil, nil
	s.leaving, s.farewell = time.Time{}, nil
	s.handed, s.lastSeen, s.drained, s.hot, s.crashed = "", streamID{}, false, true, false
	clear(s.entries)
	s.inFlight, s.parked, s.missed = 0, 0, false
	s.lines = make([]line, organs)
	for i := range s.lines {
		s.lines[i].organ = int32(i)
	}
	s.due = make([]deferral, organs)
	s.nextLate = -1
}

// hush notes up to which entry emissions are discarded.
func (s *shard) hush(upTo string) {
	s.mute = streamID{}
	if id, err := parseID(upTo); err == nil {
		s.mute = id
	}
}

// muted reports whether what e emits was emitted before the service was rewound.
func (s *shard) muted(id streamID) bool {
	return s.mute != (streamID{}) && !s.mute.before(id) && !s.loud[id.String()]
}

// stir notes that there may be something to pull.
func (s *shard) stir() {
	s.hot = true
	s.news++
}

func (s *shard) owned() bool { return s.token != "" }

// lose gives the shard up: whatever was in hand is void, and is handed out again by whoever owns it next. The lock
// must be held.
func (b *Backend) lose(s *shard, told bool) {
	if s.owned() {
		s.former[s.token] = true
		s.token = ""
	}
	if len(s.entries) > 0 || !told {
		s.untold = s.untold || !told
	}
	b.handouts++ // a loss has a number of its own: cells may have been read for questions, with nothing handed out since the last one
	s.lostMark = b.handouts
	s.contested = s.contested || !b.claimed(s)
	if b.armed.shard == s {
		b.armed = armed{}
	}
	s.clear(len(s.due))
	b.keeper.hurry()
	b.broadcast()
}

// list notes that e has works to be handed out.
func (s *shard) list(e *entry) { s.again = append(s.again, e) }

// sortAgain puts what is to be handed out into the order of the stream.
func (s *shard) sortAgain() {
	slices.SortStableFunc(s.again, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.id.ms, b.id.ms), cmp.Compare(a.id.seq, b.id.seq))
	})
}

// deferredNumbers remembers which entries have left the hand for the store's line, so that a settlement that is repeated
// is answered as the first time. It forgets the oldest.
type deferredNumbers struct {
	ring [deferredMemory]uint64
	next int
	set  map[uint64]struct{}
}

// deferredMemory bounds what is remembered for repeats.
const deferredMemory = 8192

func (d *deferredNumbers) add(n uint64) {
	if d.set == nil {
		d.set = map[uint64]struct{}{}
	}
	delete(d.set, d.ring[d.next])
	d.ring[d.next] = n
	d.next = (d.next + 1) % deferredMemory
	d.set[n] = struct{}{}
}

func (d *deferredNumbers) has(n uint64) bool {
	_, ok := d.set[n]
	return ok
}

// shardOf is the shard of an event with this key.
func (b *Backend) shardOf(key string) *shard {
	return b.shards[actors.HashKey(key)%uint64(len(b.shards))]
}
