package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"syscall"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

const demoUsage = `Usage: trading_orderbook demo --redis URL [--orders N] [--seed N]

Three nodes, each a process of its own, trade random orders. One is killed, another one joins, one leaves; at the end the
books are compared with those of one process that nobody has disturbed.
`

// demonstration is a run of demo.
type demonstration struct {
	store  console.Store
	orders int
	seed   uint64
	console.Console

	began    time.Time
	house    *clearing.House
	floor    *floor // a node that serves nothing: it publishes and asks
	nodes    map[string]*exec.Cmd
	commands []actors.Payload
}

func demo(ctx context.Context, args []string, c console.Console) (err error) {
	d := &demonstration{Console: c, nodes: map[string]*exec.Cmd{}}
	f := console.NewFlags("trading_orderbook demo")
	d.store.Flags(f, "trading-demo-"+newTag(), service)
	f.IntVar(&d.orders, "orders", 20_000, "")
	f.Uint64Var(&d.seed, "seed", 1, "")
	check := func(given map[string]bool, rest []string) error {
		errs := []error{console.NoMore(rest), d.store.Check(given)}
		if d.store.Redis == "" {
			errs = append(errs, errors.New("--redis is missing: nodes share a store"))
		}
		if d.orders < 1 || d.orders > maxOrders {
			errs = append(errs, fmt.Errorf("--orders is %d, want 1 to %d", d.orders, maxOrders))
		}
		return errors.Join(errs...)
	}
	if err := console.ParseFlags(f, args, demoUsage, c.Out, check); err != nil {
		return err
	}
	undisturbed, settled, err := d.alone(ctx)
	if err != nil {
		return fmt.Errorf("undisturbed run: %w", err)
	}
	return d.together(ctx, undisturbed, settled)
}

// say prints a line with the time since the beginning.
func (d *demonstration) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.Out, "%6.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// open opens a floor on a store, with the clearing house.
func (d *demonstration) open(ctx context.Context, store console.Store, p parts) (*floor, func(), error) {
	m, err := openMarket("")
	if err != nil {
		return nil, nil, err
	}
	if p.desk, err = m.config(); err != nil {
		return nil, nil, err
	}
	client, err := clearing.NewClient(d.house.URL(), settlementConnections)
	if err != nil {
		return nil, nil, err
	}
	p.desk.Clearing = client
	p.log, p.service, p.policies = console.NewLog(d.Err, console.LevelOff), store.Service, desk.Policies()
	if p.backend, err = store.Open(ctx, room, p.log); err != nil {
		client.Close()
		return nil, nil, err
	}
	f, err := newFloor(p)
	return f, client.Close, err
}

// alone trades all orders in this process, in memory.
func (d *demonstration) alone(ctx context.Context) (map[string]desk.BookState, int, error) {
	var err error
	if d.house, err = clearing.Open(clearing.HouseConfig{}); err != nil {
		return nil, 0, err
	}
	defer d.house.Close()
	f, closeClient, err := d.open(ctx, console.Store{Service: d.store.Service}, parts{})
	if err != nil {
		return nil, 0, err
	}
	defer closeClient()
	g := newGenerator(d.seed, f.desk.Symbols())
	for i := range d.orders {
		d.commands = append(d.commands, actors.With(g.next(), console.EventID(d.store.Namespace, fmt.Sprint(i), "")))
	}
	w := f.open(ctx)
	for from := 0; err == nil && from < len(d.commands); from += publishChunk {
		_, err = f.spine.Publish(ctx, d.commands[from:min(from+publishChunk, len(d.commands))]...)
	}
	if err == nil {
		err = w.idle(ctx)
	}
	var states map[string]desk.BookState
	if err == nil {
		states, err = f.states(ctx)
	}
	return states, d.house.Tally().Settled, errors.Join(err, w.close(), f.close())
}

// states asks all books.
func (f *floor) states(ctx context.Context) (map[string]desk.BookState, error) {
	all := map[string]desk.BookState{}
	for _, symbol := range f.desk.Symbols() {
		b, err := spine.Ask[desk.BookState](ctx, f.spine, desk.MatchingEngine, symbol, desk.BookStateOf{Orders: true})
		if err != nil && !errors.Is(err, spine.ErrNoCell) {
			return nil, fmt.Errorf("book of %q: %w", symbol, err)
		}
		all[symbol] = b
	}
	return all, nil
}

// together trades the orders on nodes that come and go.
func (d *demonstration) together(ctx context.Context, undisturbed map[string]desk.BookState, settled int) (err error) {
	if d.house, err = clearing.Open(clearing.HouseConfig{}); err != nil {
		return err
	}
	defer d.house.Close()
	d.began = time.Now()
	store := d.store
	store.Node = "demo"
	f, closeClient, err := d.open(ctx, store, parts{durable: true, node: store.Node, onlooker: true})
	if err != nil {
		return err
	}
	defer closeClient()
	d.floor = f
	w := f.open(ctx)
	err = d.act(ctx, w)
	if err == nil {
		err = d.compare(ctx, undisturbed, settled)
	}
	return errors.Join(err, d.dismiss(), w.close(), f.close())
}

