package redisstream

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What the calls are about. Names that begin alike, and keys with the separator in them, belong to it.
var (
	differRing     = keyring{"d"}
	differServices = []string{"a", "ab"}
	differOrgans   = []string{"x", "y", "xy"}
	differCells    = []string{"k", "k:1", "1:k"}
)

const differShards = 2

// place is a service in a shard.
type place struct {
	service string
	shard   shardKeys
	serviceKeys
}

func (d *differ) place() place {
	p := place{service: pick(d, differServices), shard: differRing.shard(d.rnd.IntN(differShards))}
	p.serviceKeys = p.shard.of(p.service, differOrgans)
	return p
}

func pick[T any](d *differ, all []T) T { return all[d.rnd.IntN(len(all))] }

func (d *differ) word(what string) string {
	d.nonce++
	return fmt.Sprint(what, d.nonce)
}

// peek reads a field, also where somebody has put something else in the key's place.
func (d *differ) peek(key, field string) string {
	h, _ := d.fake.keys[key].(fakeHash)
	return h[field]
}

// near is a number as it is, or nearly.
func (d *differ) near(text string) string {
	n := fakeInt(text)
	switch {
	case d.chance(12):
		n++
	case d.chance(12):
		n = max(n-1, 0)
	}
	return strconv.FormatInt(n, 10)
}

// next is the number that comes after another, or nearly.
func (d *differ) next(text string) string { return d.near(strconv.FormatInt(fakeInt(text)+1, 10)) }

func (d *differ) token(p place) string {
	if d.chance(4) {
		return d.word("nobody")
	}
	return d.peek(p.own, "tok")
}

// begin opens the services, as a rule.
func (d *differ) begin() {
	if d.chance(8) {
		return
	}
	d.send(call1(createScript, []string{differRing.meta()}, "1", fmt.Sprint(differShards), "store"))
	for _, service := range differServices {
		if d.chance(5) {
			continue
		}
		d.send(call1(joinScript, d.joinKeys(service), "store", service, "0", "x y", "", fmt.Sprint(differShards)))
	}
}

func call1(s *script, keys []string, args ...string) []fakeCall {
	return []fakeCall{{script: s, keys: keys, args: args}}
}

func (d *differ) joinKeys(service string) []string {
	keys := []string{differRing.meta(), differRing.load(), differRing.service(service)}
	for i := range differShards {
		keys = append(keys, differRing.shard(i).in)
	}
	for i := range differShards {
		keys = append(keys, differRing.shard(i).delayed)
	}
	return keys
}

// calls is what one step sends.
func (d *differ) calls() []fakeCall {
	p := d.place()
	switch n := d.rnd.IntN(100); {
	case n < 22:
		return d.pull(p)
	case n < 44:
		return d.commit(p)
	case n < 56:
		return d.submit(p)
	case n < 64:
		return d.acquire(p)
	case n < 74:
		return d.cell(p)
	case n < 83:
		return d.lease(p)
	case n < 88:
		return d.look(p)
	case n < 96:
		return d.share(p)
	default:
		return d.rare(p)
	}
}

func (d *differ) pull(p place) []fakeCall {
	seen := d.peek(p.own, "h")
	if d.chance(15) {
		seen = d.word("0-")
	}
	now := fmt.Sprint(d.rnd.IntN(1200))
	guard := fakeCall{script: guardScript, keys: []string{p.own, p.shard.in, p.progress}}
	guard.args = []string{d.token(p), d.next(d.peek(p.own, "p")), d.near(d.peek(p.own, "c")), seen, p.service, now}
	for i := range differOrgans {
		if d.chance(3) {
			continue
		}
		guard.keys = append(guard.keys, p.due[i])
		guard.args = append(guard.args, fmt.Sprint(d.rnd.IntN(4)))
	}
	n := fmt.Sprint(1 + d.rnd.IntN(6))
	last := "0-0"
	if d.chance(3) {
		last = d.id(p)
	}
	if d.chance(6) {
		guard.args = append(guard.args, last, n)
		return []fakeCall{guard}
	}
	read := func(id string) fakeCall {
		return fakeCall{args: []string{"XREADGROUP", "GROUP", p.service, owner, "COUNT", n, "STREAMS", p.shard.in, id}}
	}
	return []fakeCall{guard, read(last), read(">")}
}

// id is an entry of the shard, as a rule one that is pending.
func (d *differ) id(p place) string {
	if x := d.fake.stream(p.shard.in); x != nil && x.groups[p.service] != nil && len(x.groups[p.service].pending) > 0 && !d.chance(8) {
		return pick(d, x.groups[p.service].pending).id.String()
	}
	if all := d.fake.history[p.shard.in]; len(all) > 0 {
		return pick(d, all).id.String()
	}
	return "5-5"
}

