package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// setting says how a round is run.
type setting struct {
	name    string
	seed    uint64
	fsync   string // policy of the server's log
	slow    bool   // its disk takes its time
	shards  int
	nodes   int
	rate    int // events per second of each publisher
	retain  bool
	inPlace int
	bombs   bool
	heal    bool

	script []string      // faults, one after the other; nil: random ones
	length time.Duration // of the faults
}

// round is one store, from its creation to its check, and what happens to it.
type round struct {
	t          *testing.T
	setting    setting
	dice       *rand.Rand
	server     *redistest.Server
	reader     reader
	watch      *watch
	nodes      []*member
	publishers []*member
	proxies    []*redistest.Proxy
	backend    *redisstream.Backend // the conductor's own, for bombs

	down       map[*member]bool // ended by us, and to be started by us
	serverBusy bool             // down, or stopped
	ends       []pendingEnd
	bombs      []uint64
	counts     map[string]int
	findings   []finding
}

type pendingEnd struct {
	at  time.Time
	end func()
}

const (
	namespace  = "chaos"
	publishers = 2
	bombSource = 9 // the number of the conductor as a publisher
)

func newRound(t *testing.T, s setting) *round {
	t.Helper()
	r := &round{
		t: t, setting: s, dice: rand.New(rand.NewChaCha8(seedOf(s.seed, s.name))), down: map[*member]bool{}, counts: map[string]int{},
	}
	if s.slow {
		slowDisk(t)
	}
	r.server = redistest.Start(t, redistest.AOF(s.fsync))
	r.reader = reader{client: r.server.Client(), namespace: namespace, shards: s.shards}
	r.watch = newWatch(r.reader)
	t.Cleanup(r.watch.end)
	own := r.orders("conductor", 0)
	own.URL = r.server.URL()
	b, err := own.open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, closeBackend(b)) })
	r.backend = b
	for i := range s.nodes {
		r.nodes = append(r.nodes, hire(t, r.behindProxy(r.orders("node", i+1))))
	}
	for i := range publishers {
		o := r.behindProxy(r.orders("publisher", i+1))
		o.Notes, o.Number, o.Rate, o.Seed = filepath.Join(t.TempDir(), "notes"), uint64(i+1), s.rate, s.seed
		r.publishers = append(r.publishers, hire(t, o))
	}
	return r
}

func (r *round) orders(role string, number int) orders {
	return orders{
		Role: role, Name: fmt.Sprint(role, "-", number), Namespace: namespace, Shards: r.setting.shards,
		Retain: r.setting.retain, InPlace: r.setting.inPlace,
	}
}

func (r *round) behindProxy(o orders) orders {
	p := redistest.NewProxy(r.t, r.server.Addr())
	r.proxies = append(r.proxies, p)
	o.URL = p.URL()
	return o
}

func (r *round) must(err error) {
	if err != nil {
		r.t.Errorf("the conductor: %v", err)
	}
}

// find notes what is wrong while the round runs.
func (r *round) find(invariant, format string, args ...any) {
	r.findings = append(r.findings, finding{invariant, fmt.Sprintf(format, args...)})
}

// run runs the round and returns what the checker says.
func (r *round) run() verdict {
	r.await(startIn, "the first events are done", func() bool { return r.watch.progress() > 0 })
	r.keepStore()
	if r.setting.script != nil {
		r.followScript()
	} else {
		r.rage()
	}
	r.calm()
	r.drain()
	if r.setting.heal {
		r.heal()
	}
	if !r.setting.retain && len(r.findings) == 0 {
		r.topUp()
	}
	return r.judge()
}

