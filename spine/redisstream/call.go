package redisstream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/necrostack/necrostack/supervision"
)

// plain makes a call of a plain command.
func plain(words ...any) *call { return &call{args: words} }

// word is the first word of a reply.
func (c *call) word() string {
	switch reply := c.reply.(type) {
	case string:
		return reply
	case []any:
		if len(reply) > 0 {
			word, _ := reply[0].(string)
			return word
		}
	}
	return ""
}

// part is an element of a reply that is a list.
func (c *call) part(i int) any {
	list, _ := c.reply.([]any)
	if i >= len(list) {
		return nil
	}
	return list[i]
}

func text(reply any) string {
	s, _ := reply.(string)
	return s
}

func number(reply any) int64 {
	n, _ := reply.(int64)
	return n
}

func list(reply any) []any {
	l, _ := reply.([]any)
	return l
}

// repeatBackoff spaces repeats of what got no answer.
var repeatBackoff = supervision.Backoff{Base: 10 * time.Millisecond, Factor: 2, Max: time.Second, Jitter: 0.2}

const repeatSteps = 8

// insist sends calls, and those without an answer again, unchanged, until each has one. The error says why it gave up:
// ctx has ended, or the backend is closed.
func (b *Backend) insist(ctx context.Context, calls ...*call) error {
	left := calls
	for attempt := 1; ; attempt++ {
		var err error
		if left, err = b.send(ctx, left, nil); len(left) == 0 {
			return nil
		}
		b.trouble(err)
		if stop := b.rest(ctx, attempt); stop != nil {
			return fmt.Errorf("%w (last: %w)", stop, err)
		}
	}
}

// once sends calls one time. The error is for all: some may have no answer.
func (b *Backend) once(ctx context.Context, calls ...*call) error {
	left, err := b.send(ctx, calls, nil)
	if len(left) == 0 {
		return nil
	}
	return err
}

// rest waits before a repeat.
func (b *Backend) rest(ctx context.Context, attempt int) error {
	timer := time.NewTimer(repeatBackoff.Delay(min(attempt, repeatSteps), 0.5))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.closing:
		return errClosed
	}
}

// send sends calls in one go, with tx behind them, and returns those calls without an answer. The end of ctx does not cut it
// short, so that the outcome is known wherever the server answers in time.
func (b *Backend) send(ctx context.Context, calls, tx []*call) (left []*call, err error) {
	ctx = context.WithoutCancel(ctx)
	b.server.do(ctx, calls, tx)
	unknown := false
	for _, c := range calls {
		switch {
		case c.err == nil:
		case isNoScript(c.err):
			unknown = true
			left = append(left, c)
		case classOf(c.err) != classAnswered:
			left, err = append(left, c), c.err
		}
	}
	if !unknown {
		return left, err
	}
	if loadErr := b.loadScripts(ctx); loadErr != nil {
		return left, loadErr
	}
	if err == nil {
		return b.send(ctx, left, nil)
	}
	return left, err
}

// isNoScript reports the one answer that is told by its text.
func isNoScript(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") }

// isOutOfMemory reports that the server refuses what may make it grow. The commands of a transaction besides the one that
// is refused have another error.
func isOutOfMemory(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "OOM") }

// isGivenUp reports that a transaction was given up because of another of its commands.
func isGivenUp(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "EXECABORT") }

// loadScripts makes all scripts known to the server.
func (b *Backend) loadScripts(ctx context.Context) error {
	var calls []*call
	for _, s := range allScripts {
		calls = append(calls, plain("SCRIPT", "LOAD", s.source))
	}
	b.server.do(ctx, calls, nil)
	for _, c := range calls {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// ask sends a plain command until it has an answer.
func (b *Backend) ask(ctx context.Context, words ...any) (any, error) {
	c := plain(words...)
	if err := b.insist(ctx, c); err != nil {
		return nil, err
	}
	return c.reply, c.err
}
