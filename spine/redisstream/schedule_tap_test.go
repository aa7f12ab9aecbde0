package redisstream

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"
)

// tap stands between an owner and the server, and does to chosen requests what networks do.
type tap struct {
	server

	mu    sync.Mutex
	traps []*trap
	sent  []request
}

// request is what was sent in one go.
type request struct {
	calls []*call
	loose int // those behind are one transaction
}

// fate is what becomes of a request.
type fate int

const (
	stray  fate = iota // it does not arrive, and has no answer; it may come late
	mute               // it arrives, and its answer is lost
	stall              // it does not leave before the test says so
	linger             // it arrives, and its answer does not before the test says so
)

// trap waits for a request with a call of a script.
type trap struct {
	script string
	fate   fate
	n      int // requests that it is for
	request
	met    chan struct{} // closed when the first has come; of linger, when it has been answered
	leave  chan struct{} // closed when it may go on
	tapped *tap
}

// next makes the next n requests with a call of the script meet a fate.
func (t *tap) next(n int, script *script, f fate) *trap {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &trap{script: script.name, fate: f, n: n, met: make(chan struct{}), leave: make(chan struct{}), tapped: t}
	t.traps = append(t.traps, x)
	return x
}

func (t *tap) do(ctx context.Context, loose, tx []*call) {
	x, first := t.note(loose, tx)
	if x == nil {
		t.server.do(ctx, loose, tx)
		return
	}
	switch x.fate {
	case stray:
	case stall:
		close(x.met)
		<-x.leave
		t.server.do(ctx, loose, tx)
		return
	case mute:
		t.server.do(ctx, loose, tx)
	case linger:
		t.server.do(ctx, loose, tx)
		close(x.met)
		<-x.leave
		return
	}
	for _, c := range slices.Concat(loose, tx) {
		c.reply, c.err = nil, io.EOF
	}
	if first {
		close(x.met)
	}
}

// note keeps a copy of what is sent, and finds the trap that it is for.
func (t *tap) note(loose, tx []*call) (x *trap, first bool) {
	r := request{append(copies(loose), copies(tx)...), len(loose)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent = append(t.sent, r)
	for i, x := range t.traps {
		if !r.has(x.script) {
			continue
		}
		first = x.calls == nil
		x.request = r
		if x.n--; x.n == 0 {
			t.traps = slices.Delete(t.traps, i, i+1)
		}
		return x, first
	}
	return nil, false
}

func copies(calls []*call) []*call {
	var all []*call
	for _, c := range calls {
		all = append(all, &call{script: c.script, keys: slices.Clone(c.keys), args: slices.Clone(c.args)})
	}
	return all
}

func (r request) has(script string) bool {
	return slices.ContainsFunc(r.calls, func(c *call) bool { return c.script != nil && c.script.name == script })
}

// of returns the requests so far with a call of a script.
func (t *tap) of(script *script) []request {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []request
	for _, r := range t.sent {
		if r.has(script.name) {
			all = append(all, r)
		}
	}
	return all
}

// come waits until the request has come.
func (x *trap) come(y *yard) {
	y.Helper()
	select {
	case <-x.met:
	case <-y.soon().Done():
		require.FailNow(y, "nobody has called the script "+x.script)
	}
}

// goOn lets a request, or its answer, go on.
func (x *trap) goOn() { close(x.leave) }

// arrive lets a copy of the request arrive, and returns the first words of its answers.
func (x *trap) arrive(y *yard) []string {
	y.Helper()
	calls := copies(x.calls)
	x.tapped.server.do(y.soon(), calls[:x.loose], calls[x.loose:])
	var words []string
	for _, c := range calls {
		require.NoError(y, c.err)
		words = append(words, c.word())
	}
	return words
}

// ask calls a script as an owner could, and returns the first word of the answer.
func (y *yard) ask(n *node, s *script, keys []string, args ...any) string {
	y.Helper()
	c := &call{script: s, keys: keys, args: args}
	n.tap.server.do(y.soon(), []*call{c}, nil)
	require.NoError(y, c.err)
	return c.word()
}
