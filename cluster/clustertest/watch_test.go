package clustertest_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// look is how often a watch reads.
const look = 5 * time.Millisecond

// watch reads from the store who has which shard, and when it commits: from outside, whatever the nodes say.
type watch struct {
	ns   string
	stop func()

	mu     sync.Mutex
	server *redistest.Server
	at     time.Time // when it has last read
	shards [shards]history
	plans  []plan
	plan   string            // the last of them, as it is stored
	beat   map[string]uint64 // of the members, by ID
}

// history is who has had a shard, and until which commit.
type history struct {
	tenures []tenure
	commit  string
	free    bool // released, and nobody has it yet
}

// tenure is a time of one owner.
type tenure struct {
	token       string
	epoch       int
	first, last time.Time // of its commits, as late and as early as they may have been
}

func (t tenure) owner() string { return t.token[:max(strings.LastIndexByte(t.token, '/'), 0)] }
func (t tenure) name() string  { return cluster.NameOf(t.owner()) }

// plan is one that was in force.
type plan struct {
	version uint64
	members []string
	owners  []string // by shard
}

// shardKey is a key that the service has in each shard; own says whose it is.
func shardKey(ns string, shard int, kind string) string {
	return fmt.Sprintf("{%s:%d}:%s:%d:%s", ns, shard, kind, len(service), service)
}

func newWatch(server *redistest.Server, ns string) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{ns: ns, server: server, at: time.Now()}
	done := make(chan struct{})
	go func() { // ends with stop
		defer close(done)
		tick := time.NewTicker(look)
		defer tick.Stop()
		for ctx.Err() == nil {
			w.read(ctx)
			<-tick.C
		}
	}()
	w.stop = func() {
		stop()
		<-done
	}
	return w
}

// follow makes it read another server.
func (w *watch) follow(server *redistest.Server) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server = server
}

// read reads once. What does not answer says nothing.
func (w *watch) read(ctx context.Context) {
	w.mu.Lock()
	server := w.server
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	pipe := server.Client().Pipeline()
	for s := range shards {
		pipe.HMGet(ctx, shardKey(w.ns, s, "own"), "tok", "c", "epoch")
	}
	agreed := pipe.HGet(ctx, fmt.Sprintf("%s:agreed:%d:%s", w.ns, len(service), service), "plan")
	nodes := pipe.HGetAll(ctx, fmt.Sprintf("%s:nodes:%d:%s", w.ns, len(service), service))
	replies, _ := pipe.Exec(ctx) // without a plan its error is that there is none
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if server != w.server {
		return
	}
	for s, r := range replies[:min(shards, len(replies))] {
		values, ok := r.(interface{ Val() []any })
		if r.Err() != nil || !ok {
			return
		}
		token, _ := values.Val()[0].(string)
		commit, _ := values.Val()[1].(string)
		epoch, _ := values.Val()[2].(string)
		w.shards[s].note(token, epoch, commit, w.at, now)
	}
	w.at = now
	w.beat = make(map[string]uint64)
	for id, text := range nodes.Val() {
		var record struct{ Beat uint64 }
		_ = json.Unmarshal([]byte(text), &record) // what is none has no beat
		w.beat[id] = record.Beat
	}
	if text := agreed.Val(); text != w.plan {
		w.plan = text
		w.notePlan(text)
	}
}

func (h *history) note(token, epoch, commit string, before, now time.Time) {
	h.free = token == ""
	if !h.free && (len(h.tenures) == 0 || h.latest().token != token) {
		n, _ := strconv.Atoi(epoch) // what is none is 0, and no epoch
		h.tenures = append(h.tenures, tenure{token: token, epoch: n})
	}
	if commit == h.commit || len(h.tenures) == 0 {
		return
	}
	h.commit = commit
	t := h.latest()
	if t.first.IsZero() {
		t.first = now
	}
	t.last = before
}

func (h *history) latest() *tenure { return &h.tenures[len(h.tenures)-1] }

func (w *watch) notePlan(text string) {
	var form struct {
		Version uint64
		Members []struct{ ID string }
		Owners  string
	}
	owners, err := []byte(nil), json.Unmarshal([]byte(text), &form)
	if err == nil {
		owners, err = base64.StdEncoding.DecodeString(form.Owners)
	}
	if err != nil {
		return
	}
	p := plan{version: form.Version}
	for _, m := range form.Members {
		p.members = append(p.members, m.ID)
	}
	for range shards {
		position, n := binary.Uvarint(owners)
		owner := ""
		if position > 0 {
			owner = p.members[position-1]
		}
		p.owners, owners = append(p.owners, owner), owners[n:]
	}
	w.plans = append(w.plans, p)
}

// holders returns who has each shard, "" where nobody has it: name and nonce of the process.
func (w *watch) holders() [shards]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var owners [shards]string
	for s := range w.shards {
		if h := &w.shards[s]; !h.free && len(h.tenures) > 0 {
			owners[s] = h.latest().owner()
		}
	}
	return owners
}

// shared reports whether processes of these names are the members of the plan in force, and hold what it gives them, and have
// each committed something of each shard.
func (w *watch) shared(names []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.plans) == 0 {
		return false
	}
	plan := w.plans[len(w.plans)-1]
	var members []string
	for _, id := range plan.members {
		members = append(members, cluster.NameOf(id))
	}
	slices.Sort(members)
	if !slices.Equal(members, slices.Sorted(slices.Values(names))) {
		return false
	}
	for s := range w.shards {
		h := &w.shards[s]
		if h.free || len(h.tenures) == 0 || h.latest().first.IsZero() || h.latest().name() != cluster.NameOf(plan.owners[s]) {
			return false
		}
	}
	return true
}

// loads returns how many shards each process has, by its name, and how many nobody has by the empty one.
func (w *watch) loads() map[string]int {
	loads := make(map[string]int)
	for _, owner := range w.holders() {
		loads[cluster.NameOf(owner)]++
	}
	return loads
}

// tenures returns the times of all owners of a shard.
func (w *watch) tenures(shard int) []tenure {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.shards[shard].tenures)
}

// counts returns how many owners each shard has had.
func (w *watch) counts() [shards]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var counts [shards]int
	for s := range w.shards {
		counts[s] = len(w.shards[s].tenures)
	}
	return counts
}

// beats returns how often each member has written its record.
func (w *watch) beats() map[string]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beat
}

func (w *watch) agreements() []plan {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.plans)
}
