package chaos_test

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// attachIn is how long a replica may take until it has all that its master has, on its disk.
const attachIn = 10 * time.Second

// failOver gives the server a replica, cuts the two off from each other, and a little later kills the master and promotes the replica.
// What was accepted in between is lost.
func (r *round) failOver() (func(), time.Duration) {
	if r.serverBusy || !r.setting.failovers {
		return nil, 0
	}
	r.serverBusy = true
	replica := r.newServer()
	if !r.attach(replica) {
		replica.Stop()
		r.serverBusy = false
		return nil, 0
	}
	apart := r.between(20*time.Millisecond, 500*time.Millisecond)
	return func() {
		// Nobody listens there: it is a replica still, that hears nothing of its master.
		r.replicate(replica, "127.0.0.1", "1")
		r.later(apart, func() { r.promote(replica) })
	}, r.between(0, 2*time.Second)
}

// attach reports whether the replica follows.
func (r *round) attach(replica *redistest.Server) bool {
	ctx, cancel := context.WithTimeout(context.Background(), attachIn)
	defer cancel()
	host, port, err := net.SplitHostPort(r.server.Addr())
	r.must(err)
	r.replicate(replica, host, port)
	for ctx.Err() == nil {
		facts, err := replica.Client().Info(ctx, "replication", "persistence").Result()
		if err == nil && follows(facts) {
			return true
		}
		r.linger(glance)
	}
	return false
}

// replicate tells a server whom to follow. Its disk may keep it from answering for a while.
func (r *round) replicate(replica *redistest.Server, host, port string) {
	var err error
	for began := time.Now(); time.Since(began) < attachIn; {
		if err = replica.Client().ReplicaOf(context.Background(), host, port).Err(); err == nil {
			return
		}
	}
	r.must(err)
}

// follows tells whether a replica has what its master has, and its file is complete: that is written anew from what came
// at first.
func follows(facts string) bool {
	for _, want := range []string{
		"master_link_status:up", "aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok",
	} {
		if !strings.Contains(facts, want+"\r\n") {
			return false
		}
	}
	return true
}

// promote makes the replica the server.
func (r *round) promote(replica *redistest.Server) {
	r.server.Kill()
	r.server = replica
	r.reader.client = replica.Client()
	r.replicate(replica, "NO", "ONE")
	r.restarted(true)
	for _, p := range append(r.proxies[:len(r.proxies):len(r.proxies)], r.way) {
		p.Redirect(replica.Addr())
	}
	r.serverBusy = false
}

// restarted notes that the server is another process.
func (r *round) restarted(lossy bool) {
	if lossy {
		r.rolledBack = time.Now()
	}
	r.watch.restarted(r.reader, lossy)
}
