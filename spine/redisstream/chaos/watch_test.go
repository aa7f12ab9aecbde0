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
	node     string // owner of the first shard
	finished int64  // events done, as last seen
	since    time.Time
	backlog  int64
	longest  time.Duration // without progress, though there was work
}

// newWatch begins to look.
func newWatch(r reader) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{reader: r, stop: stop, done: make(chan struct{}), tenure: newTenure(), since: time.Now()}
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
	tenure := w.tenure
	w.mu.Unlock()
	client := w.reader.client
	load, err := client.HMGet(ctx, w.reader.namespace+":load", "in", "a:"+service).Result()
	owners := make([]map[string]string, w.reader.shards)
	for i := range owners {
		if err != nil {
			break
		}
		owners[i], err = client.HGetAll(ctx, w.reader.own(i)).Result()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && tenure == w.tenure {
		w.note(load, owners)
	}
	if stall := time.Since(w.since); w.backlog > 0 {
		w.longest = max(w.longest, stall)
	}
}

func (w *watch) note(load []any, owners []map[string]string) {
	in, done := counter(load[0]), counter(load[1])
	w.backlog = in - done
	if done != w.finished || w.backlog == 0 {
		w.finished, w.since = done, time.Now()
	}
	for i, own := range owners {
		w.tenure.see(i, own)
	}
	w.node = owners[0]["node"]
}

func counter(v any) int64 {
	text, _ := v.(string)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// restarted notes that the server is a new process, which may have lost the end of its log.
func (w *watch) restarted(lossy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if lossy {
		next := newTenure()
		next.changes, next.findings = w.tenure.changes, w.tenure.findings
		w.tenure = next
	}
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
