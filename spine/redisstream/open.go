package redisstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/spine"
)

// layout is the version of keys, scripts and what they write. A program that knows of no generations must not open a store that
// has one, so that is another layout; and nobody must open one that is on its way from one to the next.
const (
	layout       = "1"
	layoutMoved  = "2"
	layoutMoving = "moving"
)

// Open implements spine.Backend. Shards that another node holds are taken over when their lease has run out, or is
// released; until then Pull brings nothing of them. Opened again, the handle drops what it knows and
// begins as a new owner.
func (b *Backend) Open(ctx context.Context, service spine.Service) error {
	if err := service.Validate(); err != nil {
		return err
	}
	if err := b.found(ctx); err != nil {
		return err
	}
	if err := b.pulls.enter(ctx); err != nil {
		return err
	}
	defer b.pulls.leave()
	if err := b.commits.enter(ctx); err != nil {
		return err
	}
	defer b.commits.leave()
	if err := b.join(ctx, service); err != nil {
		return err
	}
	b.mu.Lock()
	if err := b.usable(); err != nil {
		b.mu.Unlock()
		return err
	}
	for _, s := range b.shards {
		if s.owned() {
			b.lose(s, true)
		}
	}
	b.service, b.routes, b.serving = service, newRoutes(service), true
	for _, s := range b.shards {
		s.serve(service)
	}
	b.mu.Unlock()
	b.contend(ctx)
	b.mu.Lock()
	if !b.closed {
		b.keeper.start(b)
		b.listener.start(b)
	}
	b.mu.Unlock()
	return b.told()
}

// told logs who holds what this node could not take.
func (b *Backend) told() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := 0
	for _, s := range b.shards {
		if !s.owned() && b.claimed(s) {
			held++
		}
	}
	if held > 0 {
		b.settings.log.Info("another node holds shards; this one waits for them", "service", b.service.Name, "shards", held)
	}
	return b.usable()
}

// found makes sure that the server is fit and the store is there, and the same as before.
func (b *Backend) found(ctx context.Context) error {
	b.mu.Lock()
	known, err := b.store, b.usable()
	b.mu.Unlock()
	if err != nil || known != "" {
		return err
	}
	if err := checkServer(ctx, b.rdb, &b.settings, commands()); err != nil {
		return err
	}
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	c := &call{
		script: createScript, keys: []string{b.keys.meta()},
		args: []any{layout, b.settings.shards, hex.EncodeToString(nonce[:])},
	}
	if err := b.insist(ctx, c); err != nil {
		return err
	}
	if c.err != nil {
		return fmt.Errorf("%w: %w", ErrStore, c.err)
	}
	switch got := text(c.part(0)); got {
	case layout, layoutMoved:
	case layoutMoving:
		return fmt.Errorf("%w: it is being resharded, or that was broken off: Reshard ends it", ErrStore)
	default:
		return fmt.Errorf("%w: its layout is %q, this program's is %q", ErrStore, got, layout)
	}
	if got := text(c.part(1)); got != strconv.Itoa(b.settings.shards) {
		return fmt.Errorf("%w: it has %s shards, WithShards says %d", ErrStore, got, b.settings.shards)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store == "" {
		b.store = text(c.part(2))
		b.nameShards(text(c.part(3)))
	}
	return b.usable()
}

// nameShards gives the shards the keys of a generation. Nobody has used those that they had. The lock must be held.
func (b *Backend) nameShards(generation string) {
	for i, s := range b.shards {
		s.shardKeys = b.keys.shardIn(generation, i)
	}
}

// join makes the service known to the store.
func (b *Backend) join(ctx context.Context, service spine.Service) error {
	start := "0"
	if service.Start == spine.FromNow {
		start = "$"
	}
	for {
		seen, err := b.organsOf(ctx, service.Name)
		if err != nil {
			return err
		}
		if err := service.Succeeds(splitOrgans(seen)); err != nil {
			return err
		}
		c := &call{
			script: joinScript, keys: []string{b.keys.meta(), b.keys.load(), b.keys.service(service.Name)},
			args: []any{b.store, service.Name, start, organList(service), seen, len(b.shards)},
		}
		for _, s := range b.shards {
			c.keys = append(c.keys, s.in)
		}
		for _, s := range b.shards {
			c.keys = append(c.keys, s.delayed)
		}
		if err := b.insist(ctx, c); err != nil {
			return err
		}
		switch {
		case c.err != nil:
			return fmt.Errorf("redisstream: open service %q: %w", service.Name, c.err)
		case c.word() == "OK":
			return nil
		case c.word() == "LOST":
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.fail(spine.ErrStoreLost)
		}
	}
}

// organsOf is the list of organs that the store has of a service.
func (b *Backend) organsOf(ctx context.Context, service string) (string, error) {
	organs, err := b.ask(ctx, "HGET", b.keys.service(service), "organs")
	return text(organs), err
}

// organList is the service's organs in one word, whatever their order. Names have no space.
func organList(service spine.Service) string {
	var names []string
	for _, organ := range service.Organs {
		names = append(names, organ.Name)
	}
	return organWord(names)
}

func organWord(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), " ")
}

func splitOrgans(organs string) []string { return strings.Fields(organs) }

// connected looks at the server behind every new connection. One that has started again may have lost the end of what it
// had: everything is taken over anew.
func (b *Backend) connected(ctx context.Context, conn *redis.Conn) error {
	info, err := conn.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(info, "run_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	if b.startedAgain(id) {
		b.warnOfTornFile(ctx, conn)
	}
	return nil
}

// startedAgain notes the server's run, and reports whether it is a new one since the backend serves.
func (b *Backend) startedAgain(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	again := b.runID != "" && b.runID != id && b.serving && !b.closed
	b.runID = id
	if !again {
		return false
	}
	b.settings.log.Warn("the server has started again; all shards are taken over anew", "store", b.settings.target())
	for _, s := range b.shards {
		if s.owned() {
			b.lose(s, false)
		}
	}
	return true
}

// warnOfTornFile says what is to be done if a crash was why the server has started again: nothing it tells shows whether its file
// was torn. Where it may not be asked for its settings there is no more to say than the check has said.
func (b *Backend) warnOfTornFile(ctx context.Context, conn *redis.Conn) {
	settings := redis.NewMapStringStringCmd(ctx, "CONFIG", "GET", "appendonly", loadTruncated)
	if conn.Process(ctx, settings) == nil && settings.Val()["appendonly"] == "yes" && settings.Val()[loadTruncated] == "yes" {
		b.settings.log.Warn(`the server has started again, and aof-load-truncated is "yes": if it crashed, its next start may execute half of `+
			"a transaction that the crash has torn", "store", b.settings.target(), "remedy", "BGREWRITEAOF now; for good, "+remedyTorn)
	}
}
