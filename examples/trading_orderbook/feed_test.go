package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

func TestFeedHasTheDepthOrSaysSo(t *testing.T) {
	t.Parallel()
	first := desk.BookChanged{Symbol: "A", Sequence: 1, Levels: []desk.LevelChange{{Side: "BUY", Price: "1.00", Quantity: 5, Orders: 1}, {Side: "SELL", Price: "1.10", Quantity: 7, Orders: 2}}}
	second := desk.BookChanged{Symbol: "A", Sequence: 2, Levels: []desk.LevelChange{{Side: "BUY", Price: "1.00"}}}
	third := desk.BookChanged{Symbol: "A", Sequence: 3, Levels: []desk.LevelChange{{Side: "BUY", Price: "1.05", Quantity: 1, Orders: 1}}}
	bid := []desk.Level{{Price: "1.00", Quantity: 5, Orders: 1}}
	ask := []desk.Level{{Price: "1.10", Quantity: 7, Orders: 2}}
	for name, c := range map[string]struct {
		changes []desk.BookChanged
		depth   desk.Depth
		agrees  bool
	}{
		"nothing":            {nil, desk.Depth{Symbol: "A"}, true},
		"nothing of it":      {nil, desk.Depth{Symbol: "A", Sequence: 1, Bids: bid}, false},
		"one":                {[]desk.BookChanged{first}, desk.Depth{Symbol: "A", Sequence: 1, Bids: bid, Asks: ask}, true},
		"other side":         {[]desk.BookChanged{first}, desk.Depth{Symbol: "A", Sequence: 1, Bids: ask, Asks: bid}, false},
		"a level more":       {[]desk.BookChanged{first}, desk.Depth{Symbol: "A", Sequence: 1, Bids: bid}, false},
		"behind":             {[]desk.BookChanged{first}, desk.Depth{Symbol: "A", Sequence: 2, Bids: bid, Asks: ask}, false},
		"level gone":         {[]desk.BookChanged{first, second}, desk.Depth{Symbol: "A", Sequence: 2, Asks: ask}, true},
		"again, and too old": {[]desk.BookChanged{first, second, second, first}, desk.Depth{Symbol: "A", Sequence: 2, Asks: ask}, true},
		"gap":                {[]desk.BookChanged{first, third}, desk.Depth{Symbol: "A", Sequence: 3, Bids: append([]desk.Level{{Price: "1.05", Quantity: 1, Orders: 1}}, bid...), Asks: ask}, false},
	} {
		f := newFeed()
		for _, x := range c.changes {
			f.change(&x)
		}
		assert.Equal(t, c.agrees, f.agrees(c.depth), name)
	}
}

func TestUnansweredCommandIsUnderWay(t *testing.T) {
	t.Parallel()
	s := newStories(1)
	ev := newEvent(t, desk.OrderSubmitted{OrderID: "a", Symbol: "AAPL"})
	s.received(ev)
	s.received(ev)
	s.received(newEvent(t, desk.OrderSubmitted{OrderID: "b", Symbol: "AAPL"}))
	list, more := s.list()
	assert.Len(t, list, 1, "an event that is handed out again is no other story")
	assert.Equal(t, 1, more, "the first ones are kept")
	assert.Equal(t, "under way", strings.TrimSpace(list[0].tell()[0].String()))
}
