package redisstream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// smallDisk is a file system of 6 MiB.
func smallDisk(t *testing.T) string {
	folder := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=6m"), "it takes a user who may mount")
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	return folder
}

// fill takes all of a disk but so many bytes, or all where the server takes these meanwhile.
func fill(t *testing.T, folder string, left int) (path string) {
	var disk syscall.Statfs_t
	require.NoError(t, syscall.Statfs(folder, &disk))
	path = filepath.Join(folder, "filler")
	size := int(disk.Bavail)*int(disk.Bsize) - left
	if err := os.WriteFile(path, make([]byte, size), 0o600); !errors.Is(err, syscall.ENOSPC) {
		require.NoError(t, err)
	}
	return path
}

// A server whose file cannot grow refuses what would change anything, until it can.
func TestAFullDiskHoldsUpTheWorkAndNothingIsLost(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	p := newPlant(t, redistest.Start(t, redistest.AOF("everysec"), redistest.Dir(disk), redistest.Conf("auto-aof-rewrite-percentage", "0")))
	w := p.work(p.server.URL(), p.organs())
	w.orders(100)
	filler := fill(t, disk, 100<<10)
	published := make(chan struct{})
	go func() { // ends when there is room again
		defer close(published)
		w.orders(1000)
	}()
	require.Eventually(t, func() bool {
		return p.server.Client().Info(context.Background(), "persistence").Val() != "" &&
			strings.Contains(p.server.Client().Set(context.Background(), "probe", 1, 0).String(), "MISCONF")
	}, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, os.Remove(filler))
	<-published
	w.check()
}

// With a file that is synced before every answer the server ends rather than answer what it cannot keep.
func TestAFullDiskUnderASyncedFileEndsTheServerAndNothingIsLost(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	p := newPlant(t, redistest.Start(t, redistest.AOF("always"), redistest.Dir(disk), redistest.Conf("auto-aof-rewrite-percentage", "0")))
	w := p.work(p.server.URL(), p.organs())
	w.orders(100)
	filler := fill(t, disk, 100<<10)
	ended := p.server.Ended()
	published := make(chan struct{})
	go func() { // ends when there is room again
		defer close(published)
		w.orders(1000)
	}()
	select {
	case <-ended:
	case <-p.soon().Done():
		require.FailNow(t, "the disk is full, and the server runs on")
	}
	require.NoError(t, os.Remove(filler))
	p.server.Restart()
	<-published
	w.check()
}

// What is published is refused, and what is to be finished is finished: that is what makes room.
func TestAServerWithoutMemoryTakesNothingNewAndLetsTheRestFinish(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	y := newYardOn(t, server)
	a, b := y.node("a", loose("mail"), strict("sum")), y.node("b", loose("mail"), strict("sum"))
	a.publish("k", "1", "2", "3")
	ds := a.pull(2, "1", "2")
	require.NoError(t, server.Client().ConfigSet(y.soon(), "maxmemory", strconv.FormatInt(1<<20, 10)).Err())

	ctx, stop := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer stop()
	ev, err := y.stamper.Root(step{"k", "4"}, y.clock())
	require.NoError(t, err)
	answers, err := a.Publish(ctx, []actors.Event{ev})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "OOM")
	require.Len(t, answers, 1)
	assert.Equal(t, spine.Refused, answers[0].Code)

	change := a.changed(ds[0], 1, 0)
	require.Equal(t, []spine.AnswerCode{spine.Settled, spine.Settled}, a.settle(a.done(ds[0], 0, "1"), change))
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.retry(ds[1], 0, 1, time.Minute)))
	a.renew(y.soon())
	require.NotEmpty(t, a.token(), "its lease is renewed")
	b.takeOver()
	y.advance(time.Minute)
	ds = b.pull(2, "2", "3")
	for i, d := range ds {
		require.Equal(t, []spine.AnswerCode{spine.Settled, spine.Settled}, b.settle(b.done(d, 0, texts(ds)[i]), b.changed(d, 1, uint64(i+1))))
	}
	y.finished([]string{"mail", "sum"}, "1", "2", "3")
	require.NoError(t, server.Client().ConfigSet(y.soon(), "maxmemory", "0").Err())
	b.publish("k", "5")
	b.pull(1, "5")
}

// A transaction with reads of groups is given up by a server that is out of memory; the commit in it is not.
func TestACommitWithAPullIsAppliedByAServerWithoutMemory(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	y := newYardOn(t, server)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	ds := a.pull(1, "1")
	got := a.waiting()
	require.NoError(t, server.Client().ConfigSet(y.soon(), "maxmemory", strconv.FormatInt(1<<20, 10)).Err())
	before := len(a.tap.of(commitScript))
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(ds[0], "k", "2")))
	ds = <-got
	assert.Equal(t, []string{"2"}, texts(ds))
	sent := a.tap.of(commitScript)
	require.Len(t, sent, before+2, "with a pull, and alone")
	assert.Len(t, sent[before+1].calls, 1)
	a.finish(ds...)
	a.nothing()
}

func TestPublishersWaitForMemory(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.Start(t))
	w := p.work(p.server.URL(), p.organs())
	w.orders(500)
	require.NoError(t, p.server.Client().ConfigSet(p.soon(), "maxmemory", strconv.FormatInt(1<<20, 10)).Err())
	published := make(chan struct{})
	go func() { // ends when there is memory again
		defer close(published)
		w.orders(500)
	}()
	require.Eventually(t, func() bool {
		stats := p.server.Client().Info(context.Background(), "errorstats").Val()
		return strings.Contains(stats, "errorstat_OOM")
	}, 30*time.Second, time.Millisecond)
	require.NoError(t, p.server.Client().ConfigSet(p.soon(), "maxmemory", "0").Err())
	<-published
	w.check()
}
