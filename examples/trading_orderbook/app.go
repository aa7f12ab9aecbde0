package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
)

// app is the program after its flags are read.
type app struct {
	options    options
	input      input
	market     market
	floor      *floor
	earlier    earlier
	house      *house    // nil: the clearing house is somebody else's
	out        io.Writer // for people
	err        io.Writer // for what people should know while they wait
	colour     palette
	ladderRows int // of a side of a ladder
	closers    []func() error
}

// remembered is how many commands the reports can tell about.
const remembered = 1000

// newApp opens everything; close closes it.
func newApp(ctx context.Context, o options, c console.Console) (a *app, err error) {
	a = &app{options: o, out: c.Out, err: c.Err, ladderRows: ladderRows}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := a.read(); err != nil {
		return a, err
	}
	p := parts{
		log: console.NewLog(c.Err, o.levels), stories: remembered, chains: o.store.Node == "", durable: o.store.Durable(),
		service: o.store.Service, node: o.store.Node,
	}
	if o.stress {
		p.stories, p.chains = 0, false // both cost time
		a.ladderRows = ladderRowsFew
	}
	if p.desk, err = a.market.config(); err != nil {
		return a, err
	}
	if p.policies, err = openPolicies(o.policies); err != nil {
		return a, err
	}
	if p.events, err = a.openEvents(c); err != nil {
		return a, err
	}
	if p.audit, err = a.openFile("audit file", o.audit); err != nil {
		return a, err
	}
	if p.desk.Clearing, err = a.openClearing(); err != nil {
		return a, err
	}
	if p.backend, err = o.store.Open(ctx, room, p.log); err != nil {
		return a, err
	}
	if a.floor, err = newFloor(p); err != nil {
		return a, errors.Join(err, p.backend.Close(ctx))
	}
	a.closers = append(a.closers, a.floor.close)
	a.colour = palette{on: console.Terminal(a.out) && os.Getenv("NO_COLOR") == ""}
	return a, nil
}

// close closes what was opened, the latest first.
func (a *app) close() error {
	var errs []error
	for _, f := range slices.Backward(a.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

func (a *app) read() (err error) {
	if a.options.stress {
		a.market, err = stressMarket(a.options.symbols)
		return err
	}
	if a.market, err = openMarket(a.options.market); err != nil {
		return err
	}
	switch {
	case a.options.file != "":
		a.input, err = openInput(a.options.file)
	case !a.options.interactive && a.options.store.Node == "":
		a.input, err = sampleInput()
	}
	return err
}

// openEvents opens the event log. When it goes to standard output, what is for people does not.
func (a *app) openEvents(c console.Console) (io.Writer, error) {
	if a.options.events == "-" {
		a.out = c.Err
		return c.Out, nil
	}
	return a.openFile("event log", a.options.events)
}

// openFile begins a file; "" is none.
func (a *app) openFile(what, path string) (io.Writer, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	a.closers = append(a.closers, f.Close)
	return f, nil
}

// openClearing finds the clearing house, and starts one when nobody has named any.
func (a *app) openClearing() (*clearing.Client, error) {
	url := a.options.clearing
	if url == "" {
		house, err := openHouse(a.options.house, a.options.seed, a.market.Poor)
		if err != nil {
			return nil, err
		}
		a.house = house
		a.closers = append(a.closers, house.close)
		url = house.URL()
	}
	client, err := clearing.NewClient(url, settlementConnections)
	if err != nil {
		return nil, fmt.Errorf("--clearing: %w", err)
	}
	a.closers = append(a.closers, func() error { client.Close(); return nil })
	return client, nil
}

// settlementConnections are kept open: as many as requests may be out at a time.
const settlementConnections = 8

// batch trades the input and tells what became of it.
func (a *app) batch(ctx context.Context) error {
	a.printHead(fmt.Sprintf("%s from %s", console.Plural(len(a.input.items), "order"), cmp.Or(a.options.file, "the built-in sample")))
	w := a.floor.open(ctx)
	err := a.printEarlier(ctx, w)
	if err == nil {
		err = a.publish(ctx, a.input.payloads())
	}
	if err == nil {
		err = a.await(ctx, w)
	}
	seen, errSeen := a.look(ctx)
	err = errors.Join(err, errSeen, w.close())
	a.printStories()
	if err == nil {
		a.printKnown()
	}
	return errors.Join(a.printReport(seen), a.interrupted(ctx, err))
}

// payloads are the items with what they come from. Everything that follows from them inherits it,
// dead letters too.
func (in *input) payloads() []actors.Payload {
	all := make([]actors.Payload, len(in.items))
	for i, x := range in.items {
		all[i] = actors.With(x.payload, in.id(&x), actors.Meta(metaSource, fmt.Sprintf("%s, line %d", in.source, x.line)))
	}
	return all
}

// id is the same whenever the file is read: a run that was interrupted and begins again publishes the
// same events, and those that are in the store already are recognised.
func (in *input) id(x *item) actors.ID {
	return console.EventID(in.source, strconv.Itoa(x.line), fmt.Sprintf("%#v", x.payload))
}

// printKnown tells of how many commands of the input this run has heard nothing.
func (a *app) printKnown() {
	known := 0
	for i := range a.input.items {
		if !a.floor.stories.began(a.input.id(&a.input.items[i])) {
			known++
		}
	}
	if known > 0 {
		a.printf("      %s were in the store before and are not entered again, or another program has handled them\n", console.Plural(known, "order"))
	}
}

// metaSource is the name of the metadata that says where a command comes from.
const metaSource = "source"

// publishChunk is how many commands are published at once.
const publishChunk = 1024

// publish waits for room where there is none.
func (a *app) publish(ctx context.Context, all []actors.Payload) error {
	for chunk := range slices.Chunk(all, publishChunk) {
		if _, err := a.floor.spine.Publish(ctx, chunk...); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long somebody looks at a program that says nothing.
const patience = 3 * time.Second

// await waits until nothing is left to do. Whoever looks on is told what there is to wait for.
func (a *app) await(ctx context.Context, w *work) error {
	done := make(chan error, 1)
	go func() { done <- w.idle(ctx) }() // ends with the work, or with ctx
	tick := time.NewTicker(patience)
	defer tick.Stop()
	_, before := a.floor.record.counted()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			_, settled := a.floor.record.counted()
			a.tellWaiting(ctx, settled == before)
			before = settled
		}
	}
}

// tellWaiting says what there is to wait for; stuck: nothing was settled since it was asked before.
func (a *app) tellWaiting(ctx context.Context, stuck bool) {
	brief, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	left, err := a.floor.left(brief)
	if err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintf(a.err, "waiting for the store: %v\n", err)
	}
	if err != nil {
		return
	}
	for name, o := range a.floor.spine.Stats().Organs {
		if o.Breaker == "open" || o.Breaker == "half-open" {
			_, _ = fmt.Fprintf(a.err, "waiting for %s: the breaker of %s is %s\n", console.Plural(left, "event"), name, o.Breaker)
			return
		}
	}
	if stuck && a.options.store.Durable() {
		_, _ = fmt.Fprintf(a.err, "waiting for %s: another program may have them in hand\n", console.Plural(left, "event"))
	}
}
