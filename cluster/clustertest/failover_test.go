package clustertest_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// A master is cut off from its replica, goes on for a while, and dies. The replica is promoted, and the nodes find it at the
// same address. The end of what was accepted is lost, and nothing else.
func TestAPromotedReplicaLosesTheEndAndNothingElse(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.AOF("everysec"))
	link := openDoor(t, master.Addr())
	host, port, err := net.SplitHostPort(link.addr())
	require.NoError(t, err)
	replica := redistest.Start(t, redistest.AOF("everysec"), redistest.Conf("replicaof", host, port))
	front := openDoor(t, master.Addr())
	c := newCompanyOn(t, master, "redis://"+front.addr()+"/0")
	c.hireAll(one, "a", "b", "c")
	c.publish(drizzle)
	c.settled("a", "b", "c")
	ctx := context.Background()
	c.eventually("the replica does not follow", func() bool {
		return strings.Contains(replica.Client().Info(ctx, "replication").Val(), "master_link_status:up")
	})
	c.grown(10)
	link.shut()
	c.grown(20)
	lost := c.load.count.Load()
	master.Kill()
	require.NoError(t, replica.Client().ReplicaOf(ctx, "NO", "ONE").Err())
	before := make(map[string]bool)
	for s := range shards {
		for _, tn := range c.watch.tenures(s) {
			before[tn.token] = true
		}
	}
	c.server = replica
	c.watch.follow(replica)
	front.lead(replica.Addr())
	c.eventually("the owners do not take their shards anew", func() bool {
		for s := range shards {
			ts := c.watch.tenures(s)
			if last := ts[len(ts)-1]; before[last.token] || last.first.IsZero() {
				return false
			}
		}
		return true
	})
	c.settled("a", "b", "c")
	c.ticks(2)

	total := 0
	for key, state := range c.final() {
		assert.Equal(t, int(c.load.count.Load()), state.Last, key)
		assert.Zero(t, state.Again, "%s: doubled or out of order", key)
		assert.LessOrEqual(t, state.Gaps, 1, "%s: one end is lost", key)
		total += state.Lost
	}
	t.Logf("%d of %d events, of which the first %d were accepted by the master, are lost with it", total, c.load.count.Load()*keys, lost*keys)
	assert.Positive(t, total, "the master had accepted events that the replica never saw")
}

// grown waits until so many more links of each key were accepted.
func (c *company) grown(n int64) {
	c.Helper()
	from := c.load.count.Load()
	c.eventually("nothing is published", func() bool { return c.load.count.Load() >= from+n })
}

// door is an address that leads to a server, and to another one later.
type door struct {
	listener net.Listener
	group    sync.WaitGroup

	mu     sync.Mutex
	target string // "": nowhere
	open   map[net.Conn]struct{}
}

func openDoor(t *testing.T, target string) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &door{listener: listener, target: target, open: make(map[net.Conn]struct{})}
	d.group.Go(d.accept) // ends with the listener
	t.Cleanup(func() {
		_ = d.listener.Close() // It has only accepted.
		d.shut()
		d.group.Wait()
	})
	return d
}

func (d *door) addr() string { return d.listener.Addr().String() }

// shut ends all connections, and each new one.
func (d *door) shut() { d.lead("") }

// lead ends all connections; new ones go to the target.
func (d *door) lead(target string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = target
	for conn := range d.open {
		_ = conn.Close() // Whoever uses it sees that.
	}
	clear(d.open)
}

func (d *door) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		target := d.target
		server, err := net.Dial("tcp", target)
		if target == "" || err != nil {
			_ = client.Close()
		} else {
			d.open[client], d.open[server] = struct{}{}, struct{}{}
			d.group.Go(func() { carry(server, client) }) // both end when one side is closed
			d.group.Go(func() { carry(client, server) })
		}
		d.mu.Unlock()
	}
}

// carry copies until one side is closed, and closes the other.
func carry(to, from net.Conn) {
	_, _ = io.Copy(to, from) // A broken connection is an end as well.
	_ = to.Close()
	_ = from.Close()
}
