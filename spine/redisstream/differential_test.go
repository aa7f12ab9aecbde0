package redisstream

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

var (
	fakeCalls = flag.Int("redis.calls", 20_000, "how many calls TestFakeAndServerAgree makes")
	fakeSeed  = flag.Uint64("redis.calls.seed", 0, "make the calls of this seed alone")
)

// callsPerSeed is how many steps one store goes through.
const callsPerSeed = 250

// TestFakeAndServerAgree sends random calls to the fake and to a real server, valid ones, stale, repeated and wrong ones: every answer
// must be the same, and in the end every key. So what the simulation finds is found of the scripts, and a mistake
// in a script is found here. A failure names its seed; run it again with -redis.calls.seed, which compares
// the keys after every call.
func TestFakeAndServerAgree(t *testing.T) {
	t.Parallel()
	// One entry in each node of a stream, so that what may be trimmed is.
	server := redistest.Start(t, redistest.Conf("stream-node-max-entries", "1"))
	main, blocking := clients(t, server.URL(), made(t))
	first, last := uint64(1), uint64(max(*fakeCalls/callsPerSeed, 1))
	if *fakeSeed > 0 {
		first, last = *fakeSeed, *fakeSeed
	}
	words := map[string]int{}
	for seed := first; seed <= last; seed++ {
		d := newDiffer(t, seed, &redisServer{main, blocking}, words)
		d.run()
		require.False(t, t.Failed(), "seed %d failed: go test ./spine/redisstream -run FakeAndServer -redis.calls.seed=%d", seed, seed)
		require.NoError(t, main.FlushDB(t.Context()).Err())
	}
	t.Logf("answers: %v", words)
	if *fakeSeed == 0 && *fakeCalls >= 20_000 {
		for _, word := range differWords {
			require.NotZero(t, words[word], "no call was answered %q", word)
		}
	}
}

// differWords are answers that must occur, or the calls are not what they are meant to be.
var differWords = []string{
	"guard OK", "guard FENCED", "guard REACQUIRE", "commit OK", "commit FENCED", "commit REACQUIRE", "commit CORRUPT", "acquire OK", "acquire HELD",
	"acquire LOST", "undefer OK", "undefer MORE", "progress OK", "progress FENCED", "load OK", "load REACQUIRE", "load CHANGED",
	"snapshot OK", "snapshot AHEAD", "snapshot CHANGED",
	"trimcell OK", "trimcell MORE", "expire OK", "suspect OK", "join OK", "join LOST", "join AGAIN", "renew OK", "renew FENCED", "release OK",
	"commit with a pull OK", "beat OK", "beat STRUCK", "agree OK", "agree CHANGED", "strike OK", "strike CHANGED",
	"ask OK", "ask OWNER", "ask FULL", "answer reply", "answer moved", "answer FULL",
}

// differ goes through one sequence of calls.
type differ struct {
	t     *testing.T
	seed  uint64
	rnd   *rand.Rand
	fake  *fakeStore
	real  *redisServer
	words map[string]int
	past  [][]fakeCall
	lanes map[string]int
	nonce int
}

func newDiffer(t *testing.T, seed uint64, real *redisServer, words map[string]int) *differ {
	d := &differ{
		t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 2)), fake: newFakeStore(), real: real, words: words, lanes: map[string]int{},
	}
	var load []fakeCall
	for _, s := range allScripts {
		load = append(load, fakeCall{args: []string{"SCRIPT", "LOAD", s.source}})
	}
	d.send(load)
	return d
}

func (d *differ) run() {
	d.begin()
	for range callsPerSeed {
		var calls []fakeCall
		if len(d.past) > 0 && d.chance(10) {
			calls = d.past[d.rnd.IntN(len(d.past))]
		} else {
			calls = d.calls()
			d.past = append(d.past, calls)
		}
		d.send(calls)
		if *fakeSeed > 0 {
			d.compareKeys()
		}
		if d.t.Failed() {
			d.t.Logf("after %+v", calls)
			return
		}
	}
	d.compareKeys()
}

// chance is true once in n times.
func (d *differ) chance(n int) bool { return d.rnd.IntN(n) == 0 }

// send makes calls of both and compares the answers.
func (d *differ) send(calls []fakeCall) {
	before := map[string]int{}
	for key, entries := range d.fake.history {
		before[key] = len(entries)
	}
	real := make([]*call, len(calls))
	for i, c := range calls {
		real[i] = &call{script: c.script, keys: c.keys, args: fakeWords(c.args)}
	}
	if len(real) > 1 {
		d.real.do(d.t.Context(), nil, real)
	} else {
		d.real.do(d.t.Context(), real, nil)
	}
	for i, c := range calls {
		reply, err := d.fake.exec(c)
		d.compare(c, reply, err, real[i])
	}
	for key, entries := range d.fake.history {
		if n := len(entries) - before[key]; n > 0 {
			d.adopt(key, n)
		}
	}
}

