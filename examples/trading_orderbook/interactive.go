package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

const commands = `  BUY 100 AAPL @ 150.50          a limit order; SELL likewise
  SELL 50 TSLA MKT               at any price; what cannot be had is cancelled
      .. IOC | FOK | POST        at once or cancelled, all or nothing, never take
      .. STOP 152.00             waits for a trade at this price
      .. SHOW 10                 an iceberg
      .. STP OLDEST              self-trade prevention: also NEWEST, BOTH, DECREMENT
      .. UNTIL <time>            good until a TICK reaches it
      .. BY alice                for somebody else
  CANCEL 1        CANCEL ALL [AAPL]
  AMEND 1 50 @ 149.00            new open quantity, new price, or one of them
  PHASE AAPL HALTED              or CANCEL_ONLY, CONTINUOUS
  TICK AAPL 2026-01-31T16:00:00Z
  trader alice                   who you are from now on
  book [AAPL]                    depth ladder
  position [alice]               positions, exposure, volume of the day
  stats                          what has been done
  audit                          heads of the audit chains, computed again
  dead                           dead letters
  show <n>        retry <n>      a dead letter; the same once more for the organ that failed
  outage on|off                  of the local clearing house
  help            quit
`

// session is one interactive run.
type session struct {
	*app
	trader string
	orders int    // that were entered
	tag    string // what their ids begin with
	known  directory
}

// interactive obeys commands until quit, the end of in, or the end of ctx.
func (a *app) interactive(ctx context.Context, in io.Reader) error {
	a.printHead("interactive, help lists the commands")
	w := a.floor.open(ctx)
	s := &session{app: a, trader: "you", known: directory{}}
	if a.options.store.Durable() {
		s.tag = newTag() + "-" // orders of earlier sessions have numbers, too
	}
	err := w.up(ctx)
	if err == nil {
		err = a.printEarlier(ctx, w)
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	err = s.obey(ctx, console.Lines(ctx, in), w.ended, console.Terminal(in))
	if errors.Is(s.settle(ctx), context.DeadlineExceeded) {
		err = errors.Join(err, a.unfinished())
	}
	seen, errSeen := a.look(ctx)
	err = errors.Join(err, errSeen, w.close())
	return errors.Join(err, a.printReport(seen))
}

func (a *app) unfinished() error {
	if a.options.store.Durable() {
		return errors.New("settlements or retries were still waiting; the next run goes on with them")
	}
	return errors.New("settlements or retries were still waiting; in memory they end with the program")
}

// newTag is a word that no other run has.
func newTag() string { return strings.ToLower(rand.Text()[:4]) }

// obey runs commands until there is a reason to stop.
func (s *session) obey(ctx context.Context, lines <-chan console.Line, ended <-chan struct{}, prompt bool) error {
	for {
		if prompt {
			s.printf("%s> ", s.trader)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case l, more := <-lines:
			if !more || l.Err != nil {
				return l.Err
			}
			if quit := s.command(ctx, l.Text); quit {
				return nil
			}
		}
	}
}

// command runs one line. What it cannot do is printed: the next one may do better.
func (s *session) command(ctx context.Context, text string) (quit bool) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch lower := strings.ToLower(verb); {
	case lower == "":
	case lower == "quit", lower == "exit":
		return true
	case isOrderVerb(verb):
		err = s.order(ctx, text)
	default:
		err = s.other(ctx, lower, rest)
	}
	if err != nil {
		s.wrapped("  ! ", err.Error())
	}
	return false
}

// other runs what is not an order.
func (s *session) other(ctx context.Context, verb, rest string) error {
	switch verb {
	case "help":
		s.printf("%s", commands)
	case "trader":
		return s.become(rest)
	case "book":
		return s.book(ctx, strings.ToUpper(rest))
	case "position", "positions":
		return s.position(ctx, rest)
	case "stats":
		return s.stats(ctx)
	case "audit":
		return s.auditNow(ctx)
	case "dead":
		return s.listDead(ctx)
	case "show":
		return s.show(ctx, rest)
	case "retry":
		return s.retry(ctx, rest)
	case "outage":
		return s.outage(rest)
	default:
		return fmt.Errorf("unknown command %q, help lists them", console.Clip(verb, 20))
	}
	return nil
}

func (s *session) become(name string) error {
	if err := actors.CheckName("trader", name); err != nil {
		return err
	}
	s.trader = name
	return nil
}

// order enters a command and tells what becomes of it.
func (s *session) order(ctx context.Context, text string) error {
	c, err := parseCommand(text)
	if err != nil {
		return err
	}
	if c.TraderID == "" && c.Action != desk.ActionCancel && c.Action != desk.ActionAmend {
		c.TraderID = s.trader // whoever sits here may cancel and amend for everybody
	}
	switch c.Action {
	case "":
		s.orders++
		c.OrderID = s.tag + fmt.Sprint(s.orders)
	case desk.ActionCancel, desk.ActionAmend:
		if err := s.locate(ctx, c.OrderID); err != nil {
			return err
		}
	case desk.ActionCancelAll:
		if c.Symbol == "" {
			return s.publish(ctx, s.floor.desk.ForAll(desk.OrderSubmitted(c))...)
		}
	}
	return s.publish(ctx, desk.OrderSubmitted(s.known.complete(c)))
}

// locate finds out in which symbol an order is; one of an earlier session is looked for in the books.
func (s *session) locate(ctx context.Context, id string) error {
	if s.known[id] != "" {
		return nil
	}
	for _, symbol := range s.floor.desk.Symbols() {
		b, err := spine.Ask[desk.BookState](ctx, s.floor.spine, desk.MatchingEngine, symbol, desk.BookStateOf{Orders: true})
		if err != nil && !errors.Is(err, spine.ErrNoCell) {
			return err
		}
		if slices.ContainsFunc(b.Orders, func(o desk.RestingOrder) bool { return o.OrderID == id }) {
			s.known[id] = symbol
			return nil
		}
	}
	return fmt.Errorf("no order has the number %q", console.Clip(id, 20))
}

// publish publishes commands, waits for what becomes of them, and prints it.
func (s *session) publish(ctx context.Context, ps ...actors.Payload) error {
	ids, err := s.floor.spine.Publish(ctx, ps...)
	if err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for _, id := range ids {
		x, here := s.floor.stories.of(id)
		if !here && s.floor.node != nil {
			s.printf("  with another node; book and position show what has become of it\n")
			continue
		}
		s.printTold("  "+pad(console.Clip(cmp.Or(x.Asked.OrderID, x.Asked.Symbol), 8), 8), x.tell())
		if x.Refused != nil {
			s.wrapped("             ", x.Refused.Detail)
		}
	}
	return nil
}

// moment is how long a command may take until the next one is asked for.
const moment = 5 * time.Second

// settle returns when nothing is left to do, or after a moment, or when all that is left waits for a
// breaker. The Spine may still be on its way up.
func (s *session) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	for {
		err := s.floor.spine.WaitIdle(ctx)
		if errors.Is(err, spine.ErrWaiting) {
			return context.DeadlineExceeded
		}
		if !errors.Is(err, spine.ErrNotRunning) {
			return err
		}
		timer := time.NewTimer(glance)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
