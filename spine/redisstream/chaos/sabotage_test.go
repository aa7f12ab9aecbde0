package chaos_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// violation makes by hand, in the store, what the checker must find.
type violation struct {
	invariant, what string
	want            func(*expectation) // what the round knows, nil: as it is
	do              func(*vandal)      // nil: nothing
}

var violations = []violation{
	{"I1", "an event that was accepted is gone", func(w *expectation) { w.notes[1] = notes{sent: clean + 1, accepted: clean + 1} }, nil},
	{"I1", "an effect is doubled", nil, func(v *vandal) { v.relog("tally", doubled) }},
	{"I1", "an effect is missing", nil, func(v *vandal) { v.relog("tally", cut) }},
	{"I2", "an effect without an event", func(w *expectation) { w.notes[1] = notes{sent: clean - 1, accepted: clean - 1} }, nil},
	{"I3", "two effects have changed places", nil, func(v *vandal) { v.relog("chain", swapped) }},
	{"I4", "an event was emitted twice", nil, func(v *vandal) { v.again("FLAKED") }},
	{"I4", "an event was not emitted", nil, func(v *vandal) { v.without("FLAKED") }},
	{"I5", "a transfer has only one half", nil, func(v *vandal) { v.relog("book", cut) }},
	{"I6", "an entry is pending", nil, func(v *vandal) {
		v.must(v.client.XGroupSetID(v.ctx, v.tag()+"in", service, "0").Err())
		v.must(v.client.XReadGroup(v.ctx, &redis.XReadGroupArgs{Group: service, Consumer: "o", Streams: []string{v.tag() + "in", ">"}, Count: 1}).Err())
	}},
	{"I6", "progress is left", nil, func(v *vandal) { v.must(v.client.HSet(v.ctx, v.tag()+"prog:"+sized(service), "1-1", "{}").Err()) }},
	{"I6", "a suspect is left", nil, func(v *vandal) { v.must(v.client.HSet(v.ctx, v.tag()+"sus:"+sized(service), "1-1", "1").Err()) }},
	{"I6", "a delayed event is left", nil, func(v *vandal) { v.must(v.client.ZAdd(v.ctx, v.tag()+"dl", redis.Z{Score: 1, Member: "1"}).Err()) }},
	{"I6", "a deferral is left", nil, func(v *vandal) {
		v.must(v.client.ZAdd(v.ctx, v.tag()+"due:"+sized(service)+":"+sized("flaky"), redis.Z{Score: 1, Member: "1-1"}).Err())
	}},
	{"I6", "an event was not read", nil, func(v *vandal) { v.again("FLAKED") }},
	{"I6", "the count of events is wrong", nil, func(v *vandal) { v.must(v.client.HIncrBy(v.ctx, namespace+":load", "in", 1).Err()) }},
	{"I6", "a key that nobody knows", nil, func(v *vandal) { v.must(v.client.Set(v.ctx, v.tag()+"stray", "1", 0).Err()) }},
	{"I7", "a dead letter is gone", nil, func(v *vandal) { v.must(v.client.XTrimMaxLen(v.ctx, namespace+":dlq:"+sized(service), 1).Err()) }},
	{"I7", "a bomb left no dead letter", func(w *expectation) { w.bombs = []uint64{1} }, nil},
	{"I8", "a record is missing", nil, func(v *vandal) {
		key, c := v.cell("chain")
		v.must(v.client.HDel(v.ctx, key, fmt.Sprint("r", c.number("s"))).Err())
	}},
	{"I8", "a snapshot is damaged", nil, func(v *vandal) { v.restate("chain", false) }},
	{"I8", "a state was stored that its events do not make", nil, func(v *vandal) { v.restate("chain", true) }},
	{"I9", "a replay is missing", func(w *expectation) { w.healed = true }, nil},
	{"I11", "a stream is not trimmed", func(w *expectation) { w.retain = false }, func(v *vandal) {
		first := v.first("FLAKED").Values
		_, err := v.client.Pipelined(v.ctx, func(pipe redis.Pipeliner) error {
			for range mostLeft + 1 {
				pipe.XAdd(v.ctx, &redis.XAddArgs{Stream: v.tag() + "in", Values: first})
			}
			return nil
		})
		v.must(err)
	}},
}