// act is what happens.
func (d *demonstration) act(ctx context.Context, w *work) error {
	for _, name := range []string{"a", "b", "c"} {
		if err := d.start(ctx, name); err != nil {
			return err
		}
	}
	if err := d.until(ctx, func(s cluster.Status) bool { return d.served(s, 3) }); err != nil {
		return err
	}
	d.say("orders begin")
	published := make(chan error, 1)
	go func() { published <- d.publish(ctx) }() // ends with the orders, or ctx
	steps := []func(context.Context) error{d.kill, func(ctx context.Context) error { return d.start(ctx, "d") }, d.leave}
	for _, step := range steps {
		if err := d.rest(ctx, 2*time.Second); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := <-published; err != nil {
		return err
	}
	d.say("all %s are entered", console.Plural(d.orders, "order"))
	return w.idle(ctx)
}

// publish publishes the orders over some seconds.
func (d *demonstration) publish(ctx context.Context) error {
	const duration, chunk = 8 * time.Second, 100
	pause := duration * chunk / time.Duration(d.orders)
	for from := 0; from < len(d.commands); from += chunk {
		if _, err := d.floor.spine.Publish(ctx, d.commands[from:min(from+chunk, len(d.commands))]...); err != nil {
			return err
		}
		if err := d.rest(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start starts a node, as anybody would from a shell, and prints what it says.
func (d *demonstration) start(ctx context.Context, name string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "--redis", d.store.Redis, "--namespace", d.store.Namespace, "--service", d.store.Service,
		"--shards", strconv.Itoa(d.store.Shards), "--node", name, "--clearing", d.house.URL())
	cmd.Env, cmd.Stderr = append(os.Environ(), "NO_COLOR=1"), d.Err
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("node %q: %w", name, err)
	}
	d.nodes[name] = cmd
	go d.relay(out) // ends with the node
	return nil
}

// relay prints the lines of a node that say what it serves.
func (d *demonstration) relay(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, said, ok := cutTime(lines.Text()); ok {
			d.say("    %s", said)
		}
	}
}

// cutTime cuts the time of day off a line of serve.
func cutTime(line string) (at, said string, ok bool) {
	const width = len("15:04:05.0  ")
	if len(line) < width || line[2] != ':' {
		return "", line, false
	}
	return line[:width-2], line[width:], true
}

// until waits until the cluster is as it should be.
func (d *demonstration) until(ctx context.Context, is func(cluster.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !is(d.floor.node.Status()) {
		if err := d.rest(ctx, glance); err != nil {
			return err
		}
	}
	return nil
}

// served reports whether so many members, and nobody else, own all shards.
func (d *demonstration) served(s cluster.Status, members int) bool {
	loads := s.Plan.Loads()
	total := 0
	for _, n := range loads {
		total += n
	}
	return len(loads) == members && total == len(s.Plan) && total > 0
}

// kill kills a node in the middle of its work.
func (d *demonstration) kill(ctx context.Context) error {
	cmd := d.nodes["b"]
	delete(d.nodes, "b")
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait() // it was killed: that is its error
	at := time.Now()
	d.say("b is killed (SIGKILL)")
	if err := d.until(ctx, func(s cluster.Status) bool { return d.served(s, 2) }); err != nil {
		return err
	}
	d.say("its shards are others', %s after; the lease is %s", time.Since(at).Round(10*time.Millisecond), console.Lease)
	return nil
}

// leave has a node leave in order.
func (d *demonstration) leave(ctx context.Context) error {
	cmd := d.nodes["c"]
	delete(d.nodes, "c")
	at := time.Now()
	d.say("c is told to leave (SIGTERM)")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("node c: %w", err)
	}
	d.say("c is gone, %s after", time.Since(at).Round(10*time.Millisecond))
	return ctx.Err()
}

// dismiss ends the nodes that are left.
func (d *demonstration) dismiss() error {
	var errs []error
	for name, cmd := range d.nodes {
		_ = cmd.Process.Signal(syscall.SIGTERM) // one that has ended says so below
		if err := cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// compare holds the books against those of the undisturbed run.
func (d *demonstration) compare(ctx context.Context, want map[string]desk.BookState, settled int) error {
	got, err := d.floor.states(ctx)
	if err != nil {
		return err
	}
	for _, symbol := range d.floor.desk.Symbols() {
		book := want[symbol]
		if !reflect.DeepEqual(book, got[symbol]) {
			return fmt.Errorf("%w: %s is another one than in the undisturbed run", errBalance, symbol)
		}
		d.say("%-6s %s, %s resting: as undisturbed", symbol, console.Plural(int(book.Trades), "trade"), console.Plural(book.Live, "order"))
	}
	tally := d.house.Tally()
	if tally.Settled != settled {
		return fmt.Errorf("%w: %d trades were settled, %d without disturbance", errBalance, tally.Settled, settled)
	}
	d.say("%s settled, each once (%d asked again after the disturbances)", console.Plural(settled, "trade"), tally.Repeated)
	return nil
}
