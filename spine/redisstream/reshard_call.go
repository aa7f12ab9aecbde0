package redisstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/spine"
)

// operatorScripts are those that only Reshard calls.
var operatorScripts = []string{"reshard_begin", "reshard_page", "reshard_switch", "reshard_sweep", "reshard_abort"}

func operatorSource(script string) string {
	source, err := scriptFiles.ReadFile("scripts/" + script + ".lua")
	if err != nil {
		panic(err) // it is not in the program: no user's mistake
	}
	return string(source)
}

// operatorCall makes a call of a script that only operators need: it is sent whole, so that nobody else's rights have to allow what it
// does.
func operatorCall(script string, keys []string, args []any) *call {
	words := []any{"EVAL", operatorSource(script), len(keys)}
	for _, key := range keys {
		words = append(words, key)
	}
	return plain(append(words, args...)...)
}

// decide sends a call on which all depends. It tries on for a while after ctx has ended.
func (m *mover) decide(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.settings.lease)
	defer cancel()
	return m.until(ctx, c)
}

// until sends a call until it has an answer. A server without memory is no answer to wait for: what it lacks is what this operation takes.
func (m *mover) until(ctx context.Context, c *call) error {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := m.once(ctx, c)
		if err == nil || isOutOfMemory(err) {
			return err
		}
		m.trouble(err)
		if stop := m.rest(ctx, attempt); stop != nil {
			return errors.Join(stop, err)
		}
	}
}

// read sends plain commands until each has an answer, and reports the first error among the answers.
func (m *mover) read(ctx context.Context, calls ...*call) error {
	if err := ctx.Err(); err != nil || len(calls) == 0 {
		return err
	}
	if err := m.insist(ctx, calls...); err != nil {
		return err
	}
	for _, c := range calls {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// refused is the error of a script that has not said OK.
func refused(c *call) error {
	switch {
	case c.err != nil:
		return c.err
	case c.word() == "OK":
		return nil
	case c.word() == "FENCED":
		return fmt.Errorf("%w: a shard, or the whole, is another's now", ErrServed)
	case c.word() == "SERVICES":
		return fmt.Errorf("%w: there is a new service", ErrServed)
	case c.word() == "WRITTEN":
		return fmt.Errorf("%w: somebody has written to %q meanwhile", ErrStore, text(c.part(1)))
	}
	return fmt.Errorf("%w: it has gone back behind what it had answered", spine.ErrStoreLost)
}
