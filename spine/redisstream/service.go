package redisstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// ErrServed reports that a service cannot be rewound or removed: it is at work, or has too much that is unsettled.
var ErrServed = errors.New("redisstream: the service is being served")

// Services returns the names of all services that the store knows, in order.
func (b *Backend) Services(ctx context.Context) ([]string, error) {
	if err := b.found(ctx); err != nil {
		return nil, err
	}
	reply, err := b.ask(ctx, "HKEYS", b.keys.load())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, field := range stringsOf(list(reply)) {
		if name, ok := strings.CutPrefix(field, "a:"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// RewindService lets a service begin anew with the oldest events there are (WithRetain): its cells and its progress are dropped, its dead letters
// stay. What it emitted for an event before is not emitted again: until it has caught up, emissions are discarded. For
// projections, whose steps have changed.
//
// No node may serve the service; RewindService waits until leases of nodes that have died run out, or ctx ends (ErrServed). Broken off, it
// leaves the service closed to all until it is rewound again.
func (b *Backend) RewindService(ctx context.Context, service string) error {
	o, err := b.operate(ctx, service)
	if err != nil {
		return fmt.Errorf("rewind service %q: %w", service, err)
	}
	defer o.end()
	c := &call{script: rewindScript, keys: []string{b.keys.load()}, args: []any{service, len(o.shards), mostUnsettled}}
	for _, s := range o.shards {
		c.keys = append(c.keys, s.in)
	}
	for _, s := range o.shards {
		c.keys = append(c.keys, s.shardKeys.delayed)
	}
	for _, s := range o.shards {
		c.keys, c.args = append(c.keys, s.own), append(c.args, s.token)
	}
	for _, s := range o.shards {
		c.keys = append(c.keys, s.loudKey)
	}
	if err := o.run(ctx, c); err != nil {
		return fmt.Errorf("rewind service %q: %w", service, err)
	}
	return o.clear(ctx)
}

// mostUnsettled is how many entries of a shard may be unsettled when a service is rewound.
const mostUnsettled = 10_000

// RemoveService forgets a service for good: what waits for it, its cells, its dead letters. The streams need not be kept for
// it any longer. It waits as RewindService does.
func (b *Backend) RemoveService(ctx context.Context, service string) error {
	o, err := b.operate(ctx, service)
	if err != nil {
		return fmt.Errorf("remove service %q: %w", service, err)
	}
	defer o.end()
	if err := o.clear(ctx); err != nil {
		return err
	}
	c := &call{
		script: forgetScript, keys: []string{b.keys.load(), b.keys.service(service), b.keys.letters(service)},
		args: []any{service, len(o.shards)},
	}
	for _, s := range o.shards {
		c.keys = append(c.keys, s.in)
	}
	for _, s := range o.shards {
		c.keys, c.args = append(c.keys, s.own), append(c.args, s.token)
	}
	if err := o.run(ctx, c); err != nil {
		return fmt.Errorf("remove service %q: %w", service, err)
	}
	if _, err := o.ask(ctx, "UNLINK", b.keys.nodes(service), b.keys.agreed(service)); err != nil {
		return fmt.Errorf("remove service %q: %w", service, err)
	}
	return nil
}

// operation owns all shards of a service, to work on the service itself.
type operation struct{ *Backend }

// operate takes all shards of a service.
func (b *Backend) operate(ctx context.Context, service string) (*operation, error) {
	if err := actors.CheckName("service", service); err != nil {
		return nil, fmt.Errorf("redisstream: %w", err)
	}
	if err := b.found(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	mine := b.serving && b.service.Name == service
	store := b.store
	b.mu.Unlock()
	if mine {
		return nil, fmt.Errorf("%w: by this handle", ErrServed)
	}
	organs, err := b.organsOf(ctx, service)
	if err != nil {
		return nil, err
	}
	o := &operation{&Backend{
		settings: b.settings, keys: b.keys, server: b.server, operator: "1", owner: b.owner, store: store,
		closing: make(chan struct{}), changed: make(chan struct{}), pulls: newTurnstile(), commits: newTurnstile(), contests: newTurnstile(),
		service: spine.Service{Name: service, Retired: splitOrgans(organs)}, serving: true,
	}}
	o.keeper.wake = make(chan struct{}, 1)
	for i := range b.shards {
		s := newShard(b.keys, i)
		s.shardKeys = b.shards[i].shardKeys
		s.serve(o.service)
		o.shards = append(o.shards, s)
	}
	o.contend(ctx)
	o.keeper.start(o.Backend)
	for {
		o.mu.Lock()
		held, changed, failed := slices.ContainsFunc(o.shards, func(s *shard) bool { return !s.owned() }), o.changed, o.failed
		o.mu.Unlock()
		switch {
		case failed != nil:
			o.end()
			return nil, failed
		case !held:
			return o, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			err := fmt.Errorf("%w%s: %w", ErrServed, o.holders(), ctx.Err())
			o.end()
			return nil, err
		}
	}
}

// holders names the nodes that keep the operation from its shards, as far as the server tells at once.
func (o *operation) holders() string {
	var calls []*call
	o.mu.Lock()
	for _, s := range o.shards {
		if !s.owned() {
			calls = append(calls, plain("HGET", s.own, "node"))
		}
	}
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), o.settings.link.read)
	defer cancel()
	if o.askAll(ctx, calls) != nil {
		return ""
	}
	var names []string
	for _, c := range calls {
		if name := text(c.reply); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return " by " + strings.Join(names, ", ")
}

// end gives everything back.
func (o *operation) end() {
	o.keeper.stop()
	o.release(context.Background())
}

// run calls a script that changes the service.
func (o *operation) run(ctx context.Context, c *call) error {
	if err := o.insist(ctx, c); err != nil {
		return err
	}
	switch {
	case c.err != nil:
		return c.err
	case c.word() == "OK":
		return nil
	case c.word() == "BUSY":
		return fmt.Errorf("%w: shard %d has %d unsettled events, at most %d may be", ErrServed, number(c.part(1)), number(c.part(2)), mostUnsettled)
	case c.word() == "LOST":
		return spine.ErrStoreLost
	default:
		return fmt.Errorf("%w: %s", ErrServed, c.word())
	}
}

// clear removes what the service has in every shard: it looks at all keys of the server, some at a time.
func (o *operation) clear(ctx context.Context) error {
	for cursor := "0"; ; {
		reply, err := o.ask(ctx, "SCAN", cursor, "MATCH", "{"+globSafe(o.settings.namespace)+":*", "COUNT", scanAtOnce)
		if err != nil {
			return err
		}
		page := list(reply)
		if len(page) < 2 {
			return fmt.Errorf("redisstream: SCAN answered %v", reply)
		}
		if err := o.clearSome(ctx, stringsOf(list(page[1]))); err != nil {
			return err
		}
		if cursor = text(page[0]); cursor == "0" {
			break
		}
	}
	for _, s := range o.shards {
		if err := o.run(ctx, &call{script: clearScript, keys: []string{s.own}, args: []any{s.token}}); err != nil {
			return err
		}
	}
	return nil
}

const scanAtOnce = 1000

// clearSome removes those of the keys that are the service's.
func (o *operation) clearSome(ctx context.Context, keys []string) error {
	for _, s := range o.shards {
		name := sized(o.service.Name)
		c := &call{script: clearScript, keys: []string{s.own}, args: []any{s.token}}
		for _, key := range keys {
			rest, ok := strings.CutPrefix(key, s.tag)
			kind, rest, _ := strings.Cut(rest, ":")
			if !ok || !slices.Contains([]string{"prog", "sus", "due", "idle", "cell"}, kind) {
				continue
			}
			if rest == name || strings.HasPrefix(rest, name+":") {
				c.keys = append(c.keys, key)
			}
		}
		if len(c.keys) == 1 {
			continue
		}
		if err := o.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// globSafe quotes what SCAN would take for a pattern.
func globSafe(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// loudOf reads which entries are not muted, where any are.
func (b *Backend) loudOf(ctx context.Context, s *shard, acquired *call) (map[string]bool, error) {
	if acquired.word() != "OK" || text(acquired.part(8)) == "" {
		return nil, nil
	}
	c := plain("SMEMBERS", s.loudKey)
	if err := errors.Join(b.once(ctx, c), c.err); err != nil {
		return nil, err
	}
	loud := map[string]bool{}
	for _, id := range stringsOf(list(c.reply)) {
		loud[id] = true
	}
	return loud, nil
}
