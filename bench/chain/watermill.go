package chain

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/necrostack/necrostack/bench/load"
)

// watermillSetting is one way to set up GoChannel and Router.
type watermillSetting struct {
	buffer int64         // of GoChannel's output channels
	shared bool          // one GoChannel for all topics, not one for each
	ids    func() string // of messages
}

// watermillBytes is the size of a message's payload.
const watermillBytes = 96

// mill is a Router with a handler per topic.
type mill struct {
	setting watermillSetting
	window  *load.Window
	first   *gochannel.GoChannel
	router  *message.Router
	ended   chan error // of the router
}

var topics = [Hops]string{"A", "B", "C", "D"}

func openWatermill(setting watermillSetting) load.Open {
	return func(w *load.Window) (load.Line, error) {
		log := watermill.NopLogger{}
		router, err := message.NewRouter(message.RouterConfig{}, log)
		if err != nil {
			return nil, err
		}
		pipes := setting.pipes(log)
		m := &mill{setting: setting, window: w, first: pipes[0], router: router, ended: make(chan error, 1)}
		for i := range Hops - 1 {
			router.AddHandler("from "+topics[i], topics[i], pipes[i], topics[i+1], pipes[i+1], m.relay)
		}
		router.AddConsumerHandler("last", topics[Hops-1], pipes[Hops-1], func(*message.Message) error {
			w.Done()
			return nil
		})
		go func() { m.ended <- router.Run(context.Background()) }() // ends with Close
		select {
		case <-router.Running():
			return m, nil
		case err := <-m.ended:
			return nil, fmt.Errorf("router: %w", err)
		}
	}
}

// pipes returns the GoChannel of each topic.
func (s watermillSetting) pipes(log watermill.LoggerAdapter) (pipes [Hops]*gochannel.GoChannel) {
	for i := range pipes {
		if i > 0 && s.shared {
			pipes[i] = pipes[0]
			continue
		}
		pipes[i] = gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: s.buffer}, log)
	}
	return pipes
}

// relay is the handler of all topics but the last.
func (m *mill) relay(in *message.Message) ([]*message.Message, error) {
	payload := make([]byte, watermillBytes)
	copy(payload, in.Payload)
	payload[0]++
	return []*message.Message{message.NewMessage(m.setting.ids(), payload)}, nil
}

// Feed implements load.Line.
func (m *mill) Feed(ctx context.Context, n int) error {
	var batch []*message.Message
	return m.window.Feed(ctx, n, func(n int) error {
		batch = batch[:0]
		for range n {
			batch = append(batch, message.NewMessage(m.setting.ids(), make([]byte, watermillBytes)))
		}
		return m.first.Publish(topics[0], batch...)
	})
}

// Close implements load.Line.
func (m *mill) Close() error { return errors.Join(m.router.Close(), <-m.ended) }

// counted returns ids that cost next to nothing.
func counted() func() string {
	var last atomic.Uint64
	return func() string { return strconv.FormatUint(last.Add(1), 10) }
}
