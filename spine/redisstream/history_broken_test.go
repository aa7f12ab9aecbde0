package redisstream

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
)

// wrong is a history that no order explains, but for one answer, which is the last one's: with another in its place there is an order.
type wrong struct {
	model porcupine.Model
	ops   []porcupine.Operation
	right any
}

// TestABrokenHistoryHasNoOrder shows that the models find what they are there for.
func TestABrokenHistoryHasNoOrder(t *testing.T) {
	t.Parallel()
	leases, ids, cells := machine(lease.do), machine(known.do), machine(keyed.do)
	ok, fenced := leaseAnswer{word: "OK"}, leaseAnswer{word: "FENCED"}
	take := func(token, seen string, beat, epoch uint64) porcupine.Operation {
		return one(leaseAct{act: "acquire", token: token, seen: seen, beat: beat}, leaseAnswer{word: "OK", token: seen, epoch: epoch})
	}
	pull := one(leaseAct{act: "pull", token: "a", number: 1}, ok)
	a, b := textOf(1), textOf(2)
	published := []porcupine.Operation{one(keyedAct{act: "publish", text: a}, "ok"), one(keyedAct{act: "publish", text: b, at: 1}, "ok")}
	for name, w := range map[string]wrong{
		"two tokens are accepted": {leases, inTurn(
			take("a", "", 0, 1), take("b", "a", 1, 2), one(leaseAct{act: "commit", token: "b", number: 1}, ok),
			one(leaseAct{act: "commit", token: "a", number: 2}, ok),
		), fenced},
		"two tokens renew": {leases, inTurn(
			take("a", "", 0, 1), take("b", "a", 1, 2), one(leaseAct{act: "renew", token: "a"}, ok),
		), fenced},
		"an owner that is not silent loses its shard": {leases, inTurn(
			take("a", "", 0, 1), one(leaseAct{act: "renew", token: "a"}, ok), take("b", "a", 1, 2),
		), leaseAnswer{word: "HELD", token: "a", beat: 2}},
		"a token is accepted after its release": {leases, inTurn(
			take("a", "", 0, 1), one(leaseAct{act: "release", token: "a"}, ok), pull,
		), fenced},
		"a commit is repeated after the next one": {leases, inTurn(
			take("a", "", 0, 1), pull, one(leaseAct{act: "commit", token: "a", number: 1, after: 1}, ok),
			one(leaseAct{act: "commit", token: "a", number: 2, after: 1}, ok), one(leaseAct{act: "commit", token: "a", number: 1, after: 1}, ok),
		), leaseAnswer{word: "REACQUIRE"}},
		"an id is accepted twice":         {ids, together(one(publishID, "accepted"), one(publishID, "accepted")), "duplicate"},
		"an id is a duplicate of nothing": {ids, together(one(publishID, "duplicate"), one(publishID, "duplicate")), "accepted"},
		"an id is in the store twice":     {ids, inTurn(one(publishID, "accepted"), one(publishID, nil), one(countID, "2")), "1"},
		"an id that was accepted is lost": {ids, inTurn(one(publishID, nil), one(publishID, "duplicate"), one(countID, "0")), "1"},
		"an event is applied twice": {cells, inTurn(append(published, one(keyedAct{act: "settle", text: a}, "ok"),
			one(keyedAct{act: "settle", text: a, at: 1}, "ok"))...), "not the next"},
		"an event is passed over": {cells, inTurn(append(published, one(keyedAct{act: "settle", text: b}, "ok"))...), "not the next"},
		"events are handed out in another order": {cells, inTurn(append(published, one(keyedAct{act: "hand out", text: b + a}, "ok"))...),
			"not in the stream"},
		"a cell forgets": {cells, inTurn(append(published, one(keyedAct{act: "settle", text: a}, "ok"), one(keyedAct{act: "load"}, ""))...), a},
		"a cell has what was never settled": {cells, inTurn(append(published, one(keyedAct{act: "settle", text: a}, nil),
			one(keyedAct{act: "load"}, a+b))...), a},
		"an event that was accepted is lost": {cells, inTurn(append(published, one(keyedAct{act: "end"}, a))...), a + b},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(w.model, w.ops, checkLimit))
			w.ops[len(w.ops)-1].Output = w.right
			assert.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(w.model, w.ops, checkLimit))
		})
	}
}

func one(in, out any) porcupine.Operation { return porcupine.Operation{Input: in, Output: out} }

// inTurn makes each operation return before the next one is called.
func inTurn(ops ...porcupine.Operation) []porcupine.Operation {
	for i := range ops {
		ops[i].Call, ops[i].Return = int64(2*i), int64(2*i+1)
	}
	return ops
}

// together makes all be on their way at the same time.
func together(ops ...porcupine.Operation) []porcupine.Operation {
	for i := range ops {
		ops[i].Call, ops[i].Return = int64(i), int64(len(ops)+i)
	}
	return ops
}
