package redisstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// peer is one of the nodes.
type peer struct {
	*Backend
	f       *fleet
	client  int
	seed    uint64
	stamper *actors.Stamper // the publishing goroutine's own
	turns   chan struct{}
	looks   chan struct{}
	images  map[uint32]map[string]*image // by shard; the settling goroutine's own
	void    map[uint32]uint64            // what is handed out up to it is lost
}

// image is what a node knows of a cell.
type image struct {
	changes int
	text    string
}

// join makes a peer. What others do to leases for it, it does itself: see keepLeases.
func (f *fleet) join(client int, seed uint64) *peer {
	b, err := New(f.server.URL(), append(slices.Clone(f.opts), WithNode(fmt.Sprint("peer", client)))...)
	require.NoError(f, err)
	b.server = &sky{server: b.server, weather: f.weather, history: f.leases, client: client}
	require.NoError(f, b.Open(f.ctx, spine.Service{Name: "svc", Organs: []spine.OrganSpec{strict("list")}}))
	b.keeper.stop()
	return &peer{
		Backend: b, f: f, client: client, seed: seed, stamper: newStamper(), turns: make(chan struct{}, 1), looks: make(chan struct{}, 1),
		images: map[uint32]map[string]*image{}, void: map[uint32]uint64{},
	}
}

// dice are those of one of the goroutines, told apart by the length of its name.
func (p *peer) dice(of string) *rand.Rand {
	return rand.New(rand.NewPCG(p.seed, uint64(p.client)<<32+uint64(len(of))))
}

// publish publishes a share of every key's texts. Some are given up after a moment.
func (p *peer) publish() {
	dice := p.dice("publish")
	for range fleetKeys * fleetAppends / fleetPeers / publishedAtOnce {
		limit := time.Minute
		if dice.IntN(20) == 0 {
			limit = time.Millisecond
		}
		p.publishSome(dice, limit)
	}
}

// publishedAtOnce is how many texts one Publish has.
const publishedAtOnce = 2

func (p *peer) publishSome(dice *rand.Rand, limit time.Duration) {
	ctx, stop := context.WithTimeout(p.f.ctx, limit)
	defer stop()
	var evs []actors.Event
	for range publishedAtOnce {
		ev, err := p.stamper.Root(step{keyName(dice.IntN(fleetKeys)), textOf(p.f.texts.Add(1))}, p.f.clock())
		if err != nil {
			p.f.fail("stamp", err)
			return
		}
		evs = append(evs, ev)
	}
	called := p.f.cells.tick()
	answers, err := p.Publish(ctx, evs)
	for i, ev := range evs {
		var out any
		if err == nil && answers[i].Code == spine.Accepted {
			out = "ok"
		}
		x := texts([]spine.Delivery{{Event: ev}})[0]
		p.f.cells.note(ev.Key(), p.client, called, keyedAct{act: "publish", text: x}, out)
	}
}

// pull hands out what there is, until the fleet is done.
func (p *peer) pull(handed chan<- []spine.Delivery) {
	defer close(handed)
	dice := p.dice("hand out")
	for !p.f.done() {
		p.f.turn()
		ctx, stop := context.WithTimeout(p.f.ctx, 10*time.Millisecond)
		called := p.f.cells.tick()
		ds, err := p.Pull(ctx, spine.Want{Events: 1 + dice.IntN(8), Bytes: 1 << 20})
		if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			p.f.fail("pull", err)
		}
		stop()
		for key, together := range byKey(ds) {
			p.f.cells.note(key, p.client, called, keyedAct{act: "hand out", text: together}, "ok")
		}
		if len(ds) > 0 {
			handed <- ds
		}
	}
}

// byKey joins the texts of each key.
func byKey(ds []spine.Delivery) map[string]string {
	all := map[string]string{}
	for i := range ds {
		if !ds[i].Lost {
			all[ds[i].Event.Key()] += texts(ds[i : i+1])[0]
		}
	}
	return all
}

