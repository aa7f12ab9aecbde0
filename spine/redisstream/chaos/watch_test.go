package chaos_test

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// watch looks at the store while a round runs.
type watch struct {
	reader reader
	stop   context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	tenure   *tenure
	vacancy  *vacancy
	node     string // owner of the first shard
	finished int64  // events done, as last seen
	since    time.Time
	backlog  int64
	longest  time.Duration // without progress, though there was work
	answered time.Time     // by the server, the last time
	gap      time.Time     // when it answered again after a while
}

// newWatch begins to look.
func newWatch(r reader) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{reader: r, stop: stop, done: make(chan struct{}), tenure: newTenure(), vacancy: newVacancy(), since: time.Now()}
	go func() { // ends with stop
		defer close(w.done)
		for ctx.Err() == nil {
			w.look(ctx)
			pause(ctx, 40*time.Millisecond)
		}
	}()
	return w
}

func (w *watch) end() {
	w.stop()
	<-w.done
}

// look reads once; a server that does not answer is work that makes no progress.
func (w *watch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	w.mu.Lock()
	tenure, reader := w.tenure, w.reader
	w.mu.Unlock()
	load, err := reader.client.HMGet(ctx, reader.namespace+":load", "in", "a:"+service).Result()
	owners := make([]map[string]string, reader.shards)
	for i := range owners {
		if err != nil {
			break
		}
		owners[i], err = reader.client.HGetAll(ctx, reader.own(i)).Result()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.heard(time.Now())
	}
	if err == nil && tenure == w.tenure {
		w.note(load, owners)
	}
	if stall := time.Since(w.since); w.backlog > 0 {
		w.longest = max(w.longest, stall)
	}
}

// longSilence of a server is as if it were stopped: a node that leaves may not get done what it has in hand.
const longSilence = drain / 2

func (w *watch) heard(now time.Time) {
	if now.Sub(w.answered) > longSilence {
		w.gap = now
	}
	w.answered = now
}

// steady reports whether the server has answered all the time since then.
func (w *watch) steady(since time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gap.Before(since) && time.Since(w.answered) < longSilence
}

func (w *watch) note(load []any, owners []map[string]string) {
	in, done := counter(load[0]), counter(load[1])
	w.backlog = in - done
	if done != w.finished || w.backlog == 0 {
		w.finished, w.since = done, time.Now()
	}
	for i, own := range owners {
		w.tenure.see(i, own)
		w.vacancy.see(i, ownerOf(own["tok"]), time.Now())
	}
	w.node = owners[0]["node"]
}

func counter(v any) int64 {
	text, _ := v.(string)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// restarted notes that the server is a new process, which may have lost the end of its log.
func (w *watch) restarted(r reader, lossy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reader = r
	if lossy {
		w.vacancy.forget()
		next := newTenure()
		next.changes, next.findings = w.tenure.changes, w.tenure.findings
		w.tenure = next
	}
}

// fell notes that the owner of shards was killed; calm is when nothing else is amiss.
func (w *watch) fell(owner string, calm bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.vacancy.fell(owner, time.Now(), calm)
}

// orphans is how many shards are without an owner since a kill.
func (w *watch) orphans() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.vacancy.orphans)
}

// ownerOfShard is who owns a shard, as last seen.
func (w *watch) ownerOfShard(shard int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.vacancy.owners[shard]
}

func (w *watch) owner() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.node
}

// idle tells for how long there has been work without progress, and how much there is.
func (w *watch) idle() (stalled time.Duration, backlog int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.backlog == 0 {
		return 0, 0
	}
	return time.Since(w.since), w.backlog
}

// progress is how many events are done.
func (w *watch) progress() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finished
}

func (w *watch) findings() []finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tenure.findings
}