func (d *differ) compare(c fakeCall, reply any, err error, real *call) {
	name := "command"
	if c.script != nil {
		name = c.script.name
		d.words[name+" "+(&call{reply: real.reply}).word()]++
		if c.script == commitScript && c.args[5] != "" && len(list(real.reply)) == 2 {
			d.words["commit with a pull "+real.word()]++
		}
	}
	if errorWord(err) != errorWord(real.err) {
		d.t.Errorf("seed %d: %s %q %q: the error is %v, the fake's %v", d.seed, name, c.keys, c.args, real.err, err)
		return
	}
	if c.script == beatScript {
		real.reply = inOrder(real.reply)
	}
	want, got := fmt.Sprintf("%#v", plainReply(real.reply)), fmt.Sprintf("%#v", plainReply(reply))
	if err == nil && want != got {
		d.t.Errorf("seed %d: %s %q %q: the answer is\n%s\nthe fake's\n%s", d.seed, name, c.keys, c.args, want, got)
	}
}

// errorWord is the first word of an error.
func errorWord(err error) string {
	if err == nil {
		return ""
	}
	word, _, _ := strings.Cut(err.Error(), " ")
	return word
}

// plainReply makes an empty list of one that is nil.
func plainReply(reply any) any {
	list, ok := reply.([]any)
	if !ok {
		return reply
	}
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = plainReply(x)
	}
	return out
}

// adopt gives the last n entries of a stream the ids that the server has given them.
func (d *differ) adopt(key string, n int) {
	entries, err := d.real.main.XRevRangeN(d.t.Context(), key, "+", "-", int64(n)).Result()
	require.NoError(d.t, err)
	require.Len(d.t, entries, n, "key %s", key)
	x, history := d.fake.stream(key), d.fake.history[key]
	for i, e := range entries {
		id := fakeID(e.ID)
		history[len(history)-1-i].id = id
		x.entries[len(x.entries)-1-i].id = id
	}
	x.last = fakeID(entries[0].ID)
}

// compareKeys demands that both have the same keys, with the same content.
func (d *differ) compareKeys() {
	ctx := d.t.Context()
	keys, err := d.real.main.Keys(ctx, "*").Result()
	require.NoError(d.t, err)
	slices.Sort(keys)
	if want := slices.Sorted(maps.Keys(d.fake.keys)); !slices.Equal(want, keys) {
		d.t.Errorf("seed %d: the keys are\n%q\nthe fake's\n%q", d.seed, keys, want)
		return
	}
	for _, key := range keys {
		if want, got := dumpReal(ctx, d.t, d.real.main, key), d.fake.dump(key); want != got {
			d.t.Errorf("seed %d: key %s is\n%s\nthe fake's\n%s", d.seed, key, want, got)
		}
	}
}

func (s *fakeStore) dump(key string) string {
	_, expires := s.expiry[key]
	head := fmt.Sprintln(s.typeOf(key), expires)
	switch v := s.keys[key].(type) {
	case *fakeStream:
		for _, e := range v.entries {
			head += fmt.Sprintf("%s %q\n", e.id, e.values)
		}
		head += fmt.Sprintln("last", v.last)
		for _, name := range v.names() {
			head += fmt.Sprintln("group", name, v.groups[name].last)
			for _, p := range v.groups[name].pending {
				head += fmt.Sprintln(p.id, p.consumer)
			}
		}
		return head
	case fakeHash:
		return head + fmt.Sprintf("%q", map[string]string(v))
	case fakeSet:
		return head + fmt.Sprint(v)
	default:
		return head + fmt.Sprint(v)
	}
}

func dumpReal(ctx context.Context, t *testing.T, c *redis.Client, key string) string {
	typ, ttl := c.Type(ctx, key).Val(), c.PTTL(ctx, key).Val()
	head := fmt.Sprintln(typ, ttl > 0)
	switch typ {
	case "stream":
		return head + dumpStream(ctx, t, c, key)
	case "hash":
		return head + fmt.Sprintf("%q", c.HGetAll(ctx, key).Val())
	case "zset":
		z := fakeSet{}
		for _, x := range c.ZRangeWithScores(ctx, key, 0, -1).Val() {
			z[x.Member.(string)] = int64(x.Score)
		}
		return head + fmt.Sprint(z)
	default:
		return head + c.Get(ctx, key).Val()
	}
}

func dumpStream(ctx context.Context, t *testing.T, c *redis.Client, key string) string {
	reply, err := c.Do(ctx, "XRANGE", key, "-", "+").Slice()
	require.NoError(t, err)
	var out strings.Builder
	for _, x := range reply {
		fmt.Fprintf(&out, "%s %q\n", list(x)[0], stringsOf(list(list(x)[1])))
	}
	fmt.Fprintln(&out, "last", c.XInfoStream(ctx, key).Val().LastGeneratedID)
	for _, g := range c.XInfoGroups(ctx, key).Val() {
		fmt.Fprintln(&out, "group", g.Name, g.LastDeliveredID)
		pending, err := c.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: key, Group: g.Name, Start: "-", End: "+", Count: 10_000}).Result()
		require.NoError(t, err)
		for _, p := range pending {
			fmt.Fprintln(&out, p.ID, p.Consumer)
		}
	}
	return out.String()
}