// settleAll changes the cells by what is handed out.
func (p *peer) settleAll(handed <-chan []spine.Delivery) {
	dice := p.dice("settle")
	for ds := range handed {
		ss, acts := p.changes(dice, ds)
		if len(ss) == 0 {
			continue
		}
		called := p.f.cells.tick()
		answers, err := p.Settle(p.f.ctx, ss)
		if err != nil {
			if p.f.ctx.Err() == nil {
				p.f.fail("settle", err)
			}
			continue
		}
		for i, a := range answers {
			var out any // of one that is lost, the answer may have been lost
			if a.Code == spine.Settled {
				out = "ok"
			} else {
				p.forget(ss[i].Shard, a.Handouts)
			}
			p.f.cells.note(acts[i].key, p.client, called, acts[i].keyedAct, out)
		}
	}
}

type change struct {
	key string
	keyedAct
}

// changes makes the settlements of deliveries.
func (p *peer) changes(dice *rand.Rand, ds []spine.Delivery) (ss []spine.Settlement, acts []change) {
	for i, d := range ds {
		if d.Lost {
			p.forget(d.Shard, d.Handout)
		}
		if d.Lost || d.Handout <= p.void[d.Shard] {
			continue
		}
		key, x := d.Event.Key(), texts(ds[i : i+1])[0]
		cell := p.image(d.Shard, key)
		if cell == nil {
			continue
		}
		acts = append(acts, change{key, keyedAct{act: "settle", text: x, at: cell.changes}})
		c := &persistence.Change{Base: uint64(cell.changes), Version: 1, At: p.f.clock()}
		cell.changes, cell.text = cell.changes+1, cell.text+x
		if dice.IntN(2) == 0 {
			c.State = []byte(cell.text)
		}
		ss = append(ss, spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Kind: spine.Done, Change: c})
	}
	return ss, acts
}

// forget drops what is known of a shard that is lost.
func (p *peer) forget(shard uint32, upTo uint64) {
	delete(p.images, shard)
	p.void[shard] = max(p.void[shard], upTo)
}

// image returns what is known of a cell, and loads what is not. nil: the shard was lost, and Pull says so next.
func (p *peer) image(shard uint32, key string) *image {
	if p.images[shard] == nil {
		p.images[shard] = map[string]*image{}
	}
	if p.images[shard][key] == nil {
		cell := p.read(p.f.ctx, key)
		if cell == nil {
			return nil
		}
		p.images[shard][key] = cell
	}
	return p.images[shard][key]
}

// read loads a cell; nil: it cannot be had.
func (p *peer) read(ctx context.Context, key string) *image {
	called := p.f.cells.tick()
	hs, err := p.Load(ctx, []persistence.Cell{{Organ: "list", Key: key}}, nil)
	if err != nil {
		return nil
	}
	cell := imageOf(hs[0])
	p.f.cells.note(key, p.client, called, keyedAct{act: "load"}, cell.text)
	return cell
}

// imageOf rebuilds a cell.
func imageOf(h persistence.History) *image {
	cell := &image{changes: int(h.Last), text: string(h.Snapshot.State)}
	for _, r := range h.Records {
		if r.Seq > h.Snapshot.Seq {
			cell.text += texts([]spine.Delivery{{Event: r.Event}})[0]
		}
	}
	return cell
}

// load looks at cells beside those who change them.
func (p *peer) load() {
	dice := p.dice("look")
	for p.f.ctx.Err() == nil {
		select {
		case <-p.looks:
		case <-p.f.ctx.Done():
			return
		}
		ctx, stop := context.WithTimeout(p.f.ctx, 10*time.Millisecond)
		p.read(ctx, keyName(dice.IntN(fleetKeys)))
		stop()
	}
}

// keepLeases does what a keeper does, but as often as others pull, and takes shards from owners that are not silent.
func (p *peer) keepLeases() {
	dice := p.dice("keep leases")
	beat := time.NewTicker(10 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-p.turns:
		case <-beat.C:
		case <-p.f.ctx.Done():
			return
		}
		switch n := dice.IntN(10); {
		case n < 3:
			p.renew(p.f.ctx)
		case n < 6:
			p.contend(p.f.ctx)
		default:
			p.steal(p.shards[dice.IntN(len(p.shards))])
			p.contend(p.f.ctx)
		}
	}
}

// steal makes the owner of a shard look as if it had been silent for a lease.
func (p *peer) steal(s *shard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.rival.since, s.rival.readings = time.Now().Add(-2*time.Hour), leastReadings
}
