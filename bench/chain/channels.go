package chain

import (
	"context"
	"sync"

	"github.com/necrostack/necrostack/bench/load"
)

// channelBuffer is the capacity of each channel; from 1,000 on more of it changes nothing.
const channelBuffer = 1024

// channels is four goroutines, and before each a buffered channel.
type channels struct {
	window *load.Window
	first  chan *load.Body
	group  sync.WaitGroup
	at     uint64
}

func openChannels(w *load.Window) (load.Line, error) {
	c := &channels{window: w, first: make(chan *load.Body, channelBuffer)}
	in := c.first
	for range Hops - 1 {
		out := make(chan *load.Body, channelBuffer)
		from := in
		c.group.Go(func() { // ends with Close
			for b := range from {
				next := b.Next()
				out <- &next
			}
			close(out)
		})
		in = out
	}
	c.group.Go(func() { // ends with the one before
		for range in {
			w.Done()
		}
	})
	return c, nil
}

// Feed implements load.Line.
func (c *channels) Feed(ctx context.Context, n int) error {
	return c.window.Feed(ctx, n, func(n int) error {
		for range n {
			c.first <- &load.Body{Number: c.at}
			c.at++
		}
		return nil
	})
}

// Close implements load.Line.
func (c *channels) Close() error {
	close(c.first)
	c.group.Wait()
	return nil
}
