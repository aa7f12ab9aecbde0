package redisstream

import (
	"fmt"
	"slices"
)

// differMembers are who beats, and asks.
var differMembers = []string{"m/1", "m/2", "m:1/1"}

// share is what nodes say of themselves, what they agree on, and their questions.
func (d *differ) share(p place) []fakeCall {
	nodes, agreed := differRing.nodes(p.service), differRing.agreed(p.service)
	member := pick(d, differMembers)
	switch d.rnd.IntN(10) {
	case 0, 1, 2:
		if d.chance(4) {
			member = ""
		}
		return call1(beatScript, []string{nodes, agreed}, member, d.word("record"), pick(d, []string{"", "1"}))
	case 3, 4:
		name := pick(d, []string{"plan", "pins"})
		return call1(agreeScript, []string{agreed}, name, d.seen(agreed, name), d.word("plan"))
	case 5:
		return call1(strikeScript, []string{nodes}, member, d.seen(nodes, member))
	case 6:
		return d.readBox(differRing.box(member))
	case 7:
		return call1(answerScript, []string{p.own, differRing.box(member)}, d.tokenOrNone(p), d.near(d.peek(p.own, "c")), d.room(), "3600000",
			fmt.Sprint(d.rnd.IntN(9)), fmt.Sprint(d.rnd.IntN(3)), pick(d, []string{saidReply, saidError, saidMoved}), "kind", d.word("text"))
	default:
		return call1(askScript, []string{p.own, differRing.box(member)}, d.tokenOrNone(p), d.room(), "3600000",
			"ask", fmt.Sprint(d.rnd.IntN(9)), "from", pick(d, differMembers), "data", d.word("query"))
	}
}

// seen is what a field has, or had.
func (d *differ) seen(key, field string) string {
	if d.chance(4) {
		return d.word("seen")
	}
	return d.peek(key, field)
}

func (d *differ) tokenOrNone(p place) string {
	if d.chance(10) {
		return ""
	}
	return d.token(p)
}

// room is how many messages a box may have.
func (d *differ) room() string { return pick(d, []string{"1", "3", "1000"}) }

// readBox reads a box as its owner does: what was read before is removed first.
func (d *differ) readBox(box string) []fakeCall {
	read := fakeCall{args: []string{"XREAD", "COUNT", "2", "STREAMS", box, "0-0"}}
	x := d.fake.stream(box)
	if x == nil || len(x.entries) == 0 || d.chance(3) {
		return []fakeCall{read}
	}
	remove := fakeCall{args: []string{"XDEL", box}}
	for _, e := range x.entries[:1+d.rnd.IntN(len(x.entries))] {
		remove.args = append(remove.args, e.id.String())
	}
	return []fakeCall{remove, read}
}

// inOrder sorts what the answer to a beat tells by name: the server has it in any order.
func inOrder(reply any) any {
	parts := slices.Clone(list(reply))
	for i := 1; i < len(parts); i++ {
		parts[i] = sortedPairs(list(parts[i]))
	}
	return parts
}

func sortedPairs(words []any) []any {
	m := fakeHash{}
	for i := 0; i+1 < len(words); i += 2 {
		m[text(words[i])] = text(words[i+1])
	}
	s := newFakeStore()
	s.keys["m"] = m
	return s.hgetall("m")
}
