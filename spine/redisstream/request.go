package redisstream

import "github.com/necrostack/necrostack/spine"

// pullRequest is a pull with its number. It is repeated as it is until it has an answer: the first may have been
// executed.
type pullRequest struct {
	number   uint64
	guard    call
	organs   []int // of the due keys
	versions []int // of what is known of them
	lastSeen string
	count    int
	news     int    // what was known to be new when it was sent
	behind   *stage // whose commits go before it
}

const (
	// window is how many entries one pull brings of a shard: more gains nothing, and holds up the server.
	window = 256
	// leastPull is how many entries of a shard are asked for where several have some.
	leastPull = 64
	// typicalSize is what an entry is thought to have before any was seen, in bytes.
	typicalSize = 512
)

// plan decides which shards to pull, and how much of each.
func (b *Backend) plan(w spine.Want) (shards []*shard, requests []*pullRequest, cold []*shard) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.micro()
	b.planTurn++
	for i := range b.shards {
		s := b.shards[(b.planTurn+i)%len(b.shards)]
		switch {
		case !s.serves():
		case s.full() && s.request == nil && !s.checkDue():
		case s.wants(w, now):
			shards = append(shards, s)
		default:
			cold = append(cold, s)
		}
	}
	shards, requests = b.request(shards, w, now, nil)
	return shards, requests, cold
}

// request makes the requests of the first of shards: few at a time, and much of each, since what a pull costs, and the commit that
// follows, hardly grows with it. The lock must be held.
func (b *Backend) request(shards []*shard, w spine.Want, now int64, behind *stage) ([]*shard, []*pullRequest) {
	if most := max(w.Events/leastPull, 1); len(shards) > most {
		shards = shards[:most]
	}
	rooms := make([]int, len(b.service.Organs))
	for i := range rooms {
		rooms[i] = roomOf(w, i)
	}
	requests := make([]*pullRequest, len(shards))
	for i, s := range shards {
		if s.request == nil {
			n := min(max(w.Events/len(shards), 1), window, max(w.Bytes/typicalSize/len(shards), 1))
			s.request = b.newRequest(s, n, rooms, now)
		}
		s.request.news, s.request.behind = s.news, behind
		requests[i] = s.request
	}
	return shards, requests
}

func (b *Backend) newRequest(s *shard, n int, rooms []int, now int64) *pullRequest {
	if s.full() {
		n = 1 // it is asked only whether the store has gone back
	}
	r := &pullRequest{number: s.pull + 1, lastSeen: s.lastSeen.String(), count: n}
	r.guard = call{
		script: guardScript, keys: []string{s.own, s.in, s.progress},
		args: []any{s.token, formatNumber(r.number), formatNumber(s.commit), s.handed, b.service.Name, formatScore(now)},
	}
	// What is deferred is handed out when the takeover is read: before, it could come twice.
	if !s.drained || !s.anyRipe(rooms, now) {
		return r
	}
	// All lines, also those with nothing: what is handed out of one leaves all, and a commit that comes before this may have put
	// it into any.
	for i := range s.due {
		d := &s.due[i]
		room := 0
		if d.ripe(now) {
			room = rooms[i]
		}
		rooms[i] -= min(room, int(d.count))
		r.organs, r.versions = append(r.organs, i), append(r.versions, d.version)
		r.guard.keys = append(r.guard.keys, s.serviceKeys.due[i])
		r.guard.args = append(r.guard.args, room)
	}
	return r
}

func (s *shard) anyRipe(rooms []int, now int64) bool {
	for i := range s.due {
		if rooms[i] > 0 && s.due[i].ripe(now) {
			return true
		}
	}
	return false
}
