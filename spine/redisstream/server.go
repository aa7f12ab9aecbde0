package redisstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// server is all that the backend asks of Redis. In tests it is a store of our own, whose answers get lost and come
// late at will.
type server interface {
	// do sends calls in one go and takes their answers: loose ones, in their order, and after them those of tx, between which
	// comes nothing of anybody else. Every call has an answer, or an error of its own.
	do(ctx context.Context, loose, tx []*call)
	// wait sends a call that the server may leave unanswered for a while. It has one at a time.
	wait(ctx context.Context, c *call)
	close()
}

// call is one call of a script, or a plain command.
type call struct {
	script *script
	keys   []string
	args   []any
	reply  any
	err    error // no answer, or an answer that is an error
}

// redisServer is the real one.
type redisServer struct{ main, blocking *redis.Client }

func (r *redisServer) do(ctx context.Context, loose, tx []*call) {
	pipe := r.main.Pipeline()
	cmds := make([]*redis.Cmd, 0, len(loose)+len(tx))
	for _, c := range loose {
		cmds = append(cmds, c.queue(ctx, pipe))
	}
	var exec *redis.Cmd
	if len(tx) > 0 {
		pipe.Do(ctx, "MULTI")
		for _, c := range tx {
			cmds = append(cmds, c.queue(ctx, pipe))
		}
		exec = pipe.Do(ctx, "EXEC")
	}
	_, _ = pipe.Exec(ctx) // every command has its own error
	for i, c := range loose {
		c.take(cmds[i])
	}
	if exec != nil {
		takeAll(tx, cmds[len(loose):], exec)
	}
}

func (c *call) queue(ctx context.Context, pipe redis.Pipeliner) *redis.Cmd {
	if c.script != nil {
		return pipe.EvalSha(ctx, c.script.sha, c.keys, c.args...)
	}
	return pipe.Do(ctx, c.args...)
}

// takeAll notes the answers of a transaction. A server that refuses one of its commands executes none.
func takeAll(tx []*call, queued []*redis.Cmd, exec *redis.Cmd) {
	reply, err := exec.Result()
	answers, _ := reply.([]any)
	if err == nil && len(answers) != len(tx) {
		err = fmt.Errorf("redisstream: %d answers to a transaction of %d", len(answers), len(tx))
	}
	for i, c := range tx {
		c.reply, c.err = nil, err
		switch {
		case queued[i].Err() != nil:
			c.err = queued[i].Err()
		case err == nil:
			c.reply = answers[i]
			if failed, ok := answers[i].(error); ok {
				c.reply, c.err = nil, failed
			}
		}
	}
}

func (r *redisServer) wait(ctx context.Context, c *call) {
	cmd := redis.NewCmd(ctx, c.args...)
	_ = r.blocking.Process(ctx, cmd)
	c.take(cmd)
}

// take notes the answer; that there is nothing is no error.
func (c *call) take(cmd *redis.Cmd) {
	c.reply, c.err = cmd.Result()
	if errors.Is(c.err, redis.Nil) {
		c.reply, c.err = nil, nil
	}
}

func (r *redisServer) close() {
	_ = r.blocking.Close()
	_ = r.main.Close()
}
