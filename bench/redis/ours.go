package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// ours is a Spine with four organs on its Redis backend, everything on.
type ours struct {
	backend *redisstream.Backend
	keyed   bool
	stamper *actors.Stamper
	stop    context.CancelFunc
	ended   chan error // of Run
}

// oursTypes are the event types of the hops.
var oursTypes = [Hops]string{"HOP_A", "HOP_B", "HOP_C", "HOP_D"}

func openOurs(keyed bool, opts ...redisstream.Option) Open {
	return func(ctx context.Context, addr string, to Reports) (Line, error) {
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		opts := append([]redisstream.Option{redisstream.WithRelaxedDurability(), redisstream.WithLogger(quiet)}, opts...)
		b, err := redisstream.New("redis://"+addr, opts...)
		if err != nil {
			return nil, err
		}
		o := &ours{
			backend: b, keyed: keyed, ended: make(chan error, 1),
			stamper: actors.NewStamper(actors.StamperOptions{Service: "bench", Encode: true}),
		}
		all := []spine.Option{spine.WithService("bench"), spine.WithLogger(quiet), spine.WithHooks(spine.Hooks{
			Settled: func(r spine.Result) {
				if r.Event.Type() == oursTypes[Hops-1] {
					to.Done(o.number(r.Event))
				}
			},
		})}
		for i := range Hops {
			all = append(all, spine.WithOrgan(o.organ(i)))
		}
		s, err := spine.New(b, all...)
		if err != nil {
			return nil, errors.Join(err, b.Close(ctx))
		}
		run, stop := context.WithCancel(context.Background())
		o.stop = stop
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

type hops struct{ N uint64 }

func (o *ours) organ(i int) actors.Definition {
	name := "organ-" + strconv.Itoa(i)
	if !o.keyed {
		return actors.NewOrgan(name, actors.OnAny([]string{oursTypes[i]}, func(_ context.Context, ev actors.Event) ([]actors.Payload, error) {
			return o.relay(i, ev)
		}))
	}
	return actors.NewKeyed(name, func(string) *hops { return &hops{} },
		actors.StepAny([]string{oursTypes[i]}, func(s *hops, ev actors.Event) ([]actors.Payload, error) {
			s.N++
			return o.relay(i, ev)
		}))
}

// relay passes on the same bytes.
func (o *ours) relay(i int, ev actors.Event) ([]actors.Payload, error) {
	if i == Hops-1 {
		return nil, nil
	}
	data, _, err := ev.Data()
	return []actors.Payload{o.payload(i+1, data, ev.Key())}, err
}

func (o *ours) payload(i int, data []byte, key string) actors.Payload {
	raw := actors.Raw{Type: oursTypes[i], Data: data}
	if !o.keyed {
		return raw
	}
	return actors.With(raw, actors.Key(key))
}

const oursHead = `{"n":"`

// body is a JSON object as long as the others' bodies.
func (o *ours) body(number uint64) []byte {
	head := fmt.Sprintf(`%s%020d","x":"`, oursHead, number)
	return []byte(head + strings.Repeat(string(rune(filling)), bodyBytes-len(head)-2) + `"}`)
}

func (o *ours) number(ev actors.Event) uint64 {
	data, _, _ := ev.Data()
	n, _ := strconv.ParseUint(string(data[len(oursHead):len(oursHead)+20]), 10, 64)
	return n
}

func (o *ours) Publish(ctx context.Context, first uint64, n int) error {
	evs := make([]actors.Event, n)
	now := time.Now()
	for i := range evs {
		number := first + uint64(i)
		ev, err := o.stamper.Root(o.payload(0, o.body(number), "key-"+strconv.FormatUint(number%limitKeys, 10)), now)
		if err != nil {
			return err
		}
		evs[i] = ev
	}
	answers, err := o.backend.Publish(ctx, evs)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Code != spine.Accepted {
			return fmt.Errorf("not accepted: %v", a)
		}
	}
	return nil
}

func (o *ours) Close() error {
	o.stop()
	err := <-o.ended
	return errors.Join(err, o.backend.Close(context.Background()))
}
