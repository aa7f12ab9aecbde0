package chain

import (
	"github.com/ThreeDotsLabs/watermill"

	"github.com/necrostack/necrostack/spine"
)

// Shares of the slow ones.
const (
	jsonShare = 0.05 // the codec twice per hop
	millShare = 0.04
)

// millWindow is where Watermill is at its best: each message in flight is three goroutines.
const millWindow = 128

// Contestants returns all contestants. The first one of ours is the headline: everything on, organs
// without state, events without keys.
func Contestants() []Contestant {
	one, two := spine.Workers(1), spine.Workers(2)
	return append([]Contestant{
		{Name: "Spine, stateless organs", Kind: Ours, Share: 1, Open: openSpine(one)},
		{Name: "Spine, two workers per organ", Kind: Ours, Share: 1, Open: openSpine(two)},
		{Name: "Spine, events with keys", Kind: Ours, Share: 1, Open: openSpineKeyed(one)},
		{Name: "Spine, events with keys, two workers", Kind: Ours, Share: 1, Open: openSpineKeyed(two)},
		{Name: "Spine, keyed organs", Kind: Ours, Share: 0.5, Open: openSpineCells},
		{Name: "Spine, checking mode", Kind: Ours, Share: jsonShare, Open: openSpine(one, spine.WithChecking())},
		{Name: "proto.actor, direct sends", Kind: Direct, Share: 1, Open: openDirect},
		{Name: "four goroutines, buffered channels", Kind: Channels, Share: 1, Open: openChannels},
	}, mills()...)
}

// mills are Watermill as it comes, and in what was best of many settings tried.
func mills() []Contestant {
	mill := func(name string, window int, s watermillSetting) Contestant {
		return Contestant{Name: "Watermill, " + name, Kind: Watermill, Share: millShare, Window: window, Open: openWatermill(s)}
	}
	return []Contestant{
		mill("defaults", 0, watermillSetting{shared: true, ids: watermill.NewUUID}),
		mill("window 128", millWindow, watermillSetting{shared: true, ids: watermill.NewUUID}),
		mill("window 128, buffer 1024, counted ids", millWindow, watermillSetting{buffer: 1024, shared: true, ids: counted()}),
		mill("the same, a GoChannel per topic", millWindow, watermillSetting{buffer: 1024, ids: counted()}),
	}
}
