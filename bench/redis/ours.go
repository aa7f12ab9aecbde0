package redis

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// ours is a Spine with four organs on its Redis backend, everything on.
type ours struct {
	*load.RelayPublisher
	backend *redisstream.Backend
	stop    context.CancelFunc
	ended   chan error // of Run
}

func openOurs(keyed bool, opts ...redisstream.Option) Open {
	return func(ctx context.Context, addr string, to Reports) (Line, error) {
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		opts := append([]redisstream.Option{redisstream.WithRelaxedDurability(), redisstream.WithLogger(quiet)}, opts...)
		b, err := redisstream.New("redis://"+addr, opts...)
		if err != nil {
			return nil, err
		}
		relay := load.Relay{Places: Hops, Keyed: keyed}
		all := []spine.Option{spine.WithService(load.RelayService), spine.WithLogger(quiet), spine.WithHooks(spine.Hooks{
			Settled: func(r spine.Result) {
				if relay.Last(r.Event) {
					to.Done(load.Number(r.Event))
				}
			},
		})}
		for _, organ := range relay.Organs() {
			all = append(all, spine.WithOrgan(organ))
		}
		s, err := spine.New(b, all...)
		if err != nil {
			return nil, errors.Join(err, b.Close(ctx))
		}
		run, stop := context.WithCancel(context.Background())
		o := &ours{
			RelayPublisher: load.NewRelayPublisher(b, relay, load.KeyNames(limitKeys)),
			backend:        b, stop: stop, ended: make(chan error, 1),
		}
		go func() { // ends with Close
			err := s.Run(run)
			if err != nil {
				to.Failed(err)
			}
			o.ended <- err
		}()
		return o, nil
	}
}

func (o *ours) Close() error {
	o.stop()
	err := <-o.ended
	return errors.Join(err, o.backend.Close(context.Background()))
}
