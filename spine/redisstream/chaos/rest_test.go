package chaos_test

import (
	"context"
	"slices"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// calm ends all faults, and the publishers.
func (r *round) calm() {
	for len(r.ends) > 0 {
		r.linger(glance)
	}
	r.linger(0)
	if r.setting.cluster {
		r.awaitServed(stallIn, "all faults are over")
	}
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
	for _, m := range slices.Concat(r.nodes, r.guests) {
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

func (r *round) endNodes() {
	for _, m := range slices.Concat(r.nodes, r.guests) {
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
		lossy: !r.rolledBack.IsZero(), rolledBack: r.rolledBack, calms: r.calms, diary: newDiary(),
	}
	for _, m := range slices.Concat(r.nodes, r.guests) {
		require.NoError(r.t, want.diary.read(m.orders.Journal))
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
