package redisstream

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// wire carries a few bytes at a time, and not many in a second, between clients and an address.
type wire struct {
	target   string
	whole    bool // requests are not cut
	listener net.Listener
	pieces   atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
	tasks sync.WaitGroup
}

const (
	pieceSize = 1400    // bytes, at most
	bandwidth = 1 << 20 // bytes per second, of each connection and direction
)

// newWire makes a wire to an address that ends with the test.
func newWire(t *testing.T, target string, whole bool) *wire {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{target: target, whole: whole, listener: listener}
	w.tasks.Go(w.accept) // ends with its listener
	t.Cleanup(func() {
		_ = listener.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.tasks.Wait()
	})
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, client, server)
		w.mu.Unlock()
		up := pieceSize
		if w.whole {
			up = 64 << 10
		}
		w.tasks.Go(func() { w.carry(server, client, up) }) // either ends when a side is closed
		w.tasks.Go(func() { w.carry(client, server, pieceSize) })
	}
}

// carry carries bytes until a side is closed, and closes the other.
func (w *wire) carry(to, from net.Conn, size int) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, size)
	for {
		n, err := from.Read(buffer[:1+rand.IntN(size)])
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		w.pieces.Add(1)
		time.Sleep(time.Duration(n) * time.Second / bandwidth)
	}
}

// Whatever is sent arrives late and in pieces, at both sides.
func TestASlowAndNarrowNetworkHoldsNothingUp(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t))
	var wires []*wire
	var proxies []*redistest.Proxy
	var nodes []*worker
	for range 2 {
		far := newWire(t, p.server.Addr(), false)
		proxy := redistest.NewProxy(t, far.addr())
		near := newWire(t, proxy.Addr(), true) // or each request of a pipeline waits by itself
		nodes = append(nodes, p.work("redis://"+near.addr()+"/0", p.organs()))
		wires, proxies = append(wires, far, near), append(proxies, proxy)
	}
	before := p.epochs()
	for _, proxy := range proxies {
		proxy.SetLatency(0, 200*time.Millisecond)
	}
	for _, w := range nodes {
		w.orders(20)
	}
	nodes[0].idle() // it has the shards
	for _, proxy := range proxies {
		proxy.SetLatency(0, 0)
	}
	nodes[0].check()
	assert.Equal(t, before, p.epochs(), "nobody seemed dead")
	for _, w := range wires {
		assert.Greater(t, w.pieces.Load(), int64(100))
	}
}