// keepStore has the server sync what it has so far: one that is killed before it has the beginning of the store for good
// comes back without a store, and ends every node that knows it, as it must.
func (r *round) keepStore() {
	if r.setting.fsync == "always" {
		return
	}
	client, ctx := r.server.Client(), context.Background()
	r.must(client.ConfigSet(ctx, "appendfsync", "always").Err())
	r.must(client.Set(ctx, namespace+":begun", "1", 0).Err())
	r.must(client.Del(ctx, namespace+":begun").Err())
	r.must(client.ConfigSet(ctx, "appendfsync", r.setting.fsync).Err())
}

const (
	startIn   = 30 * time.Second
	stallIn   = 15 * time.Second // I12
	drainIn   = 90 * time.Second
	finishIn  = 10 * time.Second // F27
	glance    = 10 * time.Millisecond
	longPause = 700 * time.Millisecond
)

// rage does random harm until the time is over.
func (r *round) rage() {
	over := time.Now().Add(r.setting.length)
	for time.Now().Before(over) {
		r.strike(r.anyFault())
		r.linger(r.between(20*time.Millisecond, longPause))
	}
}

// followScript does harm of each kind, and lets the service recover in between.
func (r *round) followScript() {
	for _, name := range r.setting.script {
		r.strike(faultOf(name))
		for len(r.ends) > 0 {
			r.linger(glance)
		}
		before := r.watch.progress()
		r.await(stallIn, "work goes on after: "+name, func() bool { return r.watch.progress() > before })
	}
}

func (r *round) strike(f fault) {
	end, after := f.do(r)
	if end == nil {
		return
	}
	r.counts[f.name]++
	r.ends = append(r.ends, pendingEnd{time.Now().Add(after), end})
}

// linger lets time pass, ends what is to be ended, and brings back who has fallen by himself.
func (r *round) linger(d time.Duration) {
	until := time.Now().Add(d)
	for {
		r.endFaults(time.Now())
		r.lookAfter()
		if time.Now().After(until) {
			return
		}
		time.Sleep(glance)
	}
}

func (r *round) endFaults(now time.Time) {
	left := r.ends[:0]
	for _, e := range r.ends {
		if e.at.After(now) {
			left = append(left, e)
			continue
		}
		e.end()
	}
	r.ends = left
}

func (r *round) lookAfter() {
	for _, m := range append(r.nodes[:len(r.nodes):len(r.nodes)], r.publishers...) {
		if r.down[m] || m.alive() {
			continue
		}
		switch code := m.exitCode(); code {
		case bombCode:
			r.counts[bombDeaths]++
		case unreachableCode:
			r.counts[falseStarts]++
		default:
			r.t.Fatalf("%s ended by itself with %d; its log ends with:\n%s", m.orders.Name, code, m.tail())
		}
		r.must(m.start())
	}
}

// await waits for something that must come.
func (r *round) await(limit time.Duration, what string, came func() bool) bool {
	over := time.Now().Add(limit)
	for !came() {
		if time.Now().After(over) {
			r.find("I12", "%s: not within %s", what, limit)
			return false
		}
		r.linger(glance)
	}
	return true
}

// calm ends all faults, and the publishers.
func (r *round) calm() {
	for len(r.ends) > 0 {
		r.linger(glance)
	}
	r.linger(0)
	for _, p := range r.publishers {
		if err := p.finish(finishIn); err != nil {
			r.find("I12", "%v", err)
		}
		r.down[p] = true
	}
}

// drain waits until nothing is to be done any more.
func (r *round) drain() {
	began := time.Now()
	for !r.atRest() {
		stalled, backlog := r.watch.idle()
		if stalled > stallIn || time.Since(began) > drainIn {
			r.find("I12", "%d events are left %s after the faults, none was done for %s", backlog, time.Since(began).Round(time.Second), stalled)
			r.tell()
			return
		}
		r.linger(50 * time.Millisecond)
	}
}

// tell makes the nodes write what they are about into their logs, which -artifacts keeps; it ends them.
func (r *round) tell() {
	r.t.Logf("the store:\n%s", r.reader.describe(context.Background()))
	for _, m := range r.nodes {
		r.down[m] = true
		m.resume()
		m.signal(syscall.SIGQUIT)
		time.Sleep(200 * time.Millisecond)
		m.kill()
	}
}

