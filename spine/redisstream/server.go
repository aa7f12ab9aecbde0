package redisstream

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// server is all that the backend asks of Redis. In tests it is a store of our own, whose answers get lost and come
// late at will.
type server interface {
	// do sends calls in one go and takes their answers; tx says that nothing of anybody else may come between them. Every
	// call has an answer, or an error of its own.
	do(ctx context.Context, tx bool, calls []*call)
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

func (r *redisServer) do(ctx context.Context, tx bool, calls []*call) {
	pipe := r.main.Pipeline()
	if tx {
		pipe = r.main.TxPipeline()
	}
	cmds := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		if c.script != nil {
			cmds[i] = pipe.EvalSha(ctx, c.script.sha, c.keys, c.args...)
		} else {
			cmds[i] = pipe.Do(ctx, c.args...)
		}
	}
	_, _ = pipe.Exec(ctx) // every command has its own error
	for i, c := range calls {
		c.take(cmds[i])
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