// clean is how many transfers the store has that is then spoilt.
const clean = 600

// TestCheckerFindsEachViolation is what makes a round without findings worth something.
func TestCheckerFindsEachViolation(t *testing.T) {
	t.Parallel()
	found, all := sabotage(t)
	assert.Equal(t, all, found)
}

// sabotage makes every mistake there is once, and counts those that are found.
func sabotage(t *testing.T) (found, all int) {
	t.Helper()
	server := redistest.Start(t, redistest.AOF("everysec"))
	o := orders{Name: "node-1", URL: server.URL(), Namespace: namespace, Shards: 1, Retain: true, InPlace: -1, Lease: soloLease}
	fill(t, o, server.Client())
	v := &vandal{t: t, ctx: t.Context(), client: server.Client(), reader: reader{client: server.Client(), namespace: namespace, shards: 1}}
	v.remember()
	require.Empty(t, v.judge(violation{}).findings)
	for _, x := range slices.Concat(violations, lies) {
		t.Run(x.invariant+" "+x.what, func(t *testing.T) {
			v.restore()
			if x.do != nil {
				x.do(v)
			}
			if assert.Contains(t, invariants(v.judge(x).findings), x.invariant) {
				found++
			}
		})
	}
	for _, x := range mishaps {
		t.Run(x.invariant+" "+x.what, func(t *testing.T) {
			if assert.Contains(t, invariants(x.findings()), x.invariant) {
				found++
			}
		})
	}
	return found, len(violations) + len(lies) + len(mishaps)
}

func invariants(findings []finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.invariant)
	}
	return all
}