// atRest asks the store.
func (r *round) atRest() bool {
	if _, backlog := r.watch.idle(); backlog > 0 {
		return false
	}
	c, err := r.reader.counts(context.Background())
	return err == nil && c == 0
}

// heal lets a node that refuses nothing work off the dead letters.
func (r *round) heal() {
	r.endNodes()
	o := r.behindProxy(r.orders("healer", 1))
	o.Role, o.Healed = "node", true
	m := hire(r.t, o)
	r.nodes = append(r.nodes, m)
	r.await(drainIn, "the dead letters are replayed", func() bool {
		n, err := r.server.Client().XLen(context.Background(), namespace+":dlq:"+sized(service)).Result()
		return err == nil && n == 0 && r.atRest()
	})
}

// topUp brings about that every stream is trimmed, see mostLeft.
func (r *round) topUp() {
	const atOnce = 9000 // entries; one trim removes a little more than that, where there are so many
	ctx := context.Background()
	for shard := range r.setting.shards {
		length, err := r.server.Client().XLen(ctx, r.reader.tag(shard)+"in").Result()
		require.NoError(r.t, err)
		for range length/atOnce + 1 {
			r.must(r.publishFillers(shard))
			r.await(drainIn, "the fillers are done", func() bool {
				load, err := r.server.Client().HMGet(ctx, namespace+":load", "in", "a:"+service).Result()
				return err == nil && counter(load[0]) == counter(load[1])
			})
		}
	}
}

func (r *round) endNodes() {
	for _, m := range r.nodes {
		if r.down[m] {
			continue
		}
		if err := m.finish(finishIn); err != nil {
			r.find("I12", "%v", err)
		}
		r.down[m] = true
	}
}

func (r *round) judge() verdict {
	r.endNodes()
	c, err := r.reader.read(context.Background())
	require.NoError(r.t, err)
	want := expectation{
		notes: map[uint64]notes{}, bombs: r.bombs, retain: r.setting.retain, healed: r.setting.heal,
		lossy: r.setting.fsync != "always" && r.counts[serverKill]+r.counts[rewriteKill] > 0,
	}
	for _, p := range r.publishers {
		n, err := readNotes(p.orders.Notes)
		require.NoError(r.t, err)
		want.notes[p.orders.Number] = n
	}
	v := check(c, want)
	v.findings = append(append(v.findings, r.findings...), r.watch.findings()...)
	return v
}

// publishFillers publishes events that all go to one shard.
func (r *round) publishFillers(shard int) error {
	stamper := actors.NewStamper(actors.StamperOptions{Service: service, Encode: true})
	key := "filler"
	for actors.HashKey(key)%uint64(r.setting.shards) != uint64(shard) {
		key += "."
	}
	var evs []actors.Event
	for range fillers {
		ev, err := stamper.Root(actors.With(filler{}, actors.Key(key)), time.Now())
		if err != nil {
			return err
		}
		evs = append(evs, ev)
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishIn)
	defer cancel()
	answers, err := r.backend.Publish(ctx, evs)
	if err == nil && !accepted(answers) {
		err = fmt.Errorf("fillers were not accepted: %v", answers)
	}
	return err
}

// publishBomb reports whether the bomb was accepted. Where the store is full it was not.
func (r *round) publishBomb(n uint64) (bool, error) {
	stamper := actors.NewStamper(actors.StamperOptions{Service: service, Encode: true})
	id := chosenID(bombSource*perSource + n)
	ev, err := stamper.Root(actors.With(bomb{N: n}, id, actors.Key("bomb-"+strconv.FormatUint(n, 10))), time.Now())
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishIn)
	defer cancel()
	answers, err := r.backend.Publish(ctx, []actors.Event{ev})
	return err == nil && accepted(answers), err
}