// ids are some entries, each once.
func (d *differ) ids(p place, most int) []string {
	var ids []string
	for range d.rnd.IntN(most + 1) {
		if id := d.id(p); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (d *differ) submit(p place) []fakeCall {
	lane := pick(d, []string{"l1", "l2"})
	field := fmt.Sprint(d.rnd.IntN(2))
	number := fmt.Sprint(d.lanes[lane+field])
	if !d.chance(6) {
		d.lanes[lane+field]++
		number = fmt.Sprint(d.lanes[lane+field])
	}
	room := "-1"
	if d.chance(3) {
		room = fmt.Sprint(d.rnd.IntN(40))
	}
	keys := []string{differRing.load(), p.shard.in, p.shard.delayed, p.shard.delayedEntries, differRing.bell(), differRing.publisher(lane), differRing.meta()}
	n := 1 + d.rnd.IntN(6)
	args := []string{field, number, room, "3600000", pick(d, []string{"", "1800000"}), fmt.Sprint(n)}
	for range n {
		id, at, due := "", "0", ""
		if d.chance(2) {
			bucket := int64(d.rnd.IntN(4))
			id, at = fmt.Sprint("id", d.rnd.IntN(60)), fmt.Sprint(len(keys)+1)
			keys = append(keys, p.shard.ids(bucket), p.shard.ids(bucket-1), p.shard.ids(bucket+1), p.shard.ids(bucket-2))
		}
		if d.chance(4) {
			due = fmt.Sprint(d.rnd.IntN(1000))
		}
		field, entry := d.entry()
		args = append(args, id, at, due, field, entry)
	}
	store := "store"
	if d.chance(9) {
		store = "another"
	}
	return call1(submitScript, keys, append(args, store)...)
}

// entry is one as it is written: in one field, or in the two of the original's form.
func (d *differ) entry() (field, entry string) {
	if d.chance(3) {
		return "event", d.word("e") + "\n" + d.word("envelope\n")
	}
	return pick(d, []string{"e", "event"}), d.word("an entry ")
}

func (d *differ) acquire(p place) []fakeCall {
	seenToken, seenBeat := d.peek(p.own, "tok"), d.peek(p.own, "beat")
	if d.chance(3) {
		seenBeat = d.near(seenBeat)
	}
	keys := append([]string{p.own, p.shard.in}, p.due...)
	return call1(acquireScript, keys, p.service, "node", d.word("t"), seenToken, seenBeat)
}

func (d *differ) lease(p place) []fakeCall {
	switch d.rnd.IntN(6) {
	case 0:
		return call1(renewScript, []string{p.own}, d.token(p))
	case 1:
		if d.chance(2) {
			return call1(releaseScript, []string{p.own}, d.token(p))
		}
		keys := append([]string{p.own, p.shard.in}, p.due...)
		return call1(undeferScript, keys, d.token(p), p.service, fmt.Sprint(1+d.rnd.IntN(4)), pick(d, []string{"x y", "x"}))
	case 2, 3:
		args := append([]string{d.token(p), d.near(d.peek(p.own, "c")), p.service, fmt.Sprint(d.rnd.IntN(3))}, d.ids(p, 5)...)
		if len(args) == 4 {
			args = append(args, d.id(p))
		}
		return call1(progressScript, []string{p.own, p.progress, p.suspects, p.shard.in}, args...)
	case 4:
		return call1(suspectScript, []string{p.own, p.suspects, p.shard.in}, d.token(p), d.near(d.peek(p.own, "c")), p.service, d.id(p), "x")
	default:
		return call1(promoteScript, []string{p.shard.in, p.shard.delayed, p.shard.delayedEntries}, fmt.Sprint(d.rnd.IntN(1000)), fmt.Sprint(1+d.rnd.IntN(5)))
	}
}

func (d *differ) cell(p place) []fakeCall {
	organ := d.rnd.IntN(len(differOrgans))
	key := pick(d, differCells)
	cell := p.cell(differOrgans[organ], key)
	token := d.token(p)
	n := d.peek(cell, "n")
	switch d.rnd.IntN(5) {
	case 0:
		content := ""
		if d.chance(2) {
			content = strings.Join([]string{d.near(n), d.peek(cell, "t"), d.peek(cell, "i"), d.peek(cell, "s"), d.peek(cell, "p")}, " ")
		}
		args := []string{token, d.near(d.peek(p.own, "c")), content, "n", "t", "i", "s", "sp", "sm", "z", "zs", "p", "r1", "r2", "s2.1"}
		return call1(loadScript, []string{p.own, cell}, args...)
	case 1, 2:
		pieces := 1 + d.rnd.IntN(3)
		seq := n
		if d.chance(2) {
			seq = d.near(n)
		}
		sum := sha1.Sum([]byte(d.peek(cell, "r"+seq)))
		if d.chance(4) {
			sum[0]++
		}
		return call1(snapshotScript, []string{p.own, cell}, token, orZero(seq), fmt.Sprint(1+d.rnd.IntN(pieces)), fmt.Sprint(pieces), d.word("piece"),
			d.word("meta"), fmt.Sprintf("%x", sum))
	case 3:
		return call1(trimCellScript, []string{p.own, cell}, token, fmt.Sprint(1+d.rnd.IntN(4)/3))
	default:
		keys := []string{p.own, p.idle[organ]}
		args := []string{token, fmt.Sprint(d.rnd.IntN(1000))}
		for _, key := range differCells[:1+d.rnd.IntN(len(differCells))] {
			keys = append(keys, p.cell(differOrgans[organ], key))
			args = append(args, key)
		}
		return call1(expireScript, keys, args...)
	}
}

// look only reads.
func (d *differ) look(p place) []fakeCall {
	letters := differRing.letters(p.service)
	switch d.rnd.IntN(6) {
	case 0:
		return call1(lookScript, []string{differRing.meta(), p.own, differRing.shard(0).of(p.service, nil).own})
	case 1:
		keys := append([]string{differRing.load(), letters}, d.joinKeys(p.service)[3:]...)
		keys = append(keys, p.due...)
		return call1(backlogScript, keys, p.service, fmt.Sprint(differShards), fmt.Sprint(d.rnd.IntN(1000)))
	case 2:
		return []fakeCall{{args: []string{"XREAD", "COUNT", "2", "STREAMS", p.shard.in, letters, d.id(p), "0-0"}}}
	case 3:
		from := pick(d, []string{"-", d.id(p), "(" + d.id(p)})
		return []fakeCall{{args: []string{"XRANGE", pick(d, []string{letters, p.shard.in}), from, "+", "COUNT", fmt.Sprint(1 + d.rnd.IntN(9))}}}
	case 4:
		return []fakeCall{{args: []string{"ZRANGEBYSCORE", pick(d, p.idle), "-inf", "(" + fmt.Sprint(d.rnd.IntN(1000)), "LIMIT", "0", "3"}}}
	default:
		return []fakeCall{{args: []string{"HGET", differRing.service(p.service), "organs"}}, {args: []string{"XLEN", letters}}}
	}
}

// removal removes two letters, and appends events to the shard and to the letters' own stream.
func (d *differ) removal(p place, letters, letter string) []fakeCall {
	lane := pick(d, []string{"l1", "l2"})
	number := d.lanes[lane+"letters"]
	switch {
	case !d.chance(4):
		d.lanes[lane+"letters"]++
		number++
	case d.chance(2):
		number = max(number-1, 0)
	}
	args := []string{fmt.Sprint(number), "3600000", "2"}
	for _, id := range []string{letter, pick(d, []string{letter, "1-1"})} { // no id of another stream: it may be that of what is added now
		events := d.rnd.IntN(3)
		args = append(args, id, fmt.Sprint(events))
		for range events {
			field, entry := d.entry()
			args = append(args, fmt.Sprint(1+d.rnd.IntN(2)), field, entry)
		}
	}
	return call1(removeScript, []string{letters, differRing.load(), differRing.publisher(lane), p.shard.in, letters}, args...)
}

// rare is what happens seldom: opening, removing letters, and somebody's hand in our keys.
func (d *differ) rare(p place) []fakeCall {
	letters := differRing.letters(p.service)
	letter := "1-1"
	if all := d.fake.history[letters]; len(all) > 0 {
		letter = pick(d, all).id.String()
	}
	switch d.rnd.IntN(8) {
	case 0:
		return call1(createScript, []string{differRing.meta()}, "1", fmt.Sprint(differShards), "store")
	case 1, 2:
		seen := d.peek(differRing.service(p.service), "organs")
		return call1(joinScript, d.joinKeys(p.service), pick(d, []string{"store", "store", "another"}), p.service,
			pick(d, []string{"0", "$"}), "x y", pick(d, []string{seen, seen, "x"}), fmt.Sprint(differShards))
	case 3, 4, 5:
		return d.removal(p, letters, letter)
	case 6:
		return []fakeCall{{args: []string{"XDEL", letters, letter, d.id(p)}}}
	default:
		if d.chance(3) {
			return []fakeCall{{args: []string{"SET", pick(d, []string{p.progress, p.cell("x", "k"), p.due[0], letters}), "foreign"}}}
		}
		return d.lease(p)
	}
}
