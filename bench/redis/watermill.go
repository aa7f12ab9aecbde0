package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/necrostack/necrostack/bench/redis/server"
)

// mill is a Watermill Router over Redis streams: a topic for each hop, and a handler for each topic and consumer.
type mill struct {
	to        Reports
	router    *message.Router
	publisher *redisstream.Publisher
	lastID    atomic.Uint64
	ended     chan error // of the router
}

var topics = [Hops]string{"A", "B", "C", "D"}

const (
	millGroup = "v"
	// millPool is connections for each handler: one blocks in its read, others acknowledge and look for what was
	// left behind.
	millPool = 4 * Hops
)

// openWatermill opens a line with so many consumers per topic.
func openWatermill(consumers int) Open {
	return func(ctx context.Context, addr string, to Reports) (Line, error) {
		m := &mill{to: to, ended: make(chan error, 1)}
		var err error
		if m.router, err = message.NewRouter(message.RouterConfig{}, watermill.NopLogger{}); err != nil {
			return nil, err
		}
		// The Router closes publishers and subscribers, and these their clients.
		client := server.Connect(addr, consumers*millPool)
		if m.publisher, err = redisstream.NewPublisher(redisstream.PublisherConfig{Client: client}, nil); err != nil {
			return nil, errors.Join(err, client.Close())
		}
		for i := range consumers {
			if err := m.consume(addr, strconv.Itoa(i)); err != nil {
				return nil, errors.Join(err, m.publisher.Close())
			}
		}
		go func() { m.ended <- m.router.Run(context.Background()) }() // ends with Close
		select {
		case <-m.router.Running():
			return m, nil
		case err := <-m.ended:
			return nil, errors.Join(fmt.Errorf("router: %w", err), m.publisher.Close())
		}
	}
}

// consume adds a consumer of all topics.
func (m *mill) consume(addr, name string) error {
	client := server.Connect(addr, millPool)
	subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{
		Client: client, Consumer: name, ConsumerGroup: millGroup,
		DisableIndefiniteInitialBlock: true, // so that it can be closed
	}, nil)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	for i := range Hops - 1 {
		m.router.AddHandler(topics[i]+name, topics[i], subscriber, topics[i+1], m.publisher, m.relay)
	}
	m.router.AddConsumerHandler(topics[Hops-1]+name, topics[Hops-1], subscriber, func(in *message.Message) error {
		m.to.Done(numberOf(in.Payload))
		return nil
	})
	return nil
}

// relay is the handler of all topics but the last.
func (m *mill) relay(in *message.Message) ([]*message.Message, error) {
	out, ok := next(in.Payload)
	if !ok {
		return nil, nil
	}
	return []*message.Message{m.message(out)}, nil
}

// message has an id that costs next to nothing.
func (m *mill) message(body []byte) *message.Message {
	return message.NewMessage(strconv.FormatUint(m.lastID.Add(1), 10), body)
}

// Publish implements Line.
func (m *mill) Publish(_ context.Context, first uint64, n int) error {
	batch := make([]*message.Message, n)
	for i := range batch {
		batch[i] = m.message(newBody(first + uint64(i)))
	}
	return m.publisher.Publish(topics[0], batch...)
}

// Close implements Line.
func (m *mill) Close() error { return errors.Join(m.router.Close(), <-m.ended) }
