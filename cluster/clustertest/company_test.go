package clustertest_test

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// company is a cluster under test whose nodes are processes of their own.
type company struct {
	*cast
	watch     *watch
	folder    string // logs and diaries
	processes []*process
}

func newCompany(t *testing.T) *company {
	server := redistest.SharedServer(t)
	return newCompanyOn(t, server, server.URL())
}

// newCompanyOn reaches the server at url.
func newCompanyOn(t *testing.T, server *redistest.Server, url string) *company {
	c := &company{cast: newCastOn(t, server, url), folder: t.ArtifactDir()}
	d, err := openDiary(c.readerDiary())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.file.Close()) })
	c.diary = d
	c.watch = newWatch(server, c.ns)
	t.Cleanup(c.watch.stop)
	return c
}

func (c *company) readerDiary() string { return filepath.Join(c.folder, "reader.diary") }

// hireAll starts a process under each name.
func (c *company) hireAll(p program, names ...string) map[string]*process {
	c.Helper()
	all := make(map[string]*process)
	for _, name := range names {
		all[name] = c.hire(name, p)
	}
	return all
}

// patience is for what takes some beats and the start of processes, on a busy machine.
const patience = 30 * time.Second

// settled waits until processes of these names, which follow the plan in force, have all shards between them, and each
// has committed something of each.
func (c *company) settled(names ...string) {
	c.Helper()
	c.eventually("the shards are not shared out", func() bool { return c.watch.shared(names) })
}

func (c *company) eventually(what string, condition func() bool) {
	c.Helper()
	if !assert.Eventually(c, condition, patience, look, what) {
		for _, p := range c.processes {
			c.Logf("%s, alive %v, %s:\n%s", p.orders.Name, p.alive(), p.log, p.tail())
		}
		c.Logf("loads: %v", c.watch.loads())
		c.FailNow()
	}
}

// changed returns which shards have had another owner since, and holds that none has had two.
func (c *company) changed(since [shards]int) []int {
	c.Helper()
	var went []int
	for s, n := range c.watch.counts() {
		if n > since[s] {
			went = append(went, s)
			assert.Equal(c, since[s]+1, n, "shard %d moved more than once", s)
		}
	}
	return went
}

// fire forgets a process whose end was not in good order, as it was meant.
func (c *company) fire(p *process) {
	c.processes = slices.DeleteFunc(c.processes, func(x *process) bool { return x == p })
}

// dismiss ends all processes in good order.
func (c *company) dismiss() {
	c.Helper()
	var running []*process
	for _, p := range c.processes {
		if p.alive() { // else whoever has ended it has looked
			running = append(running, p)
			p.signal(syscall.SIGTERM)
		}
	}
	for _, p := range running {
		assert.NoError(c, p.finished())
	}
}

// check ends everything, and looks at every cell.
func (c *company) check() {
	c.Helper()
	c.whole(c.final())
	c.epochs()
}

// epochs holds that no two owners had a shard in one epoch.
func (c *company) epochs() {
	c.Helper()
	for s := range shards {
		for i, tn := range c.watch.tenures(s) {
			if i > 0 {
				assert.Greater(c, tn.epoch, c.watch.tenures(s)[i-1].epoch, "shard %d", s)
			}
		}
	}
}

// final ends everything and returns every cell.
func (c *company) final() map[string]heir {
	c.Helper()
	c.load.end()
	c.dismiss()
	return c.cast.final()
}