// fill makes a store in which transfers have had all their effects.
func fill(t *testing.T, o orders, client *redis.Client) {
	t.Helper()
	b, err := o.open()
	require.NoError(t, err)
	s, err := spine.New(b, options(o)...)
	require.NoError(t, err)
	var ps []actors.Payload
	for i := range uint64(clean) {
		n := perSource + i + 1
		ps = append(ps, actors.With(transferOf(n), chosenID(n)))
	}
	r := reader{client: client, namespace: o.Namespace, shards: o.Shards}
	for left := int64(1); left > 0; {
		_, err = s.RunUntilIdle(t.Context(), ps...)
		require.NoError(t, err)
		ps = nil
		left, err = r.counts(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, closeBackend(b))
}

// vandal spoils a store, and brings it back.
type vandal struct {
	t      *testing.T
	ctx    context.Context
	client *redis.Client
	reader reader
	dumps  map[string]string
	truths []truth
}

func (v *vandal) must(err error) { require.NoError(v.t, err) }

// judge checks the store as it is, with a diary in which nothing is wrong.
func (v *vandal) judge(x violation) verdict {
	want := expectation{notes: map[uint64]notes{1: {sent: clean, accepted: clean}}, retain: true, diary: v.diary()}
	want.calms = []span{{dayOne, dayOne.Add(time.Second)}}
	if x.want != nil {
		x.want(&want)
	}
	c, err := v.reader.read(v.ctx)
	v.must(err)
	return check(c, want)
}

func (v *vandal) tag() string { return v.reader.tag(0) }

func (v *vandal) remember() {
	keys, err := v.reader.keys(v.ctx)
	v.must(err)
	v.dumps = map[string]string{}
	for _, key := range keys {
		v.dumps[key] = v.client.Dump(v.ctx, key).Val()
	}
	for _, organ := range []string{"book", "chain", "tally"} {
		_, c := v.cell(organ)
		state, _ := rebuild(c)
		v.truths = append(v.truths, truth{organ: organ, key: c.key, log: logOf(state)})
	}
}

func (v *vandal) restore() {
	v.must(v.client.FlushAll(v.ctx).Err())
	for key, dump := range v.dumps {
		v.must(v.client.Restore(v.ctx, key, 0, dump).Err())
	}
}

// cell finds a cell of an organ with a snapshot, and a log of some length.
func (v *vandal) cell(organ string) (key string, c cellContent) {
	for i := range uint64(accounts) {
		key = v.tag() + "cell:" + sized(service) + ":" + sized(organ) + ":" + account(i)
		c = cellContent{organ: organ, key: account(i), fields: v.client.HGetAll(v.ctx, key).Val()}
		state, errs := rebuild(c)
		require.Empty(v.t, errs)
		if len(logOf(state)) > 2 && c.number("s") > 0 {
			return key, c
		}
	}
	require.Fail(v.t, "no cell has enough", organ)
	return "", c
}

// relog changes the log in the state of a cell, and leaves it as if it had always been so.
func (v *vandal) relog(organ string, change func([]mark) []mark) {
	key, c := v.cell(organ)
	state, _ := rebuild(c)
	log := change(logOf(state))
	switch s := state.(type) {
	case bookState:
		s.Log = log
		state = s
	case chainState:
		s.Log, s.Head = log, ""
		for _, m := range log {
			s.Head = linked(s.Head, m)
		}
		state = s
	case tallyState:
		s.Log = log
		state = s
	}
	v.must(v.client.Del(v.ctx, key).Err())
	v.store(key, c.number("n"), state)
}

// store writes a cell that is nothing but a snapshot.
func (v *vandal) store(key string, seq uint64, state any) {
	data, err := json.Marshal(state)
	v.must(err)
	sum := sha256.Sum256(data)
	whole, err := proto.Marshal(&wirepb.Snapshot{Seq: seq, Version: 1, State: data, Sha256: sum[:]})
	v.must(err)
	v.must(v.client.HSet(v.ctx, key, "n", seq, "zs", seq, "z", whole).Err())
}

func doubled(log []mark) []mark { return append(log, log[len(log)-1]) }

func cut(log []mark) []mark { return log[:len(log)-1] }
func swapped(log []mark) []mark {
	n := len(log)
	log[n-1], log[n-2] = log[n-2], log[n-1]
	return log
}

// restate changes the state in the snapshot of a cell, and where that is to look right its sum as well.
func (v *vandal) restate(organ string, sum bool) {
	key, c := v.cell(organ)
	state, err := c.state("s")
	v.must(err)
	s := state.(chainState)
	s.Head = linked(s.Head, "another")
	data, err := json.Marshal(s)
	v.must(err)
	v.must(v.client.HSet(v.ctx, key, "s"+c.fields["s"]+".1", data).Err())
	if !sum {
		return
	}
	sha := sha256.Sum256(data)
	meta, err := proto.Marshal(&wirepb.Snapshot{Seq: c.number("s"), Version: 1, Sha256: sha[:]})
	v.must(err)
	v.must(v.client.HSet(v.ctx, key, "sm", meta).Err())
}

// first finds the first event of a type.
func (v *vandal) first(typ string) redis.XMessage {
	for _, m := range v.client.XRange(v.ctx, v.tag()+"in", "-", "+").Val() {
		if ev, err := decode(m.ID, m.Values["e"]); err == nil && ev.typ == typ {
			return m
		}
	}
	require.Fail(v.t, "there is no event of the type", typ)
	return redis.XMessage{}
}

func (v *vandal) again(typ string) {
	v.must(v.client.XAdd(v.ctx, &redis.XAddArgs{Stream: v.tag() + "in", Values: v.first(typ).Values}).Err())
}

func (v *vandal) without(typ string) {
	v.must(v.client.XDel(v.ctx, v.tag()+"in", v.first(typ).ID).Err())
}
