package redis

import (
	"context"
	"time"

	"github.com/hibiken/asynq"
	goredis "github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/bench/redis/server"
)

// tasks is an asynq server with a task type for each hop.
type tasks struct {
	to     Reports
	client *asynq.Client
	server *asynq.Server
	redis  *goredis.Client
}

var taskTypes = [Hops]string{"bench:a", "bench:b", "bench:c", "bench:d"}

const (
	// taskLook is how soon an idle server looks again; the default is a second.
	taskLook = time.Millisecond
	// taskPool is connections beside those of the workers.
	taskPool = 8
)

// openAsynq opens a line of so many workers.
func openAsynq(concurrency int) Open {
	return func(_ context.Context, addr string, to Reports) (Line, error) {
		redis := server.Connect(addr, concurrency+taskPool)
		t := &tasks{
			to: to, redis: redis, client: asynq.NewClientFromRedisClient(redis),
			server: asynq.NewServerFromRedisClient(redis, asynq.Config{
				Concurrency: concurrency, TaskCheckInterval: taskLook, LogLevel: asynq.FatalLevel,
			}),
		}
		mux := asynq.NewServeMux()
		for _, name := range taskTypes {
			mux.HandleFunc(name, t.handle)
		}
		if err := t.server.Start(mux); err != nil {
			redis.Close()
			return nil, err
		}
		return t, nil
	}
}

// handle is the handler of all types.
func (t *tasks) handle(ctx context.Context, task *asynq.Task) error {
	out, ok := next(task.Payload())
	if !ok {
		t.to.Done(numberOf(task.Payload()))
		return nil
	}
	return t.enqueue(ctx, out)
}

func (t *tasks) enqueue(ctx context.Context, body []byte) error {
	_, err := t.client.EnqueueContext(ctx, asynq.NewTask(taskTypes[hopOf(body)], body))
	return err
}

// Publish implements Line.
func (t *tasks) Publish(ctx context.Context, first uint64, n int) error {
	for number := first; number < first+uint64(n); number++ {
		if err := t.enqueue(ctx, newBody(number)); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Line.
func (t *tasks) Close() error {
	t.server.Shutdown()
	return t.redis.Close()
}
